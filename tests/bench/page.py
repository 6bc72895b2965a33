"""A page without a browser: keeps the values of all components, and asks the server's callbacks as a browser does."""

import gzip
import json
import time
from dataclasses import dataclass
from typing import Any

from dash import Dash
from flask.testing import FlaskClient


@dataclass(frozen=True)
class Answers:
    """All callbacks of one change. seconds: the server's time. sent: bytes of the answers, gzipped; both by output."""

    seconds: dict[str, float]
    sent: dict[str, int]


class Page:
    """The values that a page shows, by component and property."""

    def __init__(self, app: Dash) -> None:
        self._client: FlaskClient = app.server.test_client()
        self._client.get("/")
        # The page's own scripts run in the browser only.
        self._callbacks = [row for row in app._callback_list if not row["clientside_function"]]
        self._values = {
            (item.id, name): value
            for item in app.layout._traverse()
            if isinstance(getattr(item, "id", None), str)
            for name, value in item.to_plotly_json()["props"].items()
        }
        self.set("theme", "data", "light")

    def set(self, id: str, name: str, value: Any) -> Answers:
        """Change one value and run all callbacks that it triggers, one after another."""
        self._values[id, name] = value
        seconds, sent = {}, {}
        for row in self._callbacks:
            if {"id": id, "property": name} in [self._bare(given) for given in row["inputs"]] and self._ready():
                output = row["output"]
                body = self._body(row, f"{id}.{name}")
                start = time.perf_counter()
                answer = self._client.post(
                    "/_dash-update-component", data=body, headers=[("Accept-Encoding", "gzip")],
                    content_type="application/json",
                )  # fmt: skip
                seconds[output] = time.perf_counter() - start
                assert answer.status_code == 200, output
                zipped = answer.headers.get("Content-Encoding") == "gzip"
                sent[output] = len(answer.data)
                self._read(json.loads(gzip.decompress(answer.data) if zipped else answer.data))
        return Answers(seconds, sent)

    def _ready(self) -> bool:
        """Whether there is a question: before, no panel is asked."""
        return all(self._values.get(store) for store in (("prompt", "data"), ("selection", "data")))

    def _bare(self, given: dict[str, Any]) -> dict[str, str]:
        return {"id": given["id"], "property": given["property"]}

    def _body(self, row: dict[str, Any], changed: str) -> bytes:
        def filled(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**self._bare(item), "value": self._values.get((item["id"], item["property"]))} for item in items]

        names = [part.rsplit(".", 1) for part in row["output"].strip(".").split("...")]
        return json.dumps(
            {
                "output": row["output"],
                "outputs": [{"id": id, "property": name} for id, name in names],
                "inputs": filled(row["inputs"]),
                "state": filled(row["state"]),
                "changedPropIds": [changed],
            }
        ).encode()

    def _read(self, answer: dict[str, Any]) -> None:
        assert "notice" not in answer.get("sideUpdate", {}), answer["sideUpdate"]
        for id, changes in answer["response"].items():
            for name, value in changes.items():
                self._values[id, name] = value
