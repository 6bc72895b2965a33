"""Bundle: the page's own scripts in one file and its style sheets in another, which browsers keep for a year.

One by one they would be sixty requests, each with a kilobyte of headers.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import flask
from dash import Dash

ASSETS = Path(__file__).parent.parent / "assets"
_RULE = "/_bundle/<filename>"
_YEAR = 365 * 24 * 3600  # seconds
_JOINTS = {"js": b";\n", "css": b"\n"}
_TYPES = {"js": "text/javascript", "css": "text/css"}


def install(app: Dash) -> None:
    """Serve the files of the assets folder, in the order of their names, and have the page ask for them.

    Their addresses change with their contents. The app itself ignores the folder (`assets_ignore`).
    """
    contents = {}
    for kind, addresses in {"js": app.config.external_scripts, "css": app.config.external_stylesheets}.items():
        joined = _JOINTS[kind].join(path.read_bytes() for path in files(kind))
        name = f"{hashlib.sha256(joined).hexdigest()[:20]}.{kind}"
        contents[name] = joined
        addresses.append(f"{app.config.requests_pathname_prefix}_bundle/{name}")

    def send(filename: str) -> flask.Response:
        if filename not in contents:
            flask.abort(404, "There is no such file.")
        response = flask.Response(contents[filename], mimetype=_TYPES[filename.rpartition(".")[2]])
        response.cache_control.max_age = _YEAR
        return response

    app.server.add_url_rule(_RULE, "bundle", send)


def files(kind: str) -> list[Path]:
    """The files of one kind, "js" or "css"."""
    return sorted(ASSETS.glob(f"*.{kind}"))
