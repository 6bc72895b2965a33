"""A check of the truth suite: what is computed, what it is compared with, and by how much it may differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

Case = TypeVar("Case")


@dataclass(frozen=True)
class Check(Generic[Case]):
    """One row of the table.

    what: is computed. right: what it is compared with, in words. most: by how much it may differ. difference: the
    largest difference.
    """

    what: str
    right: str
    most: float
    difference: Callable[[Case], float]


def apart(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The largest absolute difference; infinite if the shapes differ or a number is missing."""
    one, other = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if one.shape != other.shape:
        return float("inf")
    difference = np.abs(one - other).max(initial=0.0)
    return float("inf") if np.isnan(difference) else float(difference)


def apart_relatively(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The largest absolute difference, as a share of the largest number."""
    return apart(ours, theirs) / float(np.abs(np.asarray(theirs, dtype=np.float64)).max())
