"""How long work will take, from how long such work took."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard.jobs.store import KEPT_SECONDS

if TYPE_CHECKING:
    from analysis.task import Task
    from dashboard.jobs.store import JobStore

_START = 0.15  # seconds that the first pass of a process usually takes longer
_TRUST = 0.3  # in that, where a few runs that differ little cannot tell


def expected_seconds(runs: Sequence[tuple[float, float]], work: float) -> float | None:
    """Seconds, as far as the runs tell; None without any. runs: of (work, seconds)."""
    if not runs:
        return None
    works, seconds = np.array(runs).T
    # Least squares of relative errors: a start, and a time for each unit of work, neither below zero.
    rows = np.stack([1 / seconds, works / seconds], axis=1)
    goal = np.append(np.ones(len(runs)), _TRUST * _START / seconds.mean())
    at_start, per_unit = _not_negative(np.vstack([rows, [_TRUST / seconds.mean(), 0]]), goal)
    # One that was held up by others counts for no more than the rest.
    held_up = float(np.median(seconds / (at_start + per_unit * works)))
    return float(held_up * (at_start + per_unit * work))


def _not_negative(rows: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two numbers, neither below zero, that solve the rows best by least squares; all rows are of numbers above
    zero. Not SciPy's `nnls`, for which every web process would take 30 MB.
    """
    both = np.linalg.lstsq(rows, goal)[0]
    if both.min() >= 0:
        return both
    alone = np.diag(rows.T @ goal / (rows**2).sum(axis=0))
    return min(alone, key=lambda one: float(((rows @ one - goal) ** 2).sum()))


class Estimates:
    """What tasks took here, kept for all processes."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def expected(self, task: Task) -> float | None:
        """Seconds that a task will take; None if none like it was measured yet."""
        return expected_seconds(json.loads(self._store.get(_key(task)) or b"[]"), task.work)

    def learn(self, task: Task, work: float, seconds: float, *, whole: bool) -> None:
        """Remember how long some work took, the last ten times. whole: not a task that was only begun."""
        key, run = _key(task), (work, seconds)
        runs = [run]
        if whole:
            runs = [*json.loads(self._store.get(f"{key}.whole") or b"[]")[-9:], run]
            self._store.set(f"{key}.whole", json.dumps(runs).encode(), seconds=KEPT_SECONDS)
        self._store.set(key, json.dumps(runs).encode(), seconds=KEPT_SECONDS)


def _key(task: Task) -> str:
    return f"runs.{task.trace.info.fingerprint}.{task.kind}"
