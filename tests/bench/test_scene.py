"""Size of the 3D figure in bytes, for the shapes of two real models with random values."""

import gzip
from functools import cache
from typing import Any

import numpy as np
import pytest

from analysis.architecture import compute_architecture
from analysis.model_info import ModelInfo
from analysis.selection import Selection
from analysis.tokens import Piece, Token
from analysis.trace import Float, Prompt, Trace
from dashboard.drawing import to_json
from layouts.figures.architecture import architecture_changes, architecture_figure
from layouts.theme import THEMES

SHAPES = {  # blocks, heads, width; most bytes gzipped, of all and of what a click changes
    "gpt2-medium": (24, 16, 1024, 250_000, 25_000),
    "gpt2-xl": (48, 25, 1600, 800_000, 40_000),
}


def made(n_blocks: int, n_heads: int, d_model: int, n_positions: int = 8) -> Trace:
    """A trace of random numbers in a model's shape."""
    info = ModelInfo("GPT-2", n_blocks, n_heads, d_model, d_model // n_heads, 4 * d_model, 50257, 1024, 0, "any")
    tokens = tuple(Token(n, f"·token{n}", n, n) for n in range(n_positions))
    widths = {"residual": d_model, "neurons": 4 * d_model, "head_norms": n_heads, "tile_norms": info.n_tiles}

    @cache
    def array(name: str) -> Float:
        kind = name.split(".", maxsplit=1)[0]
        numbers = np.random.default_rng(list(name.encode()))
        shape = (n_heads, n_positions, n_positions) if kind == "attention" else (n_positions, widths[kind])
        return numbers.random(shape, dtype=np.float32)

    return Trace(Prompt("any", "any"), tokens, info, array)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", SHAPES)
def test_the_3d_figure_is_small(name: str, theme: str, report: Any):
    *shape, most, _ = SHAPES[name]
    result = compute_architecture(made(*shape), Selection.parse("block.3.attention.head.5@4"), 4)
    predictions = [(Piece(n, f"·prediction{n}"), 0.2) for n in range(4)]
    sent = len(
        gzip.compress(architecture_figure(result, predictions=predictions, theme=THEMES[theme]).to_json().encode())
    )
    if theme == "light":
        report(f"3D figure of {name}'s shape, gzipped", f"{sent / 1e3:.0f} kB")
    assert sent <= most


@pytest.mark.parametrize("name", SHAPES)
def test_a_click_changes_little_of_it(name: str, report: Any):
    *shape, _, most = SHAPES[name]
    result = compute_architecture(made(*shape), Selection.parse("block.3.attention.head.5@4"), 4)
    predictions = [(Piece(n, f"·prediction{n}"), 0.2) for n in range(4)]
    traces, annotations = architecture_changes(result, predictions=predictions)
    sent = len(gzip.compress(to_json([list(traces.items()), annotations])))
    report(f"what a click changes in the 3D figure of {name}'s shape, gzipped", f"{sent / 1e3:.0f} kB")
    assert sent <= most
