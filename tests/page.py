"""Browserless client: holds the values of all components of the page, and calls its callbacks as a browser does."""

import gzip
import json
import math
import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from backports import zstd
from flask import Flask

SELECTION = "block.3.attention.head.0@2"  # unless a test says another
Ask = Callable[[str, str, bytes], tuple[int, bytes, str]]  # method, path, body; status, answer, its encoding
ACCEPTED = "gzip, deflate, br, zstd"  # encodings, as browsers accept them; the server prefers the last


@dataclass(frozen=True)
class Answers:
    """The answers to one change. seconds: server time; sent: compressed bytes of the answers; both by output."""

    seconds: dict[str, float]
    sent: dict[str, int]


class Page:
    """The values that a page shows, by component and property."""

    def __init__(self, ask: Ask, *, all_panels: bool = True) -> None:
        """all_panels: whether all are visible, not only those that a large screen shows when the page opens."""
        self._ask = ask
        self.index = self._get("/").decode()
        found = re.search(r'"end_id":\s*"([^"]+)"', self.index)
        self._query = {"endId": found[1]} if found else {}  # what the server knows this page by
        # The page's own scripts run in the browser only.
        self._callbacks = [
            row for row in json.loads(self._get("/_dash-dependencies")) if not row["clientside_function"]
        ]
        self.values: dict[tuple[str, str], Any] = {}
        self._keep(json.loads(self._get("/_dash-layout")))
        if all_panels:
            panels = [id.removesuffix("-panel") for id, name in self.values if name == "data-drawn"]
            self.values["visible", "data"] = panels
        self.set("theme", "data", "light")

    def set(self, id: str, name: str, value: Any) -> Answers:
        """Change one value and run all callbacks that it triggers, one after another; of jobs only what starts them."""
        self.values[id, name] = value
        seconds, sent = {}, {}
        if not self._ready():
            return Answers(seconds, sent)
        for output, body in self.requests(f"{id}.{name}"):
            start = time.perf_counter()
            received = self._send(body)
            seconds[output] = time.perf_counter() - start
            answer, sent[output] = read_answer(*received)
            self.read(answer)
        return Answers(seconds, sent)

    def show(self, text: str, selection: str = SELECTION) -> None:
        """Look at a text in the bundled model; fails if panels do not answer for it."""
        self.values["selection", "data"] = selection
        self.set("prompt", "data", question(text)["prompt"])
        shown = {value for (_, name), value in self.values.items() if name == "data-selection"}
        assert shown == {selection}, shown

    def requests(self, *changed: str) -> Iterator[tuple[str, bytes]]:
        """What a browser asks when properties, such as `theme.data`, have changed: outputs and bodies."""
        for row in self._callbacks:
            own = {f"{given['id']}.{given['property']}" for given in row["inputs"]}
            if not own.isdisjoint(changed):
                yield row["output"], self._body(row, [one for one in changed if one in own])

    def answer(self, body: bytes) -> dict[str, Any]:
        """What the server answers to a request, whose values are not yet those of the page."""
        return self._post(body)[0]

    def read(self, answer: dict[str, Any]) -> None:
        """Take over the values of an answer; fails, after that, if it opens the notice."""
        for id, changes in answer.get("response", {}).items():
            for name, value in changes.items():
                self.values[id, name] = patched(self.values.get((id, name)), value)
        notice = answer.get("sideUpdate", {}).get("notice", {"is_open": False})
        assert not notice["is_open"], notice

    def start_job(
        self, name: str, question: Any, *, measure: bool = False, instead_of: "JobOfPage | None" = None
    ) -> "JobOfPage":
        """Ask for the job of a panel. instead_of: the one before, which then ends."""
        start = f"{name}-job-start", "data"
        (row,) = [row for row in self._callbacks if row["output"] == f"{name}-job-done.data"]
        self.values[start] = {"nonce": token_hex(8), "question": question, "measure": measure}
        old = {"oldJob": instead_of.answer["job"]} if instead_of else {}
        answer, _ = self._post(self._body(row, [".".join(start)]), **old)
        self.values[start] = None  # asked only once
        handles = {part: answer[part] for part in ("cacheKey", "job") if part in answer}
        again = self._body(row, [".".join(start)])
        return JobOfPage(answer, lambda: self._post(again, **handles)[0], f"{name}-job-done")

    def job_question(self, panel: str) -> Any:
        """What the panel offers to compute; None if it offers no job for this model and text.

        Its controls are set until it offers one, as some choices need none.
        """
        controls = [id for id, name in self.values if id.startswith(f"{panel}-") and name == "options"]
        choices = [(id, "value", option["value"]) for id in controls for option in self.values[id, "options"]]
        for change in [("prompt", "data", self.values["prompt", "data"]), *choices]:
            self.set(*change)
            if offer := self.values[f"{panel}-job-offer", "data"]:
                return offer["question"]
        return None

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

    def _get(self, path: str) -> bytes:
        status, answer, encoding = self._ask("GET", path, b"")
        assert status == 200, path
        return decompressed(answer, encoding)

    def _post(self, body: bytes, **handles: str) -> tuple[dict[str, Any], int]:
        return read_answer(*self._send(body, **handles))

    def _send(self, body: bytes, **handles: str) -> tuple[int, bytes, str]:
        query = urlencode(self._query | handles)
        return self._ask("POST", f"/_dash-update-component?{query}", body)

    def _body(self, row: dict[str, Any], changed: list[str]) -> bytes:
        """In a browser's words: what was never given a value has none."""

        def filled(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
            places = [(item["id"], item["property"]) for item in items]
            return [
                {"id": id, "property": name} | ({"value": self.values[id, name]} if (id, name) in self.values else {})
                for id, name in places
            ]

        names = [part.rsplit(".", 1) for part in row["output"].strip(".").split("...")]
        outputs = [{"id": id, "property": name} for id, name in names]
        body = {
            "output": row["output"],
            "outputs": outputs if row["output"].startswith("..") else outputs[0],
            "inputs": filled(row["inputs"]),
            "changedPropIds": changed,
            "parsedChangedPropsIds": changed,
        }
        body |= {"state": filled(row["state"])} if row["state"] else {}
        # As `JSON.stringify` writes it: without spaces, and of all characters only lone surrogates escaped.
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


@dataclass(frozen=True)
class JobOfPage:
    """A job that a page has asked for. answer: to the request that asked."""

    answer: dict[str, Any]
    ask: Callable[[], dict[str, Any]]
    done: str

    def outcome(self) -> dict[str, Any] | None:
        """How it ended, once it has."""
        return self.outcome_in(self.ask())

    def is_lost(self) -> bool:
        """Whether it has ended and left nothing, which the page says."""
        return self.ask() == {}

    def outcome_in(self, answer: dict[str, Any]) -> dict[str, Any] | None:
        """How it ended, if the answer says so."""
        found = answer.get("response", {}).get(self.done)
        return found["data"] if found else None


def read_answer(status: int, answer: bytes, encoding: str) -> tuple[dict[str, Any], int]:
    """The values in a callback's answer, and how many bytes it had."""
    assert status in (200, 204), (status, answer)
    if status == 204:
        return {}, 0
    return json.loads(decompressed(answer, encoding)), len(answer)


def decompressed(answer: bytes, encoding: str) -> bytes:
    """The decompressed body of an answer."""
    assert encoding in ("", "zstd"), encoding
    return zstd.decompress(answer) if encoding else answer


def patched(before: Any, value: Any) -> Any:
    """A value after an answer, which may hold only what changes in it (Dash's `Patch`)."""
    if not isinstance(value, dict) or "__dash_patch_update" not in value:
        return value
    for step in value["operations"]:
        assert step["operation"] == "Assign", step
        before = _assigned(before, step["location"], step["params"]["value"])
    return before


def _assigned(inside: Any, location: list[Any], value: Any) -> Any:
    """A copy of lists and dictionaries in each other, with another value at a location."""
    if not location:
        return value
    key, *rest = location
    changed = inside.copy()
    changed[key] = _assigned(inside.get(key) if isinstance(inside, dict) else inside[key], rest, value)
    return changed


def words(children: Any) -> str:
    """The text of a component's children, with that of all inside."""
    if isinstance(children, list):
        return "".join(map(words, children))
    return words(children["props"].get("children")) if isinstance(children, dict) else str(children or "")


def question(text: str, *choices: str) -> dict[str, Any]:
    """What a panel asks a job with: a text in the bundled model, and the panel's choices."""
    prompt = {"model": "bundled", "text": text, "start": False}
    return {"prompt": prompt, "selection": SELECTION, "choices": list(choices)}


def decoded(value: Any) -> Any:
    """JSON with its arrays of numbers as lists, and what is no number as null."""
    if isinstance(value, dict) and value.keys() >= {"dtype", "bdata"}:
        array = np.frombuffer(b64decode(value["bdata"]), dtype=value["dtype"])
        shape = [int(size) for size in value.get("shape", str(array.size)).split(",")]
        return decoded(array.reshape(shape).tolist())
    if isinstance(value, dict):
        return {name: decoded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [decoded(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def gzipped(text: str) -> int:
    """The size in bytes after the server's compression."""
    return len(gzip.compress(text.encode(), 6))


def of_app(server: Flask) -> Page:
    """A page of an app in this process."""
    client = server.test_client()

    def ask(method: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        answer = client.open(
            path, method=method, data=body, headers=[("Accept-Encoding", ACCEPTED)], content_type="application/json"
        )
        return answer.status_code, answer.data, answer.headers.get("Content-Encoding", "")

    return Page(ask)


def of_address(url: str) -> Page:
    """A page of a server, asked through one connection that is kept open while it is used."""
    connection, used = HTTPConnection(urlsplit(url).netloc, timeout=60), time.monotonic()

    def ask(method: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        nonlocal used
        if time.monotonic() - used > 1:  # the server closes it after two seconds
            connection.close()
        used = time.monotonic()
        headers = {"Accept-Encoding": ACCEPTED, "Content-Type": "application/json"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Encoding", "")

    return Page(ask)
