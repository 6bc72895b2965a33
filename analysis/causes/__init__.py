"""Causes: what each part contributes, and what the model would compute without it. Changes no network."""
