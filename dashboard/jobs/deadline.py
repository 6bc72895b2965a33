"""Ends of a job before its result."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_AGAIN_SECONDS = 5


class Ended(BaseException):
    """The job ends before its result: kind and message. Not an Exception, so that no library keeps it to itself."""


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """End what takes longer.

    Raises: Ended, from wherever this process is at that moment.
    """

    def end(_signal: int, _frame: Any) -> None:
        raise Ended(
            "timeout",
            f"The computation was ended after {seconds} seconds, the longest that this server allows. "
            "Choose a shorter text or a faster method.",
        )

    before = signal.signal(signal.SIGALRM, end)
    # Again and again, in case a library keeps it to itself.
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
