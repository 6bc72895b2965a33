"""The embeddings panel of two texts."""

from functools import partial
from pathlib import Path

import pytest
from dash import Dash

import callbacks.embedding
from analysis.errors import AnalysisError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from callbacks.embedding import draw_embedding_difference, embedding_task
from dashboard.services import AppServices
from tests.callbacks.comparisons import A, B, with_models
from tests.tiny import make_tiny

BLOCK = Selection.parse("block.1.mlp@3")


def test_both_texts_are_drawn(services: AppServices):
    comparison = services.comparison(A, B)
    drawn = draw_embedding_difference(services, comparison, BLOCK, dimensions="3", theme="dark", paths="all")
    names = [trace.name for trace in drawn["figure"].data if trace.name]
    assert names == ["from A to its counterpart in B", "A", "B"]
    assert (drawn["offer"], drawn["outdated"]) == (None, "false")
    assert drawn["title"] == "Embeddings · A − B · after block 1"
    assert "in A and its counterpart in B are" in drawn["reading"]
    equal = draw_embedding_difference(services, services.comparison(A, A), Selection.parse("embedding"))
    assert equal["title"] == "Embeddings · A − B · before block 0"
    assert equal["reading"].startswith("A and B are equal here: every difference is 0")


def test_tsne_is_a_job_s(services: AppServices):
    comparison = services.comparison(A, B)
    first = draw_embedding_difference(services, comparison, BLOCK, method="tsne")
    assert first["figure"].layout.annotations[0].text == "Not computed yet."
    assert first["outdated"] == ""
    stays = draw_embedding_difference(services, comparison, BLOCK, method="tsne", outdated="false")
    assert "figure" not in stays
    assert stays["outdated"] == "true"
    start = {"nonce": "a", "question": first["offer"]["question"], "measure": True}
    outcome = services.jobs.run(partial(embedding_task, services), start, lambda _progress: None)
    assert outcome == {"nonce": "a", "kind": "done", "message": ""}
    drawn = draw_embedding_difference(services, comparison, BLOCK, method="tsne", outdated="true")
    assert "t-SNE of both" in drawn["reading"]
    assert drawn["outdated"] == "false"
    other = draw_embedding_difference(services, services.comparison(A, A), BLOCK, method="tsne")
    assert "t-SNE of both" not in other["reading"]


def test_a_malformed_question_is_refused(services: AppServices):
    offer = draw_embedding_difference(services, services.comparison(A, B), BLOCK, method="tsne")["offer"]
    for other in (None, 3, {"model": "none", "text": "a"}):
        with pytest.raises(AnalysisError):
            embedding_task(services, {**offer["question"], "other": other})


def test_models_that_cannot_be_compared_are_words(tmp_path: Path, tiny_gpt2: LanguageModel):
    for shape, words in [({"hidden_size": 48}, "Embeddings cannot"), ({"num_hidden_layers": 1}, "B has no block 1")]:
        services, comparison = with_models(tmp_path / words, tiny_gpt2, make_tiny("gpt2", **shape))
        drawn = draw_embedding_difference(services, comparison, BLOCK, method="tsne")
        assert words in drawn["reading"]
        assert drawn["figure"].layout.annotations[0].text == drawn["reading"]


def test_it_is_registered(services: AppServices):
    registered = callbacks.embedding.register(Dash("one"), services)
    assert registered.difference is not None
    knobs = {"method": "pca", "dimensions": "2", "scale": "raw", "paths": "none", "outdated": ""}
    drawn = registered.difference(services.comparison(A, B), BLOCK, theme="light", **knobs)
    assert drawn.keys() | {"selection", "drawn"} == registered.outputs.keys() | {"results"}
