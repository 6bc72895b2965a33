"""The sides of a comparison, A and B: which of them is shown, and the results of two background jobs, which a page is
offered one after the other.
"""

from typing import Any

from analysis.task import Task
from callbacks.services import Services

Job = tuple[Task, dict[str, Any]]  # a task, and the question that the page sends back to have it run


def shown_sides(prompt: Any, other: Any, side: Any) -> tuple[Any, Any]:
    """The store of the question that panels show, and that of B if they show the difference of A and B, else None.

    prompt, other: the stores of A and of B, which is None without a comparison. side: "a", "b" or "difference".
    """
    if not other:
        return prompt, None
    return (other, None) if side == "b" else (prompt, other if side == "difference" else None)


def show_both(services: Services, a: Job, b: Job) -> tuple[tuple[Any, Any] | None, dict[str, Any] | None, str]:
    """The complete results of A and B, None if one is missing; the job that is offered; and in words what is missing.

    A's job is offered first. Partial results are not compared.
    """
    results: list[Any] = []
    offer = None
    for task, question in (a, b):
        result, offer = services.jobs.show(task, question)
        if offer and offer.get("ended"):
            side = "B’s" if results else "A’s"
            return None, offer, f"{side} reached this server’s time limit, and partial results are not compared."
        if result is None or not is_complete(offer):
            words = "A’s is computed, B’s not yet." if results else "A’s is not computed yet; B’s is next."
            return None, offer, words
        results.append(result)
    return (results[0], results[1]), offer, ""


def is_complete(offer: dict[str, Any] | None) -> bool:
    """Whether the result that came with this offer is complete: no preview, nor cut off at the time limit."""
    return offer is None or ("kept" in offer and not offer.get("ended"))
