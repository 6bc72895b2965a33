"""Written tokens in the prompt's store: kept by links, cleared by "Analyse" and by the switches."""

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.prompt import draw_prompt
from callbacks.strip import draw_strip
from dashboard.app import create_app
from dashboard.services import AppServices
from dashboard.settings import Settings

TEXT = "The fox met a crow"
WRITTEN = [5, 7]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Any:
    folder: Path = tmp_path_factory.mktemp("cache")
    return create_app(Settings(cache_dir=str(folder)), models={"tiny": tiny_gpt2}, example=TEXT)


def store_after(app: Any, changed: str, **values: Any) -> Any:
    """The prompt's store after a property of the page, whose other values are given by id, has changed."""
    output = next(key for key in app.callback_map if "prompt.data" in key)
    outputs = [dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in output[2:-2].split("...")]
    shown = {"model": "tiny", "text": TEXT, "start": False, "chat": False, "written": WRITTEN, "fixed": []}
    usual = {"address": {"hash": "", "opened": 1}, "prompt-model": "tiny", "prompt-start": [], "prompt-chat": []}
    usual |= {"prompt-text": TEXT, "prompt": shown, "prompt-analyse": 1}
    given = usual | {name.replace("_", "-"): value for name, value in values.items()}
    inputs, state = (
        [{**item, "value": given.get(item["id"])} for item in app.callback_map[output][kind]]
        for kind in ("inputs", "state")
    )
    body = {"output": output, "outputs": outputs, "inputs": inputs, "state": state, "changedPropIds": [changed]}
    answer = json.loads(app.server.test_client().post("/_dash-update-component", json=body).data)
    return answer["response"]["prompt"]["data"]


def test_a_link_to_them_keeps_the_rest(app: Any) -> None:
    data = store_after(app, "address.data", address={"hash": "#written=9.3.1", "opened": 2})
    assert (data["model"], data["text"], data["written"]) == ("tiny", TEXT, [9, 3, 1])
    data = store_after(app, "address.data", address={"hash": "#attention-view=raw", "opened": 2})
    assert data["written"] == WRITTEN


@pytest.mark.parametrize(
    ("changed", "values"),
    [
        ("prompt-analyse.n_clicks", {"prompt_text": "The crow"}),
        ("prompt-analyse.n_clicks", {}),
        ("prompt-start.value", {"prompt_start": ["start"]}),
        ("prompt-model.value", {}),
    ],
)
def test_other_changes_clear_them(app: Any, changed: str, values: dict[str, Any]) -> None:
    assert store_after(app, changed, **values)["written"] == []


def test_the_store_is_what_the_page_sends_back(services: AppServices) -> None:
    """Or an unchanged prompt would have all panels drawn again."""
    data = draw_prompt(services, Prompt("tiny", TEXT, written=(5, 7)))["prompt"]
    assert json.loads(json.dumps(data)) == data
    assert data["n_positions"] == len(services.trace(Prompt("tiny", TEXT)).tokens) + 2


def test_the_strip_marks_them(services: AppServices) -> None:
    drawn = draw_strip(services, Prompt("tiny", TEXT, written=(5, 7)), Selection.parse("output@1"))
    chips = [one.to_plotly_json()["props"] for one in drawn["chips"]]
    assert ["chip-written" in one["className"] for one in chips] == [False] * (len(chips) - 2) + [True] * 2
    assert all(("written after the text" in one["title"]) == ("aria-label" in one) for one in chips)
    other = draw_strip(
        services, Prompt("tiny", TEXT, written=(5, 8)), Selection.parse("output@1"), shown=drawn["shown"]
    )
    assert isinstance(other["chips"], list)  # not only the mark
