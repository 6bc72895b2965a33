"""Slow work: what is to be computed, how much of it there is, and how its arrays are kept and reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from analysis.trace import Trace

Arrays = dict[str, NDArray[Any]]
Report = Callable[[float, Arrays], None]  # the share that is done, 0 to 1, and what is known so far
# Given a name that says what arrays depend on besides the trace, and what computes them: the arrays, computed at once
# where they are not there yet.
Derived = Callable[[str, Callable[[], Arrays]], Arrays]
# Given a name that says what arrays depend on besides the trace, and what computes them: the arrays, or None where they
# are not there yet.
Keep = Callable[[str, Callable[[Report], Arrays]], Arrays | None]


@dataclass(frozen=True, eq=False)
class Task:
    """One slow result of a trace.

    kind: what sort of work it is; equal kinds take a time in proportion to their `work`, in any unit. It is what is
    expected; arrays that know better have a number under that name, too.
    run: the result, from the arrays that a `Keep` gives; None if it has none.
    """

    trace: Trace
    kind: str
    work: float
    run: Callable[[Keep], Any]


def compute_now(_name: str, compute: Callable[[Report], Arrays]) -> Arrays:
    """The `Keep` that keeps nothing: computes at once."""
    return compute(lambda _share, _arrays: None)


def derive_now(_name: str, compute: Callable[[], Arrays]) -> Arrays:
    """The `Derived` that keeps nothing."""
    return compute()
