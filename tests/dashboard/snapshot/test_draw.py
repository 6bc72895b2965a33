"""Snapshots: the same figures and words as those that a page's callback is sent for the same address."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from dash import Dash

from analysis.errors import AnalysisError
from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.settings import Settings
from dashboard.snapshot.draw import Snapshots
from dashboard.snapshot.export import made
from layouts.export_menu import ASKED, MADE
from layouts.figures.architecture import ENDS, HEADS, STREAM, TILES
from tests.dashboard.snapshot.test_overlay import applied
from tests.page import Page, decoded, of_app, words
from tests.tiny import TEXT

SELECTIONS = ["block.1.attention.head.2@3", "block.2.mlp.neuron.9@5~7", "norm@4"]
SETTINGS = {
    "architecture-color": "entropy",
    "attention-view": "rollout",
    "embedding-scale": "raw",
    "effect-removed": "block.0.mlp=mean",
    "logit_lens-pins": "7,8",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Dash:
    return create_app(Settings(cache_dir=str(tmp_path_factory.mktemp("cache"))), models={"tiny": tiny_gpt2})


def asked(page: Page, kind: str, **parts: str) -> dict[str, Any]:
    """What the page is sent for the header's menu."""
    page.set(ASKED, "data", {"kind": kind, "address": urlencode(parts), "n": 1})
    made: dict[str, Any] = page.values[MADE, "data"]
    return made


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("select", SELECTIONS)
def test_figures_and_words_are_those_that_the_page_is_sent(app: Dash, select: str, theme: str) -> None:
    page = of_app(app.server)
    page.values |= {(id, "value"): value for id, value in SETTINGS.items()}
    page.values["theme", "data"] = theme
    page.values["selection", "data"] = select
    page.set("prompt", "data", {"model": "tiny", "text": TEXT, "start": False})
    snapshot = asked(page, "report", model="tiny", text=TEXT, select=select, **SETTINGS)["content"]
    shown = snapshot["groups"][0]["views"][0]["snapshot"]
    panels = applied(shown["panels"], shown["dark"]) if theme == "dark" else shown["panels"]
    assert [panel["name"] for panel in panels] == [panel.name for panel in PANELS]
    n_figures = 0
    for panel in panels:
        assert panel["title"] == words(page.values[f"{panel['name']}-title", "children"])
        assert panel["reading"] == words(page.values[f"{panel['name']}-reading", "children"])
        for id, figure in panel["figures"].items():
            drawn, sent = decoded(figure), decoded(page.values[id, "figure"])
            if id == "architecture-graph":  # the page's script names its boxes
                for mesh in (HEADS, TILES, ENDS, STREAM):
                    assert len(drawn["data"][mesh].pop("hovertext")) * 8 == len(sent["data"][mesh]["x"])
                    sent["data"][mesh].pop("hovertext", None)
            assert drawn == sent, id
            n_figures += 1
    assert n_figures > 12


def test_it_says_what_was_asked_of_which_model(snapshots: Snapshots, tiny_gpt2: LanguageModel) -> None:
    address = urlencode({"select": "block.1.attention.head.2@3", "tabs": "saliency_and_nothing_and_effect"})
    shown = snapshots.snapshot(snapshots.question(address))
    assert shown["model"]["fingerprint"] == tiny_gpt2.info.fingerprint
    assert shown["question"]["text"] == TEXT
    assert shown["question"]["selection"] == "block.1.attention.head.2@3"
    assert tiny_gpt2.tokenizer.decode(shown["token_ids"]) == TEXT
    assert len(shown["tokens"]) == len(shown["token_ids"])
    assert shown["first"] == ["effect", "saliency"]
    assert shown["versions"].keys() >= {"python", "torch", "numpy", "transformers", "plotly"}
    json.dumps(shown, allow_nan=False)


def test_tokens_and_facts_are_plain_texts(snapshots: Snapshots) -> None:
    shown = snapshots.snapshot(snapshots.question("select=block.1.attention.head.2@3"))
    content = {panel["name"]: json.dumps(panel["content"], ensure_ascii=False) for panel in shown["panels"]}
    for label in shown["tokens"]:
        assert json.dumps(label, ensure_ascii=False) in content["strip"]
    assert content["strip"].count("chip-selected") == 1
    assert "Attends most to " in content["summary"]
    assert "Not computed yet." in json.dumps(shown["panels"])  # of a job that nobody has started


def test_a_panel_that_cannot_be_drawn_says_why(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(*_given: Any, **_knobs: Any) -> Any:
        raise AnalysisError("Too many of them.")

    monkeypatch.setattr("callbacks.attention.compute_attention", compute)
    (panel,) = [one for one in snapshots.snapshot(snapshots.question(""))["panels"] if one["name"] == "attention"]
    assert (panel["reading"], panel["figures"]) == ("Too many of them.", {})


def test_own_numbers_are_left_out_in_words(snapshots: Snapshots) -> None:
    question = snapshots.question("select=block.1.mlp@3&architecture-color=own")
    readings = {panel["name"]: panel["reading"] for panel in snapshots.snapshot(question)["panels"]}
    for name in ("architecture", "overview"):
        assert "Your own numbers are not part of a report" in readings[name]
        assert "Choose a CSV file" not in readings[name]


def test_a_notebook_has_each_visible_panel_once(snapshots: Snapshots) -> None:
    question = {"kind": "notebook", "address": "select=block.1.attention.head.2@3"}
    shown = ["attention", "nonsense", 5, None, ["summary"]] + ["attention"] * 2000
    (one,) = [cell for cell in made(snapshots, question, shown)["content"]["cells"] if "plot_" in cell["source"]]
    assert "visualize.plot_attention(" in one["source"]
    for unknown in (["nonsense"] * 3, "attention", None):
        with pytest.raises(AnalysisError, match="Nothing that the page shows"):
            made(snapshots, question, unknown)


def test_the_files_are_named_after_model_and_selection(snapshots: Snapshots) -> None:
    report, notebook = ({"kind": kind, "address": "select=block.1.mlp%404~7"} for kind in ("report", "notebook"))
    assert made(snapshots, report, None)["name"] == "tiny-block.1.mlp-4-7.html"
    assert made(snapshots, notebook, ["attention", 5])["name"] == "tiny-block.1.mlp-4-7.ipynb"


@pytest.mark.parametrize(
    "given",
    [None, [], "report", {}, {"kind": "report"}, {"kind": "exe", "address": ""}, {"kind": "report", "address": 5}],
)
def test_anything_else_is_refused(snapshots: Snapshots, given: Any) -> None:
    with pytest.raises(AnalysisError, match="malformed question"):
        made(snapshots, given, None)
