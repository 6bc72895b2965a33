"""A known circuit in the bundled model: its induction heads continue a text that repeats itself.

One of them alone costs little, as the others take over; and the head whose removal costs most is none of them, but one
in block 0 that attends to the token itself, and that costs as much where nothing is repeated.
"""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pytest

from analysis.causes.head_scores import compute_head_scores, probe_trace
from analysis.causes.intervention import Intervention
from analysis.effect import compute_effect
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays
from analysis.trace import Float, Prompt

SENTENCES = ("the wolf ate the red apple near the river and", "one duck met two cats at a green gate,")


@pytest.fixture(scope="module")
def scores(bundled_model: LanguageModel) -> Float:
    """Induction scores on the standard probe."""
    return compute_head_scores(probe_trace(bundled_model))["induction"]


def cost(model: LanguageModel, heads: Iterable[tuple[int, int]], sentence: str) -> tuple[float, float]:
    """What removing heads takes from the logit of each token that follows, on average: first time, and repeated."""
    trace = compute_trace(model, Prompt("bundled", f"{sentence} {sentence}"))
    removed = [Intervention(block, "head", head, None, "mean") for block, head in heads]
    streams: dict[str, Arrays] = {}

    def derived(name: str, compute: Callable[[], Arrays], *, version: int) -> Arrays:
        """Without the heads, the network runs once for all positions."""
        if name not in streams:
            streams[name] = compute()
        return streams[name]

    effect = partial(compute_effect, model, trace, interventions=removed, derived=derived)
    next_tokens = [(n, int(trace.token_ids[n + 1])) for n in range(1, trace.n_positions - 1)]
    costs = np.array([-effect(n, target=token_id).effect for n, token_id in next_tokens])
    first, repeated = np.array_split(costs, 2)
    return float(first.mean()), float(repeated.mean())


@pytest.mark.long
@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_induction_heads_together_write_what_is_repeated_and_nothing_else(
    bundled_model: LanguageModel, scores: Float, sentence: str
) -> None:
    induction = [(int(block), int(head)) for block, head in np.argwhere(scores >= 0.4)]
    assert len(induction) == 5
    first, repeated = cost(bundled_model, induction, sentence)
    assert abs(first) < 0.3
    assert repeated > 2
    for shift in range(3):  # as many others of the same blocks, one of which may be the previous-token head
        others = [(block, int(scores[block].argsort()[(n + shift) % 3])) for n, (block, _) in enumerate(induction)]
        assert all(scores[block, head] < 0.2 for block, head in others)
        assert repeated > 1.4 * cost(bundled_model, others, sentence)[1]


def test_the_costliest_head_is_not_about_repetitions(bundled_model: LanguageModel, scores: Float) -> None:
    best = np.unravel_index(int(scores.argmax()), scores.shape)
    alone = cost(bundled_model, [(int(best[0]), int(best[1]))], SENTENCES[0])
    itself = compute_head_scores(probe_trace(bundled_model))["self"]
    head = (0, int(itself[0].argmax()))
    first, repeated = cost(bundled_model, [head], SENTENCES[0])
    assert scores[head] < 0.2
    assert alone[1] > 0.5
    assert repeated > alone[1]
    assert first > 5 * abs(alone[0])
