"""Alignment of two texts: a longest common subsequence, of their token ids or of their bytes."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pairs = list[tuple[int, int]]

MOST_CELLS = 2**24  # of the table of lengths: two texts of 4,096 tokens
_MISSING = -1


@lru_cache(maxsize=64)  # every click compares the same texts
def align_tokens(ids: tuple[int, ...], others: tuple[int, ...]) -> NDArray[np.int64]:
    """Alignment by token ids, for texts of one tokenizer: for each position of A, that of B; -1 where there is none.

    Equal tokens are aligned along a longest common subsequence. Between two of its members, unequal tokens are aligned
    in order if both texts have equally many of them: they take each other's place, as where one word is changed.
    Aligned positions never cross, and the alignment of B with A is the inverse. If the parts of the texts that differ
    have more than `MOST_CELLS` pairs of tokens, only what both texts begin and end with is aligned.
    Source: Hirschberg 1975, "A linear space algorithm for computing maximal common subsequences" (the recurrence).
    """
    equal = _common(ids, others)
    pairs = list(equal)
    for (before, other_before), (after, other_after) in pairwise([(-1, -1), *equal, (len(ids), len(others))]):
        if after - before == other_after - other_before:
            pairs += zip(range(before + 1, after), range(other_before + 1, other_after), strict=True)
    return _aligned(pairs, len(ids))


@lru_cache(maxsize=64)
def align_bytes(tokens: tuple[bytes, ...], others: tuple[bytes, ...]) -> NDArray[np.int64]:
    """Alignment by the bytes of the text, for texts of different tokenizers; as the result of `align_tokens`.

    Tokens are aligned if they are made of the same bytes of the longest common subsequence, so that both stand for the
    same characters. A token that the other tokenizer splits has no counterpart. Spaces before a token do not count,
    since some tokenizers put one before the whole text.
    """
    bare, other_bare = ([token.lstrip(b" ") for token in text] for text in (tokens, others))
    partner = dict(_common(b"".join(bare), b"".join(other_bare)))
    spans = {span: position for position, span in enumerate(_spans(other_bare))}
    pairs = []
    for position, (begin, end) in enumerate(_spans(bare)):
        partners = [partner.get(byte, _MISSING) for byte in range(begin, end)]
        if partners and _MISSING not in partners and partners[-1] - partners[0] == end - begin - 1:
            there = spans.get((partners[0], partners[-1] + 1))
            pairs += [] if there is None else [(position, there)]
    return _aligned(pairs, len(tokens))


def inverse(aligned: NDArray[np.int64], n_others: int) -> NDArray[np.int64]:
    """The same alignment from B to A."""
    return _aligned([(int(other), position) for position, other in enumerate(aligned) if other >= 0], n_others)


def _common(one: Sequence[int], other: Sequence[int]) -> Pairs:
    """Longest common subsequence, as pairs of positions; swapped arguments give the same pairs, swapped."""
    if list(other) < list(one):  # of several that are equally long, the choice may not depend on which text is A
        return [(position, there) for there, position in _common(other, one)]
    shortest = min(len(one), len(other))
    begin = next((k for k in range(shortest) if one[k] != other[k]), shortest)
    end = next((k for k in range(shortest - begin) if one[-1 - k] != other[-1 - k]), shortest - begin)
    middle = _longest(one[begin : len(one) - end], other[begin : len(other) - end])
    return [
        *((k, k) for k in range(begin)),
        *((begin + position, begin + there) for position, there in middle),
        *((len(one) - k, len(other) - k) for k in range(end, 0, -1)),
    ]


def _longest(one: Sequence[int], other: Sequence[int]) -> Pairs:
    if not len(one) or not len(other) or len(one) * len(other) > MOST_CELLS:
        return []
    columns: NDArray[Any] = np.array(list(other))
    # lengths[i, j]: of the longest common subsequence of one[i:] and other[j:].
    lengths = np.zeros((len(one) + 1, len(other) + 1), dtype=np.uint16)
    for row in range(len(one) - 1, -1, -1):
        longer = np.where(columns == one[row], lengths[row + 1, 1:] + 1, lengths[row + 1, :-1])
        lengths[row, :-1] = np.maximum.accumulate(longer[::-1])[::-1]
    pairs, row, column = [], 0, 0
    while row < len(one) and column < len(other):
        if one[row] == other[column]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif lengths[row + 1, column] >= lengths[row, column + 1]:
            row += 1
        else:
            column += 1
    return pairs


def _spans(tokens: Sequence[bytes]) -> list[tuple[int, int]]:
    """Of each token, the positions in the text of its first byte and of the byte after its last."""
    return list(pairwise(accumulate((len(token) for token in tokens), initial=0)))


def _aligned(pairs: Pairs, n_positions: int) -> NDArray[np.int64]:
    aligned = np.full(n_positions, _MISSING, dtype=np.int64)
    for position, other in pairs:
        aligned[position] = other
    aligned.setflags(write=False)
    return aligned
