"""Estimates: how long a task will take, by regression on the run times of earlier tasks of its kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.task import Task
from dashboard.jobs.store import KEPT_SECONDS, JobStore

AUTOMATIC_SECONDS = 2.0  # a task that is expected to take no longer starts without a click
_START_SECONDS = 0.15  # the usual cost of a process's first pass
_TRUST = 0.3  # the weight of that prior, where a few similar runs cannot tell
_N_RUNS = 10  # that are remembered for each kind
_FEW_RUNS = 3  # below which they do not show how much the work may vary
_MARGIN = 1.5  # above the most that any of them needed
_PROBE_SECONDS = 3600


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


@dataclass(frozen=True)
class Expected:
    """The expected seconds of a task: the usual time, and the range that it should be in."""

    usual: float
    least: float
    most: float


class Estimates:
    """The run times of tasks on this server, shared by all processes."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def expected(self, task: Task) -> Expected | None:
        """The expected seconds of a task; None if none of its kind has run yet.

        How much work a task turns out to be may depend on its input: the range is what earlier tasks of the kind
        needed, or while there were few of them, up to the most that is possible.
        """
        runs, complete = self._runs(task, ""), self._runs(task, ".complete")
        ratios = [ratio for _, _, ratio in complete] or [1.0]
        least, usual, most = min(ratios), median(ratios), max(ratios)
        if task.most is not None:
            most = _MARGIN * most if len(complete) >= _FEW_RUNS else max(most, task.most / task.work)
        pairs = tuple((work, seconds) for work, seconds, _ in runs)
        times = [expected_seconds(pairs, task.work * ratio) for ratio in (usual, least, most)]
        return None if times[0] is None else Expected(*(time or 0.0 for time in times))

    def record(self, task: Task, work: float, seconds: float, *, complete: bool) -> None:
        """Record the time of a run. complete: whether `work` is what it did; else both are expectations, which stand
        for an hour, or until the next run that is complete.
        """
        key, run = _key(task), [work, seconds, work / task.work]
        runs = [*self._runs(task, ".complete")[1 - _N_RUNS :], run] if complete else [run]
        if complete:
            self._store.set(f"{key}.complete", json.dumps(runs).encode(), seconds=KEPT_SECONDS)
        elif self._runs(task, ".complete"):
            return
        self._store.set(key, json.dumps(runs).encode(), seconds=KEPT_SECONDS if complete else _PROBE_SECONDS)

    def _runs(self, task: Task, which: str) -> list[list[float]]:
        runs: list[list[float]] = json.loads(self._store.get(f"{_key(task)}{which}") or b"[]")
        return runs


def _key(task: Task) -> str:
    return f"times.{task.trace.info.fingerprint}.{task.kind}"
