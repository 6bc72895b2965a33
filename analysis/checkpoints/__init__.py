"""Model files: what their folders hold, and formats that transformers does not read as we need them."""
