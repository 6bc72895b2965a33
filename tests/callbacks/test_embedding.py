"""The embeddings panel, drawn for a tiny model."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import analysis.embedding
from analysis.embedding import compute_embedding
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.embedding import draw_embedding, embedding_task


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
    drawn = draw_embedding(services, prompt, Selection.parse(text))
    figure = drawn["figure"]
    assert (drawn["offer"], drawn["outdated"]) == (None, "false")
    assert drawn["title"] == title
    assert drawn["reading"].startswith("Closest to ")
    trace = services.trace(prompt)
    result = compute_embedding(trace, Selection.parse(text), 2)
    np.testing.assert_allclose(figure.data[0].x, result.points[:, 0], atol=1e-6)
    position = services.position(trace, Selection.parse(text))
    assert figure.data[-1].customdata == (f"@{position}",)


def test_choices_reach_the_picture(services: Any, prompt: Prompt) -> None:
    selection = Selection.parse("block.1.mlp@3")
    flat = draw_embedding(services, prompt, selection, paths="none")["figure"]
    assert {trace.type for trace in flat.data} == {"scatter"}
    solid = draw_embedding(services, prompt, selection, dimensions="3", theme="dark", paths="all")["figure"]
    assert {trace.type for trace in solid.data} == {"scatter3d"}
    raw = draw_embedding(services, prompt, selection, scale="raw")["figure"]
    assert np.abs(raw.data[0].x).max() > np.abs(flat.data[0].x).max()


def run_job(services: Any, offer: dict[str, Any]) -> None:
    start = {"nonce": "a", "question": offer["question"], "measure": True}
    outcome = services.jobs.run(partial(embedding_task, services), start, lambda _progress: None)
    assert outcome == {"nonce": "a", "kind": "done", "message": ""}


def test_tsne_is_a_job_s(services: Any, prompt: Prompt) -> None:
    selection = Selection.parse("block.1.mlp@3")
    first = draw_embedding(services, prompt, selection, method="tsne")
    assert (first["title"], first["outdated"]) == ("Embeddings · after block 1", "")
    assert first["figure"].layout.annotations[0].text == "Not computed yet."
    assert first["offer"]["automatic"]
    assert first["offer"]["seconds"] is None
    for outdated in ("false", "true"):  # the page has a plot of an earlier question, which stays
        stays = draw_embedding(services, prompt, selection, method="tsne", outdated=outdated)
        assert "figure" not in stays
        assert stays["outdated"] == "true"
    run_job(services, first["offer"])
    drawn = draw_embedding(services, prompt, selection, method="tsne", outdated="true")
    assert "t-SNE (perplexity" in drawn["reading"]
    assert drawn["figure"].data[-1].customdata == ("@3",)
    assert drawn["outdated"] == "false"
    assert drawn["offer"]["kept"] > 0
    other = draw_embedding(services, prompt, Selection.parse("block.2.mlp@3"), method="tsne")["offer"]
    assert 0 < other["seconds"] < 60  # measured now


def test_a_short_text_needs_no_job(services: Any) -> None:
    result = draw_embedding(services, Prompt("tiny", "a"), Selection.parse("norm"), method="tsne")
    assert "at least 4 tokens" in result["reading"] or "one token" in result["reading"]
    assert (result["offer"], result["outdated"]) == (None, "false")


def test_a_click_only_reads_what_was_fitted(services: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = Selection.parse("block.1.mlp@3")
    draw_embedding(services, prompt, selection)
    run_job(services, draw_embedding(services, prompt, selection, method="tsne")["offer"])
    monkeypatch.delattr(analysis.embedding, "_pca")
    monkeypatch.delattr(analysis.embedding, "fit_tsne")
    again = draw_embedding(services, prompt, Selection.parse("block.2.attention.head.1@5"))
    assert again["title"] == "Embeddings · after block 2"
    again = draw_embedding(services, prompt, Selection.parse("block.1.attention.head.1@5"), method="tsne")
    assert again["offer"]["kept"] > 0
