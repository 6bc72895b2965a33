"""The bundled model: weights, tokenizer and card, and the scripts that made and measured them.

What serves the page knows only `BUNDLED_DIR`, and reads the files in it.
"""

from pathlib import Path

BUNDLED_DIR = Path(__file__).parent
