"""Checkpoints on disk: checks of a model folder, and formats that transformers does not read as we need them."""
