"""How long work will take, from how long such work took."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

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
    at_start, per_unit = nnls(np.vstack([rows, [_TRUST / seconds.mean(), 0]]), goal)[0]
    # One that was held up by others counts for no more than the rest.
    held_up = float(np.median(seconds / (at_start + per_unit * works)))
    return float(held_up * (at_start + per_unit * work))
