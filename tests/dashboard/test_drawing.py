"""The drawing callback: a click is one request, which draws the panels whose inputs have changed, even if one fails."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from analysis.errors import AnalysisError, NotLoaded
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model
from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.settings import Settings
from tests.page import Page, decoded, of_app
from tests.serving import wait_until
from tests.tiny import TEXT

NAMES = {panel.name for panel in PANELS}
FIRST, SECOND, THIRD = "block.1.attention.head.2@3", "block.2.mlp.neuron.9@5", "output@0"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Dash:
    return create_app(Settings(cache_dir=str(tmp_path_factory.mktemp("cache"))), models={"tiny": tiny_gpt2})


@pytest.fixture
def page(app: Dash) -> Page:
    return opened(app, FIRST)


def opened(app: Dash, selection: str, *, model: str = "tiny", **controls: str) -> Page:
    """A page that shows a selection from the beginning. controls: values, by ids without the hyphen."""
    page = of_app(app.server)
    page.values |= {(id.replace("_", "-"), "value"): value for id, value in controls.items()}
    page.values["selection", "data"] = selection
    page.set("prompt", "data", {"model": model, "text": TEXT, "start": False})
    return page


def asked(page: Page, *changed: str) -> tuple[dict[str, Any], bytes]:
    """The answer to the one request that draws panels after a change, which the page has not read; and its body."""
    ((_, body),) = [(output, body) for output, body in page.requests(*changed) if "data-drawn" in output]
    return page.answer(body), body


def drawn(answer: dict[str, Any]) -> set[str]:
    """The panels that an answer draws."""
    return {name for name in NAMES if "data-drawn" in answer.get("response", {}).get(f"{name}-panel", {})}


def notice(answer: dict[str, Any]) -> str:
    return str(answer.get("sideUpdate", {}).get("notice", {}).get("children", ""))


def shown(page: Page, panels: set[str] = NAMES) -> dict[str, Any]:
    """Visible values of panels, without the mark of the selected chip, which the page itself moves."""
    unseen = {f"{name}-job-fresh" for name in NAMES}
    unseen |= {f"saliency-{name}-graph" for name in ("depth", "path") if page.values[f"saliency-{name}", "hidden"]}
    found = {
        f"{id}.{name}": decoded(value)
        for (id, name), value in page.values.items()
        if id.partition("-")[0] in panels and id not in unseen and value not in (None, "")
    }
    for chip in found.get("strip-chips.children", []):
        del chip["props"]["className"], chip["props"]["aria-pressed"], chip["props"]["tabIndex"]
    return found


def fails(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    """Let a panel's own work fail."""

    def compute(*_given: Any, **_knobs: Any) -> Any:
        raise error

    monkeypatch.setattr(f"callbacks.{name}.compute_{name}", compute)


def test_a_click_is_one_request_of_less_than_15_kb(page: Page) -> None:
    page.values["selection", "data"] = SECOND
    ((_, body),) = page.requests("selection.data")
    assert len(body) < 15_000
    answer = page.answer(body)
    assert drawn(answer) == NAMES
    page.read(answer)
    assert {page.values[f"{name}-panel", "data-selection"] for name in NAMES} == {SECOND}
    drawn_from = {page.values[f"{name}-panel", "data-drawn"] for name in NAMES - {"overview"}}
    assert len(drawn_from) == len(NAMES) - 1  # the overview is drawn from what the scene is drawn from


@pytest.mark.parametrize(
    ("control", "value", "panels"),
    [
        ("strip-color", "attribution", {"strip"}),
        ("architecture-color", "entropy", {"architecture", "overview"}),
        ("attention-view", "without_first", {"attention"}),
        ("attribution-view", "bars", {"attribution"}),
        ("attribution-against", "7", {"attribution", "architecture", "overview"}),
        ("activation-neurons", "strongest", {"activation"}),
        ("effect-removed", "block.0.mlp=zero", {"effect"}),
        ("effect-grid", "heads", {"effect"}),
        ("embedding-dimensions", "3", {"embedding"}),
        ("saliency-baseline", "end", {"strip", "saliency"}),
    ],
)
def test_a_setting_draws_only_the_panels_that_depend_on_it(
    page: Page, control: str, value: str, panels: set[str]
) -> None:
    before = page.values[control, "value"]
    page.values[control, "value"] = value
    answer, _ = asked(page, f"{control}.value")
    assert drawn(answer) == panels
    assert {id.partition("-")[0] for id in answer["response"]} == {*panels, "panels"}, "nothing else is sent"
    page.read(answer)
    assert asked(page, f"{control}.value")[0]["response"].keys() == {"panels"}, "drawn once"
    page.values[control, "value"] = before
    assert drawn(asked(page, f"{control}.value")[0]) == panels


@pytest.mark.parametrize(
    ("store", "panels"), [("saliency-job-fresh", {"strip", "saliency"}), ("embedding-job-fresh", {"embedding"})]
)
def test_news_of_a_job_draws_what_shows_its_result(page: Page, store: str, panels: set[str]) -> None:
    page.values[store, "data"] = 1
    assert drawn(asked(page, f"{store}.data")[0]) == panels


def test_another_theme_or_text_draws_all_panels(page: Page) -> None:
    page.values["theme", "data"] = "dark"
    answer, _ = asked(page, "theme.data")
    assert drawn(answer) == NAMES
    page.read(answer)
    page.values["prompt", "data"] = page.values["prompt", "data"] | {"text": f"{TEXT}!"}
    assert drawn(asked(page, "prompt.data")[0]) == NAMES


def test_what_a_lost_answer_would_have_drawn_is_drawn_by_the_next(app: Dash, page: Page) -> None:
    """As when a newer request overtakes it: Dash drops the answer, and what triggers the newer one is not all that has
    changed.
    """
    page.values["selection", "data"] = SECOND
    assert drawn(asked(page, "selection.data")[0]) == NAMES
    page.values["attention-view", "value"] = "without_first"
    answer, _ = asked(page, "attention-view.value")
    assert drawn(answer) == NAMES
    page.read(answer)
    assert shown(page) == shown(opened(app, SECOND, attention_view="without_first"))


def test_of_a_lost_answer_only_what_is_not_shown_is_drawn(page: Page) -> None:
    page.values["attention-view", "value"] = "without_first"
    assert drawn(asked(page, "attention-view.value")[0]) == {"attention"}
    page.values["architecture-color", "value"] = "entropy"
    assert drawn(asked(page, "architecture-color.value")[0]) == {"attention", "architecture", "overview"}
    page.values["attention-view", "value"] = "raw"
    assert drawn(asked(page, "attention-view.value")[0]) == {"architecture", "overview"}, "it shows this view"


def test_after_many_changes_a_page_shows_what_one_shows_that_opens_there(app: Dash, page: Page) -> None:
    for selection in (SECOND, "block.0.attention@1", THIRD, "embedding", "norm@2", SECOND, FIRST, "block.0.mlp@4~7"):
        page.set("selection", "data", selection)
    page.set("attention-view", "value", "rollout")
    page.set("theme", "data", "dark")
    page.set("selection", "data", SECOND)
    page.set("theme", "data", "light")
    page.set("architecture-color", "value", "entropy")
    expected = opened(app, SECOND, attention_view="rollout", architecture_color="entropy")
    page.values.pop(("model-changed", "data"), None)
    assert shown(page) == shown(expected)


def test_a_panel_that_fails_holds_back_no_other_and_is_drawn_by_the_next_request(
    app: Dash, page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = shown(page, {"attention"})
    page.values["selection", "data"] = SECOND
    with monkeypatch.context() as patch:
        fails(patch, "attention", KeyError("secret"))
        answer, _ = asked(page, "selection.data")
    assert drawn(answer) == NAMES - {"attention"}
    assert answer["sideUpdate"]["notice"]["is_open"] is True
    (number,) = re.findall(r"number ([0-9a-f]{8})", notice(answer))
    assert number in caplog.text
    assert "secret" in caplog.text
    assert "secret" not in notice(answer)
    with pytest.raises(AssertionError, match=number):
        page.read(answer)
    assert shown(page, {"attention"}) == before, "which says what it shows"
    assert shown(page, NAMES - {"attention"}) == shown(opened(app, SECOND), NAMES - {"attention"})
    page.values["architecture-color", "value"] = "entropy"
    answer, _ = asked(page, "architecture-color.value")
    assert drawn(answer) == {"attention", "architecture", "overview"}
    page.read(answer)
    assert shown(page) == shown(opened(app, SECOND, architecture_color="entropy"))


def test_a_problem_of_several_panels_is_said_once(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, "attention", AnalysisError("It is too much."))
    fails(monkeypatch, "activation", AnalysisError("It is too much."))
    fails(monkeypatch, "embedding", AnalysisError("It is too far."))
    page.values["selection", "data"] = SECOND
    answer, _ = asked(page, "selection.data")
    assert notice(answer) == "It is too much. It is too far."
    assert drawn(answer) == NAMES - {"attention", "activation", "embedding"}


def test_a_question_that_cannot_be_met_draws_nothing(page: Page) -> None:
    page.values["selection", "data"] = "block.99.mlp"
    answer, _ = asked(page, "selection.data")
    assert "block 99" in notice(answer)
    assert not answer["response"]


class Held:
    """An app with a model in memory, and one in a folder whose weights are loaded when they are let go."""

    def __init__(self, folder: Path, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self._go = threading.Event()
        tiny.network.save_pretrained(folder / "mine")
        tiny.tokenizer.save_pretrained(folder / "mine")

        def load(*given: Any, **more: Any) -> LanguageModel:
            assert self._go.wait(60)
            return load_model(*given, **more)

        monkeypatch.setattr("analysis.models.registry.load_model", load)
        models = {"tiny": tiny, "mine": folder / "mine"}
        self.app = create_app(Settings(cache_dir=str(folder / "cache")), models=models)

    def let_go(self, page: Page) -> None:
        """Load the weights, as the page is told when it polls."""
        self._go.set()
        wait_until(lambda: page.set("model-poll", "n_intervals", 1) and page.values["model-poll", "disabled"])

    def end(self) -> None:
        """Release the waiting threads, so that none outlives the test."""
        self._go.set()
        wait_until(lambda: self.app.registry.status("mine")[0] != "loading")


@pytest.fixture
def held(tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(tmp_path, tiny_gpt2, monkeypatch)
    yield held
    held.end()


def test_without_weights_panels_show_what_they_can_and_are_drawn_in_full_once_they_are_loaded(held: Held) -> None:
    page = opened(held.app, FIRST)
    page.set("prompt", "data", page.values["prompt", "data"] | {"model": "mine"})
    readings = {name: page.values[f"{name}-reading", "children"] for name in NAMES}
    assert {name for name in NAMES if readings[name] == ""} == NAMES - {"architecture", "overview"}
    assert {page.values[f"{name}-panel", "data-selection"] for name in NAMES} == {FIRST}
    assert page.values["strip-chips", "children"] == ""
    (note,) = page.values["attention-graph", "figure"]["layout"]["annotations"]
    assert note["text"] == "No values without the weights."
    (name,) = page.values["attention-title", "children"]
    assert name["props"]["children"] == "Attention"
    assert page.values["model-poll", "disabled"] is False
    page.set("selection", "data", SECOND)
    assert {page.values[f"{name}-panel", "data-selection"] for name in NAMES} == {SECOND}
    held.let_go(page)
    answer, _ = asked(page, "prompt.data")
    assert drawn(answer) == NAMES
    page.read(answer)
    assert shown(page) == shown(opened(held.app, SECOND, model="mine"))


def test_a_page_that_comes_back_from_a_model_without_weights_is_as_before(held: Held) -> None:
    """What it has is not taken for what it had."""
    page = opened(held.app, FIRST)
    before, prompt = shown(page), page.values["prompt", "data"]
    page.set("prompt", "data", prompt | {"model": "mine"})
    page.set("selection", "data", "block.1.attention.head.2@4")
    page.set("prompt", "data", prompt)
    page.set("selection", "data", FIRST)
    assert shown(page) == before


def test_a_panel_whose_weights_have_just_gone_is_drawn_by_the_next_request(
    app: Dash, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another model may need their memory at any moment."""
    page.values["selection", "data"] = SECOND
    with monkeypatch.context() as patch:
        fails(patch, "attention", NotLoaded("They are gone."))
        page.read(asked(page, "selection.data")[0])
    assert page.values["attention-reading", "children"] == ""
    assert page.values["attention-panel", "data-selection"] == SECOND
    answer, _ = asked(page, "prompt.data")
    assert drawn(answer) == {"attention"}
    page.read(answer)
    assert shown(page) == shown(opened(app, SECOND))
