"""Deadlines: the time limit of a job, and other reasons why it ends without a result."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_REPEAT_SECONDS = 5


class JobEnded(BaseException):
    """The job ends without a result: kind and message of its outcome.

    Not an Exception, so that no library that catches those swallows it.
    """


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Limit the time that is spent within the context.

    Raises: JobEnded at the line that the main thread executes when the time is up.
    """

    def end(_signal: int, _frame: Any) -> None:
        raise JobEnded(
            "timeout",
            f"The computation was ended after {seconds} seconds, the longest that this server allows. "
            "What it had computed by then is shown, if there is anything. Choose a shorter text or a faster method.",
        )

    before = signal.signal(signal.SIGALRM, end)
    # Repeated, in case a library swallows the first one.
    signal.setitimer(signal.ITIMER_REAL, seconds, _REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
