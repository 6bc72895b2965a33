"""Alignment: identity, symmetry, no crossing, a longest common subsequence, and counterparts by bytes."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.comparison import alignment
from analysis.comparison.alignment import align_bytes, align_tokens, inverse

IDS = st.lists(st.integers(0, 4), max_size=12).map(tuple)
SHORT = st.lists(st.integers(0, 2), max_size=7).map(tuple)


def is_subsequence(some: tuple[int, ...], ids: tuple[int, ...]) -> bool:
    left = iter(ids)
    return all(one in left for one in some)


@given(IDS)
def test_a_text_is_aligned_with_itself_position_by_position(ids: tuple[int, ...]):
    assert align_tokens(ids, ids).tolist() == list(range(len(ids)))


@pytest.mark.long
@given(IDS, IDS)
def test_b_with_a_is_the_inverse_of_a_with_b(ids: tuple[int, ...], others: tuple[int, ...]):
    assert align_tokens(others, ids).tolist() == inverse(align_tokens(ids, others), len(others)).tolist()


@pytest.mark.long
@given(IDS, IDS)
def test_aligned_positions_never_cross(ids: tuple[int, ...], others: tuple[int, ...]):
    aligned = align_tokens(ids, others)
    assert (np.diff(aligned[aligned >= 0]) > 0).all()


@pytest.mark.long
@given(SHORT, SHORT)
def test_equal_tokens_are_a_longest_common_subsequence(ids: tuple[int, ...], others: tuple[int, ...]):
    aligned = align_tokens(ids, others)
    equal = sum(there >= 0 and ids[here] == others[there] for here, there in enumerate(aligned))
    lengths = range(min(len(ids), len(others)), -1, -1)
    longest = next(n for n in lengths if any(is_subsequence(some, others) for some in combinations(ids, n)))
    assert equal >= longest


@pytest.mark.parametrize(
    ("ids", "others", "expected"),
    [
        (
            (
                1,
                2,
                3,
            ),
            (
                4,
                5,
                6,
            ),
            [0, 1, 2],
        ),  # nothing in common, but as many
        (
            (
                1,
                2,
                3,
                4,
            ),
            (
                1,
                9,
                8,
                3,
                4,
            ),
            [0, -1, 3, 4],
        ),
        (
            (
                1,
                2,
                3,
                4,
            ),
            (
                1,
                4,
            ),
            [0, -1, -1, 1],
        ),
        (
            (
                1,
                2,
                3,
                4,
                5,
            ),
            (
                1,
                9,
                3,
                8,
                5,
            ),
            [0, 1, 2, 3, 4],
        ),  # two words are changed
        (
            (
                7,
                1,
                2,
                3,
            ),
            (
                1,
                2,
                3,
                9,
            ),
            [-1, 0, 1, 2],
        ),
        (
            (1,),
            (
                2,
                3,
            ),
            [-1],
        ),
    ],
)
def test_unequal_tokens_take_each_others_place_only_where_there_are_as_many(
    ids: tuple[int, ...], others: tuple[int, ...], expected: list[int]
):
    assert align_tokens(ids, others).tolist() == expected


def test_where_long_texts_differ_only_their_ends_are_aligned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alignment, "MOST_CELLS", 8)
    align_tokens.cache_clear()
    assert align_tokens((1, 5, 6, 7, 2), (1, 7, 6, 5, 9, 2)).tolist() == [0, -1, -1, -1, 5]


@pytest.mark.parametrize(
    ("tokens", "others", "expected"),
    [
        (["Once", " upon", " a"], [" Once", " upon", " a"], [0, 1, 2]),  # SentencePiece's space before the text
        (["cott", "age", " in"], ["cottage", " in"], [-1, -1, 1]),
        (["cottage", " in"], ["cott", "age", " in"], [-1, 2]),
        (["the", " king", " sat"], ["the", " queen", " sat"], [0, -1, 2]),
        (["a", " ", "b"], ["a", "b"], [0, -1, 1]),  # a space alone is nothing
        ([], ["a"], []),
    ],
)
def test_tokens_of_different_tokenizers_are_aligned_by_their_bytes(
    tokens: list[str], others: list[str], expected: list[int]
):
    aligned = align_bytes(*(tuple(one.encode() for one in text) for text in (tokens, others)))
    assert aligned.tolist() == expected


PIECES = st.lists(st.sampled_from([b"a", b" b", b"ab", b" ", "é".encode(), b"b"]), max_size=8).map(tuple)


@pytest.mark.long
@given(PIECES, PIECES)
def test_counterparts_by_bytes_are_equal_symmetric_and_do_not_cross(
    tokens: tuple[bytes, ...], others: tuple[bytes, ...]
):
    aligned = align_bytes(tokens, others)
    assert (np.diff(aligned[aligned >= 0]) > 0).all()
    assert align_bytes(others, tokens).tolist() == inverse(aligned, len(others)).tolist()
    assert all(tokens[here].lstrip() == others[there].lstrip() for here, there in enumerate(aligned) if there >= 0)
