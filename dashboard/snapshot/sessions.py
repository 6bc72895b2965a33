"""Session files: named views of the page, each with a note, as versioned JSON.

A view is the page's address and the fingerprint of the model's weights, so that other weights under the same name are
noticed. The page reads and writes the same files (`assets/session.js`), with the same words about what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from analysis.errors import AnalysisError
from analysis.models.registry import ModelRegistry

FORMAT = "LLM Architecture Explorer session"
VERSION = 1
MAX_VIEWS = 200
MAX_BYTES = 2_000_000
MAX_LENGTHS = {"name": 200, "note": 2_000, "address": 200_000, "fingerprint": 64}  # in UTF-16 units, as in the browser


class SessionError(AnalysisError):
    """A session file that cannot be read; the message says why."""


@dataclass(frozen=True)
class View:
    """A view of the page.

    Attributes
    ----------
    name, note
        Plain text.
    address
        The URL's fragment, without `#`.
    fingerprint
        Of the model's weights (`ModelInfo.fingerprint`) when the view was made; empty if unknown.
    """

    name: str
    note: str
    address: str
    fingerprint: str = ""


@dataclass(frozen=True)
class Session:
    """Views in the order in which they are shown. title: the file's name without its ending; empty if unknown."""

    views: tuple[View, ...]
    title: str = ""


def read_session(text: str | bytes) -> Session:
    """Parse a session file. Unknown fields are ignored.

    Raises: SessionError if it is damaged, too large, or of another version.
    """
    n_bytes = len(text) if isinstance(text, bytes) else len(text.encode(errors="surrogatepass"))
    if n_bytes > MAX_BYTES:
        raise SessionError(f"The session is larger than {MAX_BYTES // 10**6} MB, the largest that can be opened.")
    try:
        data = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError):
        raise SessionError("The file is damaged or not a session: it is not JSON.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise SessionError("The file is not a session of this page.")
    if data.get("version") != VERSION or data["version"] is True:
        raise SessionError(
            f"The session has version {json.dumps(data.get('version'))[:20]}; this page reads version {VERSION}. "
            "Open it with the version of the program that saved it."
        )
    views = data.get("views")
    if not isinstance(views, list):
        raise SessionError("The session is damaged: it has no list of views.")
    if len(views) > MAX_VIEWS:
        raise SessionError(f"The session has {len(views)} views; at most {MAX_VIEWS} can be opened.")
    return Session(tuple(_view(view, number) for number, view in enumerate(views, start=1)))


def load_session(path: Path) -> Session:
    """Read a session file.

    Raises: SessionError as `read_session` does, or if there is no such file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SessionError(f"The session '{path}' cannot be opened: {error.strerror}.") from None
    try:
        return replace(read_session(text), title=path.stem)
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from None


def write_session(session: Session) -> str:
    """The text of a session file, which `read_session` reads."""
    views = [asdict(view) for view in session.views]
    return json.dumps({"format": FORMAT, "version": VERSION, "views": views}, indent=1)


def session_warnings(session: Session, models: ModelRegistry) -> Iterator[str]:
    """What is wrong with views that this server cannot show, or not with the numbers that they had.

    Loads the models that the views were made with, as far as their weights are on this machine.
    """
    for number, view in enumerate(session.views, start=1):
        name = dict(parse_qsl(view.address)).get("model", models.names()[0])
        where = f"View {number} (“{view.name}”)"
        if name not in models.names():
            missing = f"the model '{name[:60]}', which this server does not offer"
            yield f"{where} needs {missing}. Add it with MODELS or --model."
        elif view.fingerprint and models.status(name)[0] in ("ready", "on disk"):
            try:
                fingerprint = models.get(name).info.fingerprint
            except AnalysisError as error:
                yield f"{where} cannot be shown. {error}"
                continue
            if fingerprint != view.fingerprint:
                yield f"{where} was made with other weights of {name}; the numbers may differ."


def _view(data: Any, number: int) -> View:
    fields = data if isinstance(data, dict) else {}
    values = {"note": "", "fingerprint": ""} | {name: fields[name] for name in MAX_LENGTHS if name in fields}
    for name, most in MAX_LENGTHS.items():
        value = values.get(name)
        if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):  # half a character
            raise SessionError(f"The session is damaged: view {number} has no {name}, or not as text.")
        if len(value.encode("utf-16-le")) // 2 > most:
            raise SessionError(f"The {name} of view {number} has more than {most:,} characters.")
    return View(**values)
