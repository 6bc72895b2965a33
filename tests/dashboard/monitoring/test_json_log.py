"""Structured log: how exceptions, messages of libraries and Python's warnings appear in its lines."""

import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import SelectionError
from dashboard.jobs.events import JobEvent
from dashboard.monitoring.json_log import JsonFormatter, log_job
from dashboard.monitoring.request_log import CURRENT_REQUEST, RequestRecord
from tests.serving import ROOT

CANARY = "canary"
OURS, FOREIGN = str(ROOT / "callbacks" / "prompt.py"), "/usr/lib/python3/library.py"


def line(message: Any, *args: Any, path: str = OURS, error: Exception | None = None, **more: Any) -> dict[str, Any]:
    given = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("a.logger", logging.WARNING, path, 7, message, args, given)
    record.__dict__ |= more
    told = JsonFormatter().format(record)
    assert "\n" not in told
    found: dict[str, Any] = json.loads(told)
    return found


def raised(act: Callable[[], Any]) -> Exception:
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def nest() -> None:
    """Causes, with a text in each message, one of which is an error of ours."""
    try:
        {}[CANARY]  # type: ignore[index]
    except KeyError:
        try:
            raise SelectionError(f"There is no '{CANARY}'.")
        except SelectionError as error:
            raise RuntimeError(CANARY) from error


def test_a_message_of_ours() -> None:
    told = line("The %s has %d parts", "model", 3)
    assert told.pop("time").endswith("+00:00")
    assert told.pop("process") > 0
    assert told == {"level": "WARNING", "event": "message", "logger": "a.logger", "message": "The model has 3 parts"}


@pytest.mark.parametrize(
    ("message", "args", "told"),
    [
        ("Worker (pid:%s) at %r", (12, CANARY), "Worker (pid:12) at '…'"),
        ("%(n)d of %(what)s", ({"n": 3, "what": CANARY},), "3 of …"),
        ("%d bytes", (CANARY,), "%d bytes"),
        (f"no {CANARY}", (), "library.py:7"),
        (KeyError(CANARY), (), "library.py:7"),
        ([CANARY], (7,), "library.py:7"),
    ],
)
def test_what_a_library_fills_in_is_left_out(message: Any, args: Any, told: str) -> None:
    assert line(message, *args, path=FOREIGN)["message"] == told


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda: {}[CANARY], "KeyError"),
        (lambda: str.encode(f"{CANARY}\ud800"), "UnicodeEncodeError"),
        (lambda: Path(f"/{CANARY}").read_text(), "FileNotFoundError (No such file or directory)"),
        (lambda: sqlite3.connect(":memory:").execute(CANARY), "OperationalError (SQLITE_ERROR)"),
    ],
)
def test_of_an_exception_only_type_and_stack_are_told(act: Callable[[], Any], kind: str) -> None:
    error = raised(act)
    told = line("It failed: %s", error, error=error)
    assert told["message"] == f"It failed: {kind}"
    first, *frames = told["traceback"].split("\n")
    assert first == kind
    assert frames[0].endswith(" in raised")
    assert frames[0].startswith(f"  {__file__}:")
    assert CANARY not in json.dumps(told)


def test_what_led_to_an_exception_is_told_before_it() -> None:
    told = line("It failed", error=raised(nest))["traceback"]
    kinds = [row for row in told.split("\n") if not row.startswith(" ")]
    assert kinds == ["KeyError", "SelectionError", "RuntimeError"]
    assert CANARY not in told
    itself = KeyError(CANARY)
    itself.__cause__ = itself
    assert line("", error=itself)["traceback"] == "KeyError"


def test_what_is_logged_during_a_request_names_it() -> None:
    record = RequestRecord("GET")
    token = CURRENT_REQUEST.set(record)
    assert line("x")["request"] == record.id
    CURRENT_REQUEST.reset(token)
    assert "request" not in line("x")


def test_an_event_of_a_job_is_logged_with_what_is_known(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_job(JobEvent("done", "saliency", "1:2", model="tiny", n_tokens=7, seconds_waited=0.0, seconds_computed=1.5))
        log_job(JobEvent("killed", "saliency", "1:3"))
    done, killed = (record.fields for record in caplog.records)  # type: ignore[attr-defined]
    assert done == {
        "event": "job", "kind": "done", "panel": "saliency", "job": "1:2", "model": "tiny", "n_tokens": 7,
        "seconds_waited": 0.0, "seconds_computed": 1.5,
    }  # fmt: skip
    assert killed == {"event": "job", "kind": "killed", "panel": "saliency", "job": "1:3"}


SCRIPT = f"""
import logging, threading, warnings
mine = logging.getLogger("library")
mine.addHandler(logging.StreamHandler())
mine.propagate = False
from dashboard.monitoring.json_log import configure
configure("WARNING")
mine.warning("Once, as line %d", 1)
logging.getLogger().info("not at this level")
warnings.warn("{CANARY}")
thread = threading.Thread(target=lambda: {{}}["{CANARY}"])
thread.start(); thread.join()
class Bad:
    def __del__(self):
        raise KeyError("{CANARY}")
Bad()
logging.getLogger().warning("%d", "{CANARY}")
"""


@pytest.mark.long
def test_all_that_python_says_is_lines() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    told = [json.loads(row) for row in done.stderr.splitlines()]
    assert [row["message"] for row in told] == [
        "Once, as line 1",
        "UserWarning, <string>:10",
        "A thread failed",
        "A finalizer failed",
        "%d",
    ]
    assert [row["traceback"].split("\n")[0] for row in told[2:4]] == ["KeyError", "KeyError"]
    assert CANARY not in done.stderr
