"""Hostile requests to callbacks: each is answered or refused, and nothing in it is executed."""

import base64
import copy
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.models.language_model import LanguageModel
from dashboard.app import Explorer, create_app
from dashboard.panels import PANELS
from dashboard.services import AppServices
from dashboard.settings import Settings
from tests.page import Page, of_app
from tests.tiny import TEXT

pytestmark = pytest.mark.long

UPDATE = "/_dash-update-component"
MARK = "hostile-7f3a"
PATHS = [f"../../../../tmp/{MARK}", f"/tmp/{MARK}", f"{MARK}\0.json", f"file:///tmp/{MARK}", f"\\\\{MARK}\\share"]
WITH_JOBS = [panel for panel in PANELS if panel.task]


class Pickled:
    """Whoever unpickles it creates a file."""

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (f"/tmp/{MARK}-unpickled", "w")


FILES = ("os.system", "os.remove", "os.rename", "os.mkdir", "exec")
PICKLES = [pickle.dumps(Pickled(), protocol) for protocol in (0, 2, 5)]
HOSTILE: list[Any] = [
    None, True, 0, -1, 2**63, 10**400, 1e308, -0.0, float("nan"), float("inf"), "", " ", "\0", "\ud800", "𝕏" * 300,
    "x" * 30_000, "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "%s%n{0}", "'; DROP TABLE Cache; --",
    "__class__", "block.1.mlp@3", "block.999999999999999999999.mlp", "embedding~99999", "block.1.mlp@" + "9" * 5000,
    "tiny", "light", "pca", "2", "integrated", "zero", "block.9.mlp=zero", "block.0.stream@1=other", "block.0.mlp=,",
    *PATHS, *[base64.b64encode(one).decode() for one in PICKLES], *[one.decode("latin-1") for one in PICKLES],
    [], {}, [[]], [None] * 1000, ["x"] * 5000, json.loads("[" * 60 + "]" * 60), {"type": "x", "index": 1},
    {"id": "notice", "property": "children", "value": 1}, {"_dash_no_update": "_dash_no_update"},
    {"background_callback_error": {"msg": "x", "tb": "y"}},
    {"model": "tiny", "text": TEXT, "start": "no"}, {"model": PATHS[0], "text": "x"}, {"model": "tiny", "text": ["x"]},
    {"hash": "#model=/etc/passwd&text=x", "opened": 1}, {"hash": "#" + "a=b&" * 100, "opened": {}},
    {"nonce": {}, "question": [], "measure": "x"},
    {"nonce": "x" * 5000, "question": {"prompt": None, "selection": 7, "choices": ["a", "b", "c"]}},
]  # fmt: skip
RAW = [
    b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b'{"output":' + b"9" * 9000 + b"}", *PICKLES, b"null", b'{"a":1}' * 99,
]  # fmt: skip

ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
VALUES_TWICE = ('"theme.data"', '"saliency-job-done.data"', "0", "null", "[]")
NOT_UTF_8 = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80")

VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
    st.integers(),
    st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=5),
)
CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["put", "put", "value", "value", "drop", "key"]), VALUES),
    max_size=3,
)
# How a body is written: mostly as a browser does.
FORMS = st.tuples(st.sampled_from(["plain"] * 8 + ["twice", "bytes", *ENCODINGS]), st.integers(0, 10**6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def app(folder: Path, tiny_gpt2: LanguageModel) -> Explorer:
    app = create_app(Settings(cache_dir=str(folder), requests_per_minute=10**9), models={"tiny": tiny_gpt2})
    app.server.test_client().get("/")
    return app


@pytest.fixture
def no_jobs(app: Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each job is a process that does nothing; there is one at a time."""
    idle: list[subprocess.Popen[bytes]] = []

    def fork(what: Any) -> int:
        json.dumps(what)
        if not idle or idle[-1].poll() is not None:
            idle.append(subprocess.Popen(["sleep", "600"]))
        return idle[-1].pid

    monkeypatch.setattr(app.jobs.manager._forker, "fork", fork)
    yield
    for process in idle:
        process.kill()
        process.wait()


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """What is opened by a stranger's name, or written outside the folder, and what is unpickled that is no data."""
    found: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:  # it cannot be taken away again
        if not watching:
            return
        if event == "open" and isinstance(arguments[0], str | bytes):
            path, mode, flags = str(arguments[0]), str(arguments[1]), int(arguments[2])
            writes = bool(set(mode) & set("wax+")) or flags & 3
            ours = path.startswith((str(folder), "/dev/", "/proc/")) or "__pycache__" in path or ".hypothesis" in path
            if MARK in path or (writes and not ours):
                found.append(f"{event} {path} {mode} {flags}")
        elif MARK in repr(arguments) if event in FILES else event == "pickle.find_class" and arguments[1] == "open":
            found.append(f"{event} {arguments!r}")

    sys.addaudithook(hook)
    try:
        yield found
    finally:
        watching = False


def requests_of_a_page(app: Explorer) -> tuple[list[dict[str, Any]], list[str]]:
    """The bodies that a page sends to each callback of the server's, and what stands in its address for its jobs."""
    page = of_app(app.server)
    page.values["address", "data"] = {"hash": "", "opened": 1}
    page.values["prompt-text", "value"] = TEXT
    page.values["prompt", "data"] = {"model": "tiny", "text": TEXT, "start": False}
    page.set("selection", "data", "block.1.attention.head.2@3")
    typed = {"saliency-search": "f", "saliency-against": "7", "effect-removed": "block.1.mlp@3=mean,block.0.mlp=zero"}
    page.values |= {(name, "value"): value for name, value in typed.items()}
    page.values["export-request", "data"] = {"panel": "attention", "kind": "json", "name": "attention"}
    queries, sets = [""], []
    for name in (panel.name for panel in WITH_JOBS):
        question = question_of(page, name)
        answer = page.start_job(name, question).answer
        page.values[f"{name}-job-start", "data"] = {"nonce": "mine", "question": question, "measure": False}
        sets.append(handles := page._query | {part: answer[part] for part in ("cacheKey", "job")})
        queries += [urlencode(page._query | {kind: answer["job"]}) for kind in ("job", "oldJob", "cancelJob")]
        queries += [
            urlencode(handles),
            urlencode({**handles, "job": answer["job"][:-1]}),
            urlencode({**handles, "job": ""}),
        ]
    queries += [urlencode({**sets[0], "job": sets[1]["job"]}), urlencode({**sets[0], "endId": f"a~{'0' * 64}"})]
    queries += [f"job={quote(one)}" for one in PATHS] + [f"cacheKey={quote(one)}" for one in (*PATHS, *PICKLES)]
    queries += ["job=é~é", "cacheKey=" + "x" * 4000, "cancelJob=1&cancelJob=2", "job=~&cacheKey=~", "a=1"]
    bodies = [json.loads(page._body(row, [_first(row)])) for row in page._callbacks]
    assert len(bodies) == len([one for one in app.callback_map.values() if "callback" in one])
    return bodies, queries


@pytest.fixture(scope="module")
def questions(app: Explorer) -> list[Any]:
    """What the panels with jobs ask them."""
    page = of_app(app.server)
    page.values["prompt", "data"] = {"model": "tiny", "text": TEXT, "start": False}
    page.values["selection", "data"] = "block.1.mlp@1"
    return [question_of(page, panel.name) for panel in WITH_JOBS]


def question_of(page: Page, name: str) -> Any:
    """What the panel offers to compute; or what another might ask it, if it needs no job for so small a model."""
    by_hand = {"prompt": page.values["prompt", "data"], "selection": "output@3", "choices": ["", "", ""]}
    return page.job_question(name) or by_hand


def _first(row: dict[str, Any]) -> str:
    return f"{row['inputs'][0]['id']}.{row['inputs'][0]['property']}"


def places(inside: Any) -> Iterator[tuple[Any, Any]]:
    """All places of a JSON value: what holds one, and its key there."""
    for key in list(inside) if isinstance(inside, dict) else range(len(inside) if isinstance(inside, list) else 0):
        yield inside, key
        yield from places(inside[key])


def spoilt(body: dict[str, Any], changes: list[tuple[int, str, Any]]) -> dict[str, Any]:
    """A body with some of its values changed."""
    body = copy.deepcopy(body)
    for number, kind, value in changes:
        all_places = list(places(body))
        if not all_places:
            break
        holder, key = all_places[number % len(all_places)]
        if kind == "value":
            values = [(one, name) for one, name in all_places if name == "value" and isinstance(one, dict)]
            inner = [place for one, name in values for place in [(one, name), *places(one[name])]]
            holder, key = inner[number % len(inner)] if inner else (holder, key)
        if kind in ("put", "value"):
            holder[key] = copy.deepcopy(value)
        elif kind == "drop":
            del holder[key]
        elif kind == "key" and isinstance(holder, dict):
            holder[str(value)] = holder.pop(key)
    return body


def written(body: dict[str, Any], form: tuple[str, int]) -> tuple[bytes, bool]:
    """A body as bytes, and whether these are UTF-8 without duplicate keys."""
    text, (kind, number) = json.dumps(body), form
    keys = list(re.finditer(r'"(\w+)": ', text))
    if kind == "twice" and keys:
        key = keys[number % len(keys)]
        first = f"{key[0]}{VALUES_TWICE[number % len(VALUES_TWICE)]}, "
        return f"{text[: key.start()]}{first}{text[key.start() :]}".encode(), False
    if kind == "bytes":
        place = number % len(text)
        return text[:place].encode() + NOT_UTF_8[number % len(NOT_UTF_8)] + text[place:].encode(), False
    return (text.encode(kind), False) if kind in ENCODINGS else (text.encode(), True)


@pytest.fixture
def send(app: Explorer, caplog: pytest.LogCaptureFixture) -> Callable[[str, bytes], int]:
    """Send a request, and fail if the server has a problem with it."""
    client = app.server.test_client()

    def send(query: str, body: bytes) -> int:
        answer = client.post(f"{UPDATE}?{query}" if query else UPDATE, data=body, content_type="application/json")
        assert answer.status_code // 100 in (2, 4), (answer.status_code, query, body[:2000])
        assert b"Something went wrong" not in answer.data, (query, body[:2000], caplog.text[-3000:])
        return answer.status_code

    return send


@pytest.mark.parametrize("n_requests", [1_000, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.thorough])])
@pytest.mark.usefixtures("no_jobs")
def test_every_request_is_answered_or_refused(
    app: Explorer, folder: Path, send: Callable[[str, bytes], int], caplog: pytest.LogCaptureFixture, n_requests: int
) -> None:
    bodies, queries = requests_of_a_page(app)
    seen: dict[int, int] = {}

    @settings(
        max_examples=n_requests,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(bodies), CHANGES, FORMS, st.sampled_from([""] * len(queries) + queries))
    def attack(body: dict[str, Any], changes: list[tuple[int, str, Any]], form: tuple[str, int], query: str) -> None:
        data, plain = written(spoilt(body, changes), form)
        status = send(query, data)
        assert plain or status == 400, data
        seen[status] = seen.get(status, 0) + 1

    with watched(folder) as found:
        attack()
        for raw in RAW:
            for query in queries:
                assert send(query, raw) == 400
    assert found == []
    assert not list(Path("/tmp").glob(f"{MARK}*"))
    assert not caplog.records
    assert seen[200] > n_requests / 20  # so that callbacks are attacked, and not only what stands before them
    assert seen[400] > n_requests / 20


@settings(derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=500)
@given(changes=CHANGES, number=st.integers(0, len(WITH_JOBS) - 1))
def test_a_job_takes_every_question(
    services: AppServices, questions: list[Any], changes: list[tuple[int, str, Any]], number: int
) -> None:
    """The arguments of a job's process, in this process."""
    compute = WITH_JOBS[number].task
    assert compute
    with suppress(AnalysisError):
        compute(services, json.loads(json.dumps(spoilt(questions[number], changes))))


def test_the_watch_sees_what_it_should(tmp_path: Path) -> None:
    unpickled = Path(f"/tmp/{MARK}-unpickled")
    with watched(tmp_path) as found:
        (tmp_path / "inside").write_text("")
        assert found == []
        for path in (Path(f"/tmp/{MARK}"), unpickled):
            path.touch()
            path.unlink()
        assert len(found) >= 2
        pickle.loads(PICKLES[2]).close()
        unpickled.unlink()
        assert any(one.startswith("pickle.find_class") for one in found)
