"""A page without a browser: keeps the values of all components, and asks the server's callbacks as a browser does."""

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask

Ask = Callable[[str, str, bytes], tuple[int, bytes, bool]]  # method, path, body; status, answer, whether it is gzipped


@dataclass(frozen=True)
class Answers:
    """All callbacks of one change. seconds: the server's time. sent: bytes of the answers, gzipped; both by output."""

    seconds: dict[str, float]
    sent: dict[str, int]


class Page:
    """The values that a page shows, by component and property."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        ask("GET", "/", b"")
        # The page's own scripts run in the browser only.
        self._callbacks = [row for row in self._get("/_dash-dependencies") if not row["clientside_function"]]
        self.values: dict[tuple[str, str], Any] = {}
        self._keep(self._get("/_dash-layout"))
        self.set("theme", "data", "light")

    def set(self, id: str, name: str, value: Any) -> Answers:
        """Change one value and run all callbacks that it triggers, one after another; of jobs only what starts them."""
        self.values[id, name] = value
        seconds, sent = {}, {}
        for row in self._callbacks:
            if {"id": id, "property": name} in [self._bare(given) for given in row["inputs"]] and self._ready():
                output = row["output"]
                body = self._body(row, f"{id}.{name}")
                start = time.perf_counter()
                answer, sent[output] = self._post("", body)
                seconds[output] = time.perf_counter() - start
                self._read(answer)
        return Answers(seconds, sent)

    def start_job(self, name: str, question: Any, *, measure: bool = False) -> "JobOfPage":
        """Ask for the job of a panel."""
        start = {"nonce": token_hex(8), "question": question, "measure": measure}
        self.values[f"{name}-job-start", "data"] = start
        (row,) = [row for row in self._callbacks if row["output"] == f"{name}-job-done.data"]
        body = self._body(row, f"{name}-job-start.data")
        answer, _ = self._post("", body)
        handles = urlencode({part: answer[part] for part in ("cacheKey", "job") if part in answer})
        return JobOfPage(answer, lambda: self._post(f"?{handles}", body)[0], f"{name}-job-done")

    def _ready(self) -> bool:
        """Whether there is a question: before, no panel is asked."""
        return all(self.values.get(store) for store in (("prompt", "data"), ("selection", "data")))

    def _keep(self, item: Any) -> None:
        """Note the values of a component and of those in it."""
        if isinstance(item, list):
            for one in item:
                self._keep(one)
        elif isinstance(item, dict) and "props" in item:
            props = item["props"]
            if "id" in props:
                self.values |= {(props["id"], name): value for name, value in props.items() if name != "id"}
            self._keep(props.get("children"))

    def _get(self, path: str) -> Any:
        status, answer, zipped = self._ask("GET", path, b"")
        assert status == 200, path
        return json.loads(gzip.decompress(answer) if zipped else answer)

    def _post(self, handles: str, body: bytes) -> tuple[dict[str, Any], int]:
        status, answer, zipped = self._ask("POST", f"/_dash-update-component{handles}", body)
        assert status == 200, body
        return json.loads(gzip.decompress(answer) if zipped else answer), len(answer)

    def _bare(self, given: dict[str, Any]) -> dict[str, str]:
        return {"id": given["id"], "property": given["property"]}

    def _body(self, row: dict[str, Any], changed: str) -> bytes:
        def filled(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**self._bare(item), "value": self.values.get((item["id"], item["property"]))} for item in items]

        names = [part.rsplit(".", 1) for part in row["output"].strip(".").split("...")]
        outputs = [{"id": id, "property": name} for id, name in names]
        return json.dumps(
            {
                "output": row["output"],
                "outputs": outputs if row["output"].startswith("..") else outputs[0],
                "inputs": filled(row["inputs"]),
                "state": filled(row["state"]),
                "changedPropIds": [changed],
            }
        ).encode()

    def _read(self, answer: dict[str, Any]) -> None:
        assert "notice" not in answer.get("sideUpdate", {}), answer["sideUpdate"]
        for id, changes in answer["response"].items():
            for name, value in changes.items():
                self.values[id, name] = value


@dataclass(frozen=True)
class JobOfPage:
    """A job that a page has asked for. answer: to the request that asked."""

    answer: dict[str, Any]
    ask: Callable[[], dict[str, Any]]
    done: str

    def outcome(self) -> dict[str, Any] | None:
        """How it ended, once it has."""
        return self.outcome_in(self.ask())

    def outcome_in(self, answer: dict[str, Any]) -> dict[str, Any] | None:
        """How it ended, if the answer says so."""
        found = answer.get("response", {}).get(self.done)
        return found["data"] if found else None


def gzipped(text: str) -> int:
    """How many bytes are sent of it, as the server compresses."""
    return len(gzip.compress(text.encode(), 6))


def of_app(server: Flask) -> Page:
    """A page of an app in this process."""
    client = server.test_client()

    def ask(method: str, path: str, body: bytes) -> tuple[int, bytes, bool]:
        answer = client.open(
            path, method=method, data=body, headers=[("Accept-Encoding", "gzip")], content_type="application/json"
        )
        return answer.status_code, answer.data, answer.headers.get("Content-Encoding") == "gzip"

    return Page(ask)


def of_address(url: str) -> Page:
    """A page of a server, asked through one connection that is kept open while it is used."""
    connection, used = HTTPConnection(urlsplit(url).netloc, timeout=60), time.monotonic()

    def ask(method: str, path: str, body: bytes) -> tuple[int, bytes, bool]:
        nonlocal used
        if time.monotonic() - used > 1:  # the server closes it after two seconds
            connection.close()
        used = time.monotonic()
        headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Encoding") == "gzip"

    return Page(ask)
