"""Static copy: a folder of plain files that shows views from any web server.

The folder has the viewer's files, plotly.js, a list of the views, and one file of JSON for each of them. What views
have in common, such as the geometry of the scene, is written once.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly

import dashboard
from analysis.errors import AnalysisError

FORMAT, VERSION = "LLM Architecture Explorer static copy", 1
LIST, SHARED, VIEWS = "views.json", "shared.json", "views"
_ASSETS = Path(dashboard.__file__).parent / "assets"
_PAGE = _ASSETS / "viewer" / "viewer.html"
_LONG = 500  # characters of a text, from which on views share it


@dataclass(frozen=True)
class DrawnView:
    """A view of a static copy. snapshot: what it shows."""

    name: str
    note: str
    snapshot: dict[str, Any]


def check_folder(folder: Path) -> None:
    """Raises: AnalysisError for a folder with other files than those of an earlier static copy."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise AnalysisError(f"{folder} is not empty, and not an earlier export. Name a new folder, or an empty one.")


def write_static_copy(folder: Path, title: str, groups: Sequence[tuple[str, Sequence[DrawnView]]]) -> int:
    """Write the folder, over an earlier static copy, and return the size of its files in bytes.

    groups: of views, each with its title, which may be empty.
    Raises: AnalysisError as `check_folder` does.
    """
    check_folder(folder)
    shared = _shared([view.snapshot for _, views in groups for view in views])
    files: dict[str, str] = {}
    listed = []
    for heading, views in groups:
        rows = []
        for view in views:
            file = f"{VIEWS}/{len(files) + 1}.json"
            files[file] = _json(_replaced(view.snapshot, shared))
            rows.append({"name": view.name, "note": view.note, "file": file})
        listed.append({"title": heading, "views": rows})
    files[SHARED] = _json(list(shared))
    files[LIST] = _json({"format": FORMAT, "version": VERSION, "title": title, "shared": SHARED, "groups": listed})
    shutil.rmtree(folder / VIEWS, ignore_errors=True)
    (folder / VIEWS).mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copyfile(_PAGE, folder / "index.html")
    for source in viewer_files():
        shutil.copyfile(source, folder / source.name)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def viewer_files() -> list[Path]:
    """The files that the viewer's page names: its own, some of the explorer's page, and plotly.js."""
    names = re.findall(r'(?:src|href)="([\w.]+)"', _PAGE.read_text(encoding="utf-8"))
    folders = (_PAGE.parent, _ASSETS, Path(plotly.__file__).parent / "package_data")
    return [next(folder / name for folder in folders if (folder / name).is_file()) for name in names]


def _shared(snapshots: Sequence[Any]) -> dict[str, int]:
    """The long texts that more than one snapshot has, with their numbers."""
    counts = Counter(text for snapshot in snapshots for text in set(_long_texts(snapshot)))
    return {text: number for number, text in enumerate(text for text, count in counts.items() if count > 1)}


def _long_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= _LONG:
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _long_texts(part)


def _replaced(value: Any, shared: dict[str, int]) -> Any:
    """A snapshot with `{"shared": number}` in the place of each text that is shared."""
    if isinstance(value, str):
        return {"shared": shared[value]} if value in shared else value
    if isinstance(value, dict):
        return {key: _replaced(part, shared) for key, part in value.items()}
    return [_replaced(part, shared) for part in value] if isinstance(value, list) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
