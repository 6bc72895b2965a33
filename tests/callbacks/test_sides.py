"""Two jobs that are offered one after the other."""

from typing import Any

from callbacks.sides import is_complete, show_both


class FakeServices:
    """Services whose job results are what a test says."""

    def __init__(self, **results: Any) -> None:
        self.jobs, self._results = self, results

    def show(self, task: Any, _question: Any) -> Any:
        """The result and the offer of a task."""
        return self._results[task]


KEPT, OPEN, ENDED = {"kept": 1.0}, {"seconds": 1}, {"kept": 1.0, "ended": True}


def shown(**results: Any) -> Any:
    return show_both(FakeServices(**results), ("a", {}), ("b", {}))  # type: ignore[arg-type]


def test_the_job_of_a_comes_first():
    assert shown(a=(None, OPEN), b=(2, KEPT))[:2] == (None, OPEN)
    assert "A’s is not computed yet" in shown(a=(None, OPEN), b=(2, KEPT))[2]
    other = {"seconds": 2}
    assert shown(a=(1, KEPT), b=(None, other)) == (None, other, "A’s is computed, B’s not yet.")
    assert shown(a=(1, KEPT), b=(2, None)) == ((1, 2), None, "")


def test_partial_results_are_not_compared():
    assert shown(a=(1, OPEN), b=(2, KEPT))[0] is None
    assert shown(a=(1, KEPT), b=(2, OPEN))[0] is None
    assert shown(a=(1, ENDED), b=(2, KEPT)) == (
        None,
        ENDED,
        "A’s reached this server’s time limit, and partial results are not compared.",
    )
    assert shown(a=(1, KEPT), b=(2, ENDED))[2].startswith("B’s reached")
    assert [is_complete(offer) for offer in (None, KEPT, OPEN, ENDED)] == [True, True, False, False]
