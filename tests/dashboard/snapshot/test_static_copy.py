"""Static copy: a folder of files that names nothing outside of it, and is written only where nothing is lost."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import AnalysisError
from dashboard.snapshot.static_copy import DrawnView, check_folder, viewer_files, write_static_copy

LONG = "geometry " * 100
HOSTILE = "</script><img src=x onerror=alert(1)>"


def view(name: str, **snapshot: Any) -> DrawnView:
    return DrawnView(name, HOSTILE, {"panels": [{"bdata": LONG, "own": f"{name} {LONG}"}], **snapshot})


def joined(value: Any, shared: list[str]) -> Any:
    """As the viewer's script reads a view."""
    if isinstance(value, dict):
        return (
            shared[value["shared"]] if value.keys() == {"shared"} else {k: joined(v, shared) for k, v in value.items()}
        )
    return [joined(one, shared) for one in value] if isinstance(value, list) else value


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_views_are_listed_in_groups_and_long_texts_are_written_once(tmp_path: Path) -> None:
    views = [view("one"), view("two"), view("three", dark={})]
    n_bytes = write_static_copy(tmp_path / "site", "Title", [("Lesson", views[:2]), ("", views[2:])])
    files = [file for file in (tmp_path / "site").rglob("*") if file.is_file()]
    assert n_bytes == sum(file.stat().st_size for file in files)
    listed = read(tmp_path / "site", "views.json")
    assert [(group["title"], [row["name"] for row in group["views"]]) for group in listed["groups"]] == [
        ("Lesson", ["one", "two"]),
        ("", ["three"]),
    ]
    shared = read(tmp_path / "site", listed["shared"])
    assert shared == [LONG]
    rows = [row for group in listed["groups"] for row in group["views"]]
    for row, given in zip(rows, views, strict=True):
        assert LONG not in json.dumps(read(tmp_path / "site", row["file"])["panels"][0]["bdata"])
        assert joined(read(tmp_path / "site", row["file"]), shared) == given.snapshot
        assert row["note"] == HOSTILE


def test_the_page_names_only_files_of_its_own_folder(tmp_path: Path) -> None:
    write_static_copy(tmp_path, "Title", [("", [view("one")])])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|href)="(?!data:,)([^"]*)"', page))
    assert named == {file.name for file in viewer_files()}
    assert all((tmp_path / name).is_file() for name in named)
    assert "default-src 'none'" in page
    assert "unsafe-inline" not in page.split("style-src")[0]
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name != "plotly.min.js":
            assert not re.findall(r"(?:https?:)?//\w+\.\w+", file.read_text(encoding="utf-8")), file


def test_an_earlier_copy_is_replaced_and_no_other_file_is_lost(tmp_path: Path) -> None:
    write_static_copy(tmp_path, "Title", [("", [view("one"), view("two")])])
    (tmp_path / "CNAME").write_text("mine")
    write_static_copy(tmp_path, "Title", [("", [view("three")])])
    assert [file.name for file in (tmp_path / "views").iterdir()] == ["1.json"]
    assert (tmp_path / "CNAME").read_text() == "mine"


@pytest.mark.parametrize("there", ["essay.txt", "views.json", "views"])
def test_another_folder_is_left_alone(tmp_path: Path, there: str) -> None:
    mine = tmp_path / there
    if there == "views":
        mine.mkdir()
    else:
        mine.write_text('{"format": "of something else"}')
    with pytest.raises(AnalysisError, match="not empty, and not an earlier export"):
        write_static_copy(tmp_path, "Title", [])
    assert [file.name for file in tmp_path.iterdir()] == [there]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnalysisError, match="not empty"):
        check_folder(tmp_path / "file")
    check_folder(tmp_path / "absent")
