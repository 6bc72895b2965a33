"""What the embeddings panel shows for a selection."""

from typing import Any

import numpy as np
import pytest

import analysis.embedding
from analysis.embedding import compute_embedding
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.embedding import draw_embedding


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("embedding@2", "Embeddings · before block 0"),
        ("block.0.attention.head.1@2", "Embeddings · after block 0"),
        ("block.2.mlp.neuron.5", "Embeddings · after block 2"),
        ("norm", "Embeddings · after block 2"),
        ("output@0", "Embeddings · after block 2"),
    ],
)
def test_every_part_has_its_place(services: Any, prompt: Prompt, text: str, title: str) -> None:
    figure, heading, reading, shown = draw_embedding(services, prompt, Selection.parse(text))
    assert (heading, shown) == (title, text)
    assert reading.startswith("Nearest to")
    trace = services.trace(prompt)
    result = compute_embedding(trace, Selection.parse(text), 2)
    np.testing.assert_allclose(figure.data[0].x, result.points[:, 0], atol=1e-6)
    position = services.position(trace, Selection.parse(text))
    assert figure.data[-1].customdata == (f"@{position}",)


def test_choices_reach_the_picture(services: Any, prompt: Prompt) -> None:
    selection = Selection.parse("block.1.mlp@3")
    flat = draw_embedding(services, prompt, selection, paths="none")[0]
    assert {trace.type for trace in flat.data} == {"scatter"}
    solid = draw_embedding(services, prompt, selection, dimensions="3", theme="dark", paths="all")[0]
    assert {trace.type for trace in solid.data} == {"scatter3d"}
    raw = draw_embedding(services, prompt, selection, scale="raw")[0]
    assert np.abs(raw.data[0].x).max() > np.abs(flat.data[0].x).max()
    assert "t-SNE with a perplexity" in draw_embedding(services, prompt, selection, method="tsne")[2]


def test_a_click_only_reads_what_was_fitted(services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    for method in ("pca", "tsne"):
        draw_embedding(services, prompt, Selection.parse("block.1.mlp@3"), method=method)  # type: ignore[arg-type]
    monkeypatch.delattr(analysis.embedding, "PCA")
    monkeypatch.delattr(analysis.embedding, "TSNE")
    again = draw_embedding(services, prompt, Selection.parse("block.2.attention.head.1@5"))
    assert again[1] == "Embeddings · after block 2"
    again = draw_embedding(services, prompt, Selection.parse("block.1.attention.head.1@5"), method="tsne")
    assert again[1] == "Embeddings · after block 1"
