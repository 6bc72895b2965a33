"""Estimates: how long a task will take, by regression on the run times of earlier tasks of its kind."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.task import Task
from dashboard.jobs.store import KEPT_SECONDS, JobStore

AUTOMATIC_SECONDS = 2.0  # a task that is expected to take no longer starts without a click
_START_SECONDS = 0.15  # the usual cost of a process's first pass
_TRUST = 0.3  # the weight of that prior, where a few similar runs cannot tell
_N_RUNS = 10  # that are remembered for each kind


@lru_cache(maxsize=256)  # the same for all clicks between two runs
def expected_seconds(runs: tuple[tuple[float, float], ...], work: float) -> float | None:
    """The expected seconds for an amount of work; None without runs. runs: pairs of work and seconds."""
    if not runs:
        return None
    works, seconds = np.array(runs).T
    # Least squares of the relative errors: a constant start and a time for each unit of work, neither negative.
    rows = np.stack([1 / seconds, works / seconds], axis=1)
    goal = np.append(np.ones(len(runs)), _TRUST * _START_SECONDS / seconds.mean())
    start, per_unit = _non_negative_least_squares(np.vstack([rows, [_TRUST / seconds.mean(), 0]]), goal)
    # The median ratio, so that a run that other processes slowed down counts for no more than the rest.
    slowdown = float(np.median(seconds / (start + per_unit * works)))
    return float(slowdown * (start + per_unit * work))


def _non_negative_least_squares(rows: NDArray[Any], goal: NDArray[Any]) -> NDArray[Any]:
    """The two numbers, neither negative, that solve the rows best; all coefficients are positive.

    Not SciPy's `nnls`, which would cost every web process 30 MB.
    """
    both: NDArray[Any] = np.linalg.lstsq(rows, goal)[0]
    if both.min() >= 0:
        return both
    alone: NDArray[Any] = np.diag(rows.T @ goal / (rows**2).sum(axis=0))
    return min(alone, key=lambda one: float(((rows @ one - goal) ** 2).sum()))


class Estimates:
    """The run times of tasks on this server, shared by all processes."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def expected(self, task: Task) -> float | None:
        """The expected seconds of a task; None if none of its kind has run yet."""
        return expected_seconds(tuple(map(tuple, json.loads(self._store.get(_key(task)) or b"[]"))), task.work)

    def record(self, task: Task, work: float, seconds: float, *, complete: bool) -> None:
        """Record the time of a run. complete: whether it ran to its end; else it stands until the next run only."""
        key, run = _key(task), (work, seconds)
        runs = [run]
        if complete:
            runs = [*json.loads(self._store.get(f"{key}.complete") or b"[]")[1 - _N_RUNS :], run]
            self._store.set(f"{key}.complete", json.dumps(runs).encode(), seconds=KEPT_SECONDS)
        self._store.set(key, json.dumps(runs).encode(), seconds=KEPT_SECONDS)


def _key(task: Task) -> str:
    return f"runs.{task.trace.info.fingerprint}.{task.kind}"
