"""A text of 1,024 tokens, drawn by all panels: each answers, and no answer is large."""

from base64 import b64decode
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.saliency import draw_saliency, saliency_task
from dashboard.app import create_app
from dashboard.drawing import to_json
from dashboard.panels import PANELS
from dashboard.settings import Settings
from tests.page import Page, gzipped, of_app
from tests.tiny import long_text, make_services, make_tiny

pytestmark = pytest.mark.long

MOST_BYTES = 500_000


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return make_tiny("gpt2", max_position_embeddings=1024, num_attention_heads=16, hidden_size=64)


@pytest.fixture(scope="module")
def text(model: LanguageModel) -> str:
    return long_text(model, 1024)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, model: LanguageModel, text: str) -> Page:
    app = create_app(Settings(cache_dir=str(tmp_path_factory.mktemp("cache")), max_tokens=1024), models={"tiny": model})
    page = of_app(app.server)
    page.set("prompt", "data", {"model": "tiny", "text": text, "start": False})
    return page


@pytest.mark.parametrize(
    ("selection", "choices"),
    [
        ("block.0.attention.head.0@1023", {}),
        ("block.2.attention.head.3@900", {"attention-view": "without_first", "architecture-color": "entropy"}),
        ("block.1.attention@512", {"attention-view": "rollout", "embedding-paths": "all"}),
        ("block.1.mlp.neuron.5@3", {"embedding-dimensions": "3", "activation-quantity": "mean"}),
        ("output@700", {}),
    ],
)
def test_every_panel_answers_with_less_than_500_kb(page: Page, selection: str, choices: dict[str, str]) -> None:
    for control, value in choices.items():
        answers = page.set(control, "value", value)
        assert all(sent <= MOST_BYTES for sent in answers.sent.values())
    answers = page.set("selection", "data", selection)
    assert {panel.name for panel in PANELS} == {
        panel.name for panel in PANELS if page.values[f"{panel.name}-panel", "data-selection"] == selection
    }
    assert max(answers.sent.values()) <= MOST_BYTES


def test_the_page_shows_what_the_model_did(page: Page, model: LanguageModel, text: str) -> None:
    page.values["attention-view", "value"] = "raw"
    page.set("selection", "data", "block.2.attention.head.3@900")
    figure = page.values["attention-graph", "figure"]
    (heat,) = figure["data"]
    assert heat["z"]["dtype"] == "u1"
    grid = np.frombuffer(b64decode(heat["z"]["bdata"]), dtype=np.uint8).reshape(1024, 1024)
    attention = compute_trace(model, Prompt("tiny", text)).attention(2)[3]
    below = np.tri(1024, dtype=bool)
    assert not grid[~below].any()
    shown = ((grid[below] - 1.0) / 254) ** 2
    np.testing.assert_allclose(np.sqrt(shown), np.sqrt(attention[below]), atol=0.51 / 254 + 0.0005)
    assert len(figure["layout"]["xaxis"]["tickvals"]) <= 24
    assert len(page.values["strip-chips", "children"]) == 1024


def test_attributions_of_1024_tokens_are_drawn_small(tmp_path: Path, model: LanguageModel, text: str) -> None:
    given = make_services(tmp_path, {"tiny": model}, max_tokens=1024, example="a")
    prompt, last = Prompt("tiny", text), Selection.parse("block.1.mlp@1023")
    offer = draw_saliency(given, prompt, last, method="input_gradient")["offer"]
    start = {"nonce": "a", "question": offer["question"], "measure": False}
    outcome = given.jobs.run(partial(saliency_task, given), start, lambda _progress: None)
    assert outcome["kind"] == "done", outcome
    drawn = draw_saliency(given, prompt, last, method="input_gradient")
    assert drawn["outdated"] == "false"
    assert len(drawn["text"]) == 1024
    sent = to_json({name: value for name, value in drawn.items() if name != "results"})
    assert gzipped(sent.decode()) <= MOST_BYTES
    (heat,) = drawn["depth_figure"].data
    assert (heat.z.dtype, heat.z.shape) == (np.uint8, (3, 1024))
    assert heat.meta["select"] == "block.{y}.attention@{x}"
