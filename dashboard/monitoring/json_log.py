"""Structured log: one JSON object a line, on the standard error stream, without anything that a visitor wrote.

Of an exception the log has the type and the stack, never the message, which may quote a text. Of a library's message it
has the wording and the numbers, but not the strings that are filled in; and where the wording may be filled in already,
only the file and line that logged it.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sqlite3
import sys
import threading
import warnings
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from traceback import walk_tb
from typing import Any

from dashboard.jobs.events import JobEvent
from dashboard.monitoring.request_log import CURRENT_REQUEST, RequestRecord

_ROOT = Path(__file__).parents[2]
_OURS = tuple(f"{_ROOT / folder}/" for folder in ("analysis", "layouts", "callbacks", "dashboard"))
_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line; the record of an event has the fields of its line in `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": record.process,
            **getattr(record, "fields", {"event": "message", "logger": record.name, "message": _message(record)}),
        }
        if request := CURRENT_REQUEST.get():
            line["request"] = request.id
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = _stack(record.exc_info[1])
        return json.dumps(line)


def logging_config(level: str) -> dict[str, Any]:
    """Configuration for `logging.config`, and for gunicorn's `logconfig_dict`: all loggers write such lines."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonFormatter}},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines", "level": level}},
        "root": {"level": level, "handlers": ["lines"]},
        "loggers": {"gunicorn.error": {"handlers": [], "propagate": True}},
    }


def configure(level: str) -> None:
    """Let this process, and those that it forks, log such lines. To be called after all imports."""
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):  # a library's own handlers
            logger.handlers.clear()
            logger.propagate = True
    logging.config.dictConfig(logging_config(level))
    # Python itself would print these, with messages of exceptions.
    logging.raiseExceptions = False
    threading.excepthook = lambda given: _log.error("A thread failed", exc_info=given.exc_value)
    sys.unraisablehook = lambda given: _log.error("A finalizer failed", exc_info=given.exc_value)
    warnings.showwarning = lambda _message, kind, file, line, *_: _log.warning("%s, %s:%s", kind.__name__, file, line)


def log_request(record: RequestRecord) -> None:
    """Log the line of a request."""
    fields = {
        "event": "request",
        "method": record.method,
        "route": f"{record.route} {record.callback}".strip(),
        "status": record.status,
        "milliseconds": round(record.seconds * 1000, 1),
        "bytes": record.n_bytes,
        "client": record.client,
    }
    _log.info("request", extra={"fields": fields})


def log_job(event: JobEvent) -> None:
    """Log the line of a job that has ended."""
    known = {name: value for name, value in asdict(event).items() if value is not None}
    _log.info("job", extra={"fields": {"event": "job", **known}})


def _message(record: logging.LogRecord) -> str:
    ours, args = record.pathname.startswith(_OURS), record.args
    if not isinstance(record.msg, str) or not (args or ours):
        return f"{record.filename}:{record.lineno}"  # it may be filled in already

    def told(arg: Any) -> Any:
        if isinstance(arg, BaseException):
            return _kind(arg)
        return arg if ours or isinstance(arg, int | float) else "…"

    filled = {name: told(arg) for name, arg in args.items()} if isinstance(args, dict) else tuple(map(told, args or ()))
    try:
        return record.msg % filled if filled else record.msg
    except (TypeError, ValueError, KeyError):  # a number was expected
        return record.msg


def _stack(error: BaseException) -> str:
    """Where an exception was raised, and before it those that led to it."""
    lines: list[str] = []
    found: BaseException | None = error
    seen: set[int] = set()
    while found and id(found) not in seen:
        seen.add(id(found))
        frames = [
            f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_name}"
            for frame, line in walk_tb(found.__traceback__)
        ]
        lines = [_kind(found), *frames, *lines]
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n".join(lines)


def _kind(error: BaseException) -> str:
    """An exception's type, and what the system says of the reason."""
    reason = None
    if isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno)
    elif isinstance(error, sqlite3.Error):
        reason = getattr(error, "sqlite_errorname", None)
    return f"{type(error).__name__} ({reason})" if reason else type(error).__name__
