"""The command `export-site`: a session's views with their results, and messages about what cannot be shown."""

import json
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest

from dashboard import cli
from dashboard.snapshot.sessions import Session, View, write_session

pytestmark = pytest.mark.long


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str) -> int:
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", ["dashboard", *arguments])
    return cli.main()


def session_file(tmp_path: Path, *views: View) -> str:
    file = tmp_path / "session.json"
    file.write_text(write_session(Session(views)), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_session_is_written_with_all_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    address = urlencode({"text": "the wolf ate", "select": "block.3.attention.head.2@2", "tabs": "saliency"})
    option = ["--session", session_file(tmp_path, View("A head", "Look.", address, "other weights"))]
    command = ["export-site", str(tmp_path / "site")]
    assert run(monkeypatch, tmp_path, *(option + command if order == "before" else command + option)) == 0
    said = capsys.readouterr()
    assert "has 1 view (" in said.out
    assert "The view “A head” was made with other weights" in said.err
    (group,) = json.loads((tmp_path / "site" / "views.json").read_text(encoding="utf-8"))["groups"]
    assert [(row["name"], row["note"]) for row in group["views"]] == [("A head", "Look.")]
    snapshot = json.loads((tmp_path / "site" / group["views"][0]["file"]).read_text(encoding="utf-8"))
    assert snapshot["first"] == ["saliency"]
    panels = {panel["name"]: panel for panel in snapshot["panels"]}
    assert "pushes" in panels["saliency"]["reading"]
    assert "Not computed" not in json.dumps(panels)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (View("Far", "", "text=the+wolf&select=block.99.mlp"), "The view “Far” cannot be shown. There is no block 99"),
        (View("Gone", "", "model=absent&text=a"), "The view “Gone” cannot be shown."),
    ],
)
def test_a_view_that_cannot_be_shown_is_named_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], view: View, words: str
) -> None:
    folder = tmp_path / "site"
    assert run(monkeypatch, tmp_path, "export-site", str(folder), "--session", session_file(tmp_path, view)) == 1
    assert words in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_of_something_else_and_a_file_that_is_no_session_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "essay.txt").write_text("mine")
    assert run(monkeypatch, tmp_path, "export-site", str(tmp_path / "mine")) == 1
    assert "not an earlier export" in capsys.readouterr().err
    absent = str(tmp_path / "absent.json")
    assert run(monkeypatch, tmp_path, "export-site", str(tmp_path / "new"), "--session", absent) == 1
    assert "cannot be opened" in capsys.readouterr().err
