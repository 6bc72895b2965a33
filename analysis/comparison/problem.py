"""Why A and B cannot be compared, in words that a panel shows in the place of its figure."""

from collections.abc import Callable

from analysis.comparison.pair import Comparison
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unexplainable


def first_problem(*checks: Callable[[], object]) -> str:
    """The message of the first check that raises a SelectionError; empty if none does."""
    for check in checks:
        try:
            check()
        except SelectionError as problem:
            return str(problem)
    return ""


def incomparable(comparison: Comparison, model: LanguageModel, other_model: LanguageModel, position: int) -> str:
    """Why the logits after a position of A cannot be compared with those of B; empty if they can."""
    if problem := comparison.other_vocabulary() or comparison.missing_position(position):
        return problem
    if problem := unexplainable(model, comparison.a, position):
        return f"In A: {problem}"
    problem = unexplainable(other_model, comparison.b, comparison.counterpart(position))
    return problem and f"In B: {problem}"
