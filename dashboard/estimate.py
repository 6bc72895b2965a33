"""How long work will take, from how long such work took."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

_TRUST = 0.3  # in the start of a process taking no time: what a few runs that differ little cannot tell


def expected_seconds(runs: Sequence[tuple[float, float]], work: float) -> float | None:
    """Seconds that most runs would be within a factor of 2 of; None without any. runs: of (work, seconds)."""
    if not runs:
        return None
    works, seconds = np.array(runs).T
    # Least squares of relative errors: a start, and a time for each unit of work, neither below zero.
    rows = np.stack([1 / seconds, works / seconds], axis=1)
    at_start, per_unit = nnls(np.vstack([rows, [_TRUST / seconds.mean(), 0]]), np.append(np.ones(len(runs)), 0))[0]
    missed = seconds / (at_start + per_unit * works)
    return float(_typical(missed.tolist()) * (at_start + per_unit * work))


def _typical(ratios: list[float]) -> float:
    """One that most are within a factor of 2 of: how often points are doubled is not known before."""
    fits = [[one for one in ratios if low <= one <= 4 * low] for low in ratios]
    most = max(fits, key=len)
    return float(np.sqrt(min(most) * max(most)))
