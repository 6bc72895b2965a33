"""Generation: the next token's distribution, a text that the model continues, and what it might have said instead."""
