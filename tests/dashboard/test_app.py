"""The app as a whole, over HTTP: one round trip for each panel, errors as notices, nothing from other hosts."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.settings import Settings
from tests.serving import ROOT
from tests.tiny import TEXT

SELECTION = "block.1.attention.head.2@3"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel) -> Dash:
    settings = Settings(cache_dir=str(tmp_path_factory.mktemp("cache")), max_tokens=64)
    app = create_app(settings, models={"tiny": tiny_gpt2})
    app.server.test_client().get("/")
    return app


def ask(app: Dash, **changed: Any) -> Any:
    """What the browser sends when the selection has changed, and the answer."""
    (output,) = [key for key in app.callback_map if "-panel.data-selection" in key]
    values = {"prompt": {"model": "tiny", "text": TEXT, "start": False}, "selection": SELECTION, "theme": "light"}
    values["visible"] = [panel.name for panel in PANELS]
    values |= changed
    spec = app.callback_map[output]
    controls = {control.id: control.value for control in _controls(app)}

    def filled(items: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{**item, "value": values.get(item["id"], controls.get(item["id"]))} for item in items]

    outputs = [
        dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in output.strip(".").split("...")
    ]
    body = {
        "output": output,
        "outputs": outputs,
        "inputs": filled(spec["inputs"]),
        "state": filled(spec["state"]),
        "changedPropIds": ["selection.data"],
    }
    return app.server.test_client().post("/_dash-update-component", json=body)


def _controls(app: Dash) -> list[Any]:
    return [item for item in app.layout._traverse() if getattr(item, "id", None) and hasattr(item, "value")]


def test_every_panel_answers_and_says_what_it_shows(app: Dash) -> None:
    answer = ask(app)
    assert answer.status_code == 200
    data = json.loads(answer.data)
    assert "sideUpdate" not in data
    for panel in PANELS:
        assert data["response"][f"{panel.name}-panel"]["data-selection"] == SELECTION
        assert data["response"][f"{panel.name}-title"]["children"]


def test_callbacks_find_all_that_they_touch_on_the_page(app: Dash) -> None:
    """No id that a callback names is in a static part of the page, where Dash would not find it."""
    here = {item.id for item in app.layout._traverse() if getattr(item, "id", None)}
    given = [one for spec in app.callback_map.values() for one in (*spec["inputs"], *spec["state"])]
    touched = {one["id"] for one in given} | {
        one.component_id for spec in app.callback_map.values() for one in _listed(spec["output"])
    }
    assert touched - here == set()
    assert len(touched) > 100


def _listed(outputs: Any) -> list[Any]:
    return [part for one in outputs for part in _listed(one)] if isinstance(outputs, list | tuple) else [outputs]


def test_what_the_document_has_the_browser_fetch_early_is_there(app: Dash) -> None:
    visitor = app.server.test_client()
    (url,) = re.findall(r'rel="later" as="script" href="([^"]*)"', visitor.get("/").get_data(as_text=True))
    assert visitor.get(url).status_code == 200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"selection": "block.99.mlp@0"}, "block 99"),
        ({"selection": "nonsense"}, "not a selection"),
        ({"selection": 7}, "Reload"),
        ({"prompt": {"model": "tiny", "text": "x" * 100_000}}, "100,000 characters"),
        ({"prompt": {"model": "/etc", "text": "x"}}, "no model"),
        ({"prompt": ["what"]}, "Reload"),
    ],
)
def test_a_request_that_cannot_be_met_is_a_notice(app: Dash, changed: dict[str, Any], message: str) -> None:
    answer = ask(app, **changed)
    data = json.loads(answer.data) if answer.status_code == 200 else {}
    assert message in data["sideUpdate"]["notice"]["children"]
    assert data["sideUpdate"]["notice"]["is_open"] is True
    assert not data.get("response")


def test_a_bug_is_logged_and_shown_by_number_only(
    app: Dash, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbacks.attention.THEMES", {})
    with caplog.at_level(logging.ERROR):
        answer = ask(app)
    said = json.loads(answer.data)["sideUpdate"]["notice"]["children"]
    number = re.search(r"number ([0-9a-f]{8})", said)
    assert number
    assert number[1] in caplog.text
    assert "KeyError" in caplog.text
    assert "KeyError" not in said


def test_a_huge_request_is_refused(app: Dash) -> None:
    answer = app.server.test_client().post(
        "/_dash-update-component", data=b"x" * 2_000_000, content_type="application/json"
    )
    assert answer.status_code == 413


def test_everything_is_served_from_here_and_compressed(app: Dash) -> None:
    client = app.server.test_client()
    page = client.get("/", headers={"Accept-Encoding": "gzip"})
    html = client.get("/").text
    assert page.headers.get("Content-Encoding") == "gzip"
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(links) > 10
    assert all(link.startswith(("/", "#")) for link in links), links


def test_two_apps_in_one_process_both_answer(app: Dash, tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    second = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    for one in (app, second):
        assert ask(one).status_code == 200


def test_the_page_opens_with_the_text_that_a_host_chose(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2}, example="a fox")
    output = next(key for key in app.callback_map if "prompt.data" in key)
    outputs = [dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in output[2:-2].split("...")]
    values = {"address": {"hash": "", "opened": 1}, "prompt-model": "tiny", "prompt-start": [], "prompt-chat": []}
    inputs, state = (
        [{**item, "value": values.get(item["id"])} for item in app.callback_map[output][kind]]
        for kind in ("inputs", "state")
    )
    body = {"output": output, "outputs": outputs, "inputs": inputs, "state": state, "changedPropIds": ["address.data"]}
    answer = json.loads(app.server.test_client().post("/_dash-update-component", json=body).data)
    assert answer["response"]["prompt-text"]["value"] == "a fox"
    assert answer["response"]["prompt"]["data"]["model"] == "tiny"


def test_every_setting_of_a_panel_is_a_control_with_options_or_free(app: Dash) -> None:
    controls = {control.id: control for control in _controls(app)}
    for panel in PANELS:
        for setting in panel.settings:
            if "options" not in controls[setting].available_properties:
                assert controls[setting].value == ""
                continue
            assert [
                option["value"] for option in controls[setting].options if option["value"] == controls[setting].value
            ]


@pytest.mark.long
def test_the_server_does_not_import_what_only_jobs_need() -> None:
    """Each of these libraries takes 25 to 40 MB in each of the server's processes."""
    code = "import sys, dashboard.app; print([n for n in ('captum', 'scipy', 'sklearn') if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_the_page_never_looks_outside(tmp_path: Path) -> None:
    assets = Path(__file__).parents[2] / "dashboard" / "assets"
    for file in [*assets.glob("*.js"), *(path for path in assets.glob("*.css") if "bootstrap" not in path.name)]:
        assert "://" not in file.read_text(), file


def test_no_callback_depends_on_what_it_causes(app: Dash) -> None:
    """In a circle Dash gives up its order, and what should see a new text and a new selection sees one of them."""
    causes: dict[str, set[str]] = {}
    for row in app._callback_list:
        written = {output.split("@")[0] for output in row["output"].strip(".").split("...")}
        for one in row["inputs"]:
            causes.setdefault(f"{one['id']}.{one['property']}", set()).update(written)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        ahead = [start]
        while ahead:
            new = causes.get(ahead.pop(), set()) - found
            found |= new
            ahead += new
        return found

    assert "selection.data" in reached("address.data")
    own = {one for one, written in causes.items() if one in written}  # controls that a callback reads and mends
    assert [one for one in causes if one in reached(one) and one not in own] == []
