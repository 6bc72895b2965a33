"""Job results for the command line: computed in this process, where a page would be offered to have them computed."""

from __future__ import annotations

import time
from typing import Any

from analysis.task import Arrays, Task
from dashboard.jobs.store import JobStore, Kept, Results


class ResultsAtOnce:
    """Results of tasks, from the store or computed now, by this process's thread, and kept there."""

    def __init__(self, store: JobStore) -> None:
        self._results = Results(store)

    def show(self, task: Task, question: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
        """The complete result of a task, and what a page would be told about it."""
        kept = self._results.complete(task)
        if kept is None or kept.ended:
            began = time.monotonic()
            arrays = task.compute(_report_nothing)
            kept = Kept(arrays, time.monotonic() - began, ended=False, threads=1)
            self._results.keep(task, arrays, kept.seconds)
        offer = {"question": question, "kept": kept.seconds, "ended": False, "threads": kept.threads}
        return task.result(kept.arrays), offer


def _report_nothing(_share: float, _partial: Arrays) -> None:
    pass
