"""This machine's memory and threads. Knows nothing of models or texts."""
