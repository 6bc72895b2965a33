"""The bundled model: its weights, tokenizer and card, and the scripts that train and evaluate it.

The server uses nothing but `BUNDLED_DIR`, and never these scripts.
"""

from pathlib import Path

BUNDLED_DIR = Path(__file__).parent
