"""What happens to a job, as plain data: for the log and for metrics, which listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class JobEvent:
    """The start of a job ("started") or its end: how it ended, "cancelled", or "killed" by something else.

    Attributes:
        panel: the panel whose result the job computes.
        job: its handle.
        model, n_tokens: of the text, where it got as far as reading it.
        seconds_waited, seconds_computed: where the job itself tells of its end.
    """

    kind: str
    panel: str
    job: str
    model: str | None = None
    n_tokens: int | None = None
    seconds_waited: float | None = None
    seconds_computed: float | None = None


Listener = Callable[[JobEvent], None]
