"""Tasks: slow computations as plain data. Arrays are computed once, cached under a key, and turned into a result.

What is fast is computed on every request. Arrays that take long have a name, which says what they depend on besides the
trace, and a version, which is raised whenever the code that computes them changes: arrays of another version are never
read. They are computed within the request by a `Derived` function, or in a background job by a `Task`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from analysis.trace import Trace

Arrays = dict[str, NDArray[Any]]
Progress = Callable[[float, Arrays], None]  # the share that is done, 0 to 1, and the partial result, empty if none


class Derived(Protocol):
    """Get or compute: returns the cached arrays for a name and version, or computes and caches them."""

    def __call__(self, name: str, compute: Callable[[], Arrays], *, version: int) -> Arrays:
        """The arrays under a name that says what they depend on besides the trace."""


@dataclass(frozen=True, eq=False)
class Task:
    """A slow result of a trace.

    Attributes
    ----------
    trace: what the result is about.
    name: the arrays' key within the trace; it says everything that they depend on besides the trace.
    version: raised when the code that computes the arrays changes.
    kind: tasks of one kind take a time in proportion to their `work`.
    work: the usual amount of work, in any unit, the same for a kind. Arrays that include the actual amount have it
        under the name "work".
    compute: the arrays. It reports its progress from time to time, with partial arrays where it has some.
    result: the result that arrays give, whether they are complete or partial.
    most: the largest amount of work that it may turn out to be; None if that is known to be `work`.
    """

    trace: Trace
    name: str
    version: int
    kind: str
    work: float
    compute: Callable[[Progress], Arrays]
    result: Callable[[Arrays], Any]
    most: float | None = None

    def run_now(self) -> Any:
        """The result, computed in this thread without caching or reporting."""
        return self.result(self.compute(_report_nothing))


def derive_now(name: str, compute: Callable[[], Arrays], *, version: int) -> Arrays:
    """The `Derived` function without a cache: always computes."""
    return compute()


def _report_nothing(_share: float, _partial: Arrays) -> None:
    pass
