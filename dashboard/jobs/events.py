"""Job events: the start and the end of a job, as metrics and the log receive them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class JobEvent:
    """The start or the end of a job. kind: "started", or how it ended; the rest as far as it is known."""

    kind: str
    panel: str
    job: str
    model: str | None = None
    n_tokens: int | None = None
    seconds_waited: float | None = None
    seconds_computed: float | None = None


Listener = Callable[[JobEvent], None]
