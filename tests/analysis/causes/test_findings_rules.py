"""The rules of what stands out, each on numbers made by hand, with its thresholds on both sides."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.causes.findings import find_copy, find_decision, find_repetition
from analysis.model_info import ModelInfo
from analysis.tokens import Token
from analysis.trace import Prompt, Trace


def evidence(**changed: Any) -> dict[str, NDArray[np.float64]]:
    """Two blocks of two heads; at first nothing stands out."""
    plain: dict[str, Any] = {
        "attention": [[0, 0], [0, 0]],
        "own": [[0, 0], [0, 0]],
        "heads": [[0.1, 0.1], [0.1, 0.1]],
        "mlps": [0.1, 0.1],
        "others": [0.1],
        "lead": 0.5,
    }
    return {name: np.array(value, dtype=np.float64) for name, value in {**plain, **changed}.items()}


@pytest.mark.parametrize(
    ("attention", "own", "lead", "sign", "found"),
    [
        (0.3, 0.5, 0.1, 1, True),
        (0.29, 0.5, 0.1, 1, False),
        (0.3, 0.49, 0.1, 1, False),
        (0.3, 0.5, 0.0, 1, False),  # raises all logits alike
        (0.3, 0.5, -0.1, 1, False),
        (0.3, -0.5, -0.1, 1, False),
        (0.3, -0.5, -0.1, -1, True),
        (0.3, -0.49, -0.1, -1, False),
        (0.3, -0.5, 0.1, -1, False),
    ],
)
def test_the_thresholds_of_copies(attention: float, own: float, lead: float, sign: Any, found: bool) -> None:
    given = evidence(attention=[[0, 0], [attention, 0]], own=[[0, 0], [own, 0]], heads=[[0.1, 0], [lead, 0]])
    assert find_copy(given, sign) == ((1, 0) if found else None)


def test_of_several_copies_the_one_with_the_largest_share_is_found() -> None:
    given = evidence(
        attention=[[0.9, 0.4], [0.5, 0.2]], own=[[0.6, 1.5], [0.7, 9]], heads=[[0.6, 1.5], [0.7, 9]], lead=1
    )
    assert find_copy(given, 1) == (0, 1)
    assert find_copy(given, -1) is None


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"heads": [[0, 0], [0, 1.0]], "mlps": [0.5, 0]}, (1, 1, 1.0)),
        ({"heads": [[0, 0], [0, -1.0]], "mlps": [0.5, 0]}, (1, 1, -1.0)),
        ({"mlps": [0.2, 1.0]}, (1, None, 1.0)),
        ({"mlps": [-3.0, 1.5]}, (0, None, -3.0)),
        ({"heads": [[0, 0], [0, 0.99]]}, None),  # too small
        ({"heads": [[0, 0], [0, 1.0]], "mlps": [0.51, 0]}, None),  # another part is half as large
        ({"heads": [[0, 0], [0, 1.0]], "others": [0, -0.51]}, None),
        ({"others": [4.0]}, None),  # neither a head nor an MLP
        ({}, None),
    ],
)
def test_the_thresholds_of_a_decision(changed: dict[str, Any], found: Any) -> None:
    assert find_decision(evidence(**changed)) == found


def repeating(ids: list[int], *heads: dict[str, float]) -> Trace:
    """A trace with heads of given scores: at each query, a head gives each pattern that much attention, and the rest to
    the query itself.
    """
    n = len(ids)
    grids = np.zeros((len(heads), n, n), dtype=np.float32)
    for grid, given in zip(grids, heads, strict=True):
        for query in range(n):
            same = [key for key in range(query) if ids[key] == ids[query]]
            keys = {
                "previous": [query - 1] if query else [],
                "duplicate": same[-1:],
                "induction": [key + 1 for key in same if key + 1 < query][-1:],
                "first": [0] if query else [],
            }
            for name, share in given.items():
                for key in keys[name]:
                    grid[query, key] += share
            grid[query, query] += 1 - grid[query].sum()
    tokens = tuple(Token(token_id, f"t{token_id}", position, position) for position, token_id in enumerate(ids))
    info = ModelInfo("GPT-2", 1, len(heads), 1, 1, 1, 30, 99, 1, "f")
    return Trace(Prompt("m", "x"), tokens, info, {"attention.0": grids}.__getitem__)


CYCLE = [1, 2, 3, 4, 5, 6, 7, 8] * 2


@pytest.mark.parametrize("name", ["induction", "duplicate"])
def test_the_thresholds_of_repetitions(name: Any) -> None:
    found = find_repetition(repeating(CYCLE, {}, {name: 0.41}), name)
    assert found == (0, 1, pytest.approx(0.41, abs=1e-6))
    assert find_repetition(repeating(CYCLE, {}, {name: 0.39}), name) is None
    assert find_repetition(repeating(CYCLE, {name: 0.5}, {name: 0.7}), name) == (0, 1, pytest.approx(0.7, abs=1e-6))
    # A head that usually looks at the token before is none, however high its score.
    busy = {name: 0.45, "previous": 0.55}
    assert find_repetition(repeating(CYCLE, busy), name) is None
    assert find_repetition(repeating(CYCLE, busy, {name: 0.41}), name) == (0, 1, pytest.approx(0.41, abs=1e-6))
    three, four = [1, 2, 3, 4, 5, 6, 1, 2, 3], [1, 2, 3, 4, 5, 6, 1, 2, 3, 4]
    assert find_repetition(repeating(three, {name: 0.9}), name) is None
    assert find_repetition(repeating(four, {name: 0.9}), name) is not None


def test_a_head_that_rests_on_the_first_token_finds_no_duplicates() -> None:
    ids = [1, 2, 3, 1, 4, 5, 1, 6, 7, 1, 8, 9, 1]
    assert find_repetition(repeating(ids, {"first": 1.0}), "duplicate") is None
    assert find_repetition(repeating(ids, {"duplicate": 1.0}), "duplicate") is not None


def test_where_any_attention_would_have_the_score_it_says_nothing() -> None:
    """Of two tokens in turn, half of all keys are earlier occurrences; of three, a third."""
    assert find_repetition(repeating([1, 2] * 6, {"duplicate": 0.95}), "duplicate") is None
    assert find_repetition(repeating([1, 2, 3] * 4, {"duplicate": 0.95}), "duplicate") is not None


def test_texts_without_a_repetition_have_none() -> None:
    for name in ("induction", "duplicate"):
        assert find_repetition(repeating([1, 2, 3, 4, 5, 6], {}), name) is None  # type: ignore[arg-type]
