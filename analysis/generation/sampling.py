"""Sampling: the distribution that the next token is drawn from, and the seeded draw.

Definitions and order are those of transformers' `generate`: temperature, then top-k, then top-p.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import SelectionError, check_choice

Distribution = NDArray[np.float64]
How = Literal["greedy", "sampled"]
MOST_TEMPERATURE = 100.0
MOST_SEED = 2**32 - 1
_MOST_SHOWN = 20  # characters of a value that is refused


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes
    ----------
    temperature
        What the logits are divided by; 0: the most probable token is always chosen (greedy), and the rest does not
        matter.
    top_k
        The number of most probable tokens that may be drawn; 0: all.
    top_p
        The least number of most probable tokens whose probabilities add up to this share may be drawn; 1: all.
    seed
        Chooses among all texts that could be drawn. With equal seeds, equal texts are continued in the same way.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    @property
    def greedy(self) -> bool:
        """Whether the most probable token is always chosen."""
        return self.temperature == 0

    def checked(self) -> "Sampling":
        """Itself.

        Raises: SelectionError for a number that is out of range.
        """
        _check("temperature", self.temperature, 0, MOST_TEMPERATURE)
        _check("top-k", self.top_k, 0, MOST_SEED, whole=True)
        if self.top_p == 0:
            raise SelectionError("With a top-p of 0 no token would be left. Choose a number above 0, up to 1.")
        _check("top-p", self.top_p, 0, 1)
        _check("seed", self.seed, 0, MOST_SEED, whole=True)
        return self


def read_sampling(how: str, temperature: Any, top_k: Any, top_p: Any, seed: Any) -> Sampling:
    """The settings of a page's controls. how: "greedy", which leaves the numbers unread, or "sampled".

    Raises: SelectionError for a choice or a number that there is not.
    """
    check_choice(how, How, "how tokens are chosen")
    if how == "greedy":
        return Sampling()
    read = Sampling(
        read_number("temperature", temperature),
        int(read_number("top-k", top_k, whole=True)),
        read_number("top-p", top_p),
        int(read_number("seed", seed, whole=True)),
    )
    if read.greedy:
        raise SelectionError("A temperature of 0 is greedy. Choose “greedy”, or a temperature above 0.")
    return read.checked()


def probabilities(logits: NDArray[Any]) -> Distribution:
    """The softmax of logits at temperature 1, over the whole vocabulary: the distribution before truncation."""
    weights: Distribution = np.exp(logits.astype(np.float64) - float(logits.max()))
    weights /= weights.sum()
    return weights


def truncated(logits: NDArray[Any], sampling: Sampling) -> Distribution:
    """The distribution that a token is drawn from: after temperature, top-k and top-p, renormalized; it sums to 1.

    Tokens as probable as the k-th most probable one are kept, too.

    Source: Fan et al. 2018, "Hierarchical neural story generation" (top-k); Holtzman et al. 2020, "The curious case of
    neural text degeneration" (top-p).
    """
    if sampling.greedy:
        certain = np.zeros(len(logits))
        certain[logits.argmax()] = 1  # of equal logits, the lowest id
        return certain
    scaled = (logits.astype(np.float64) - float(logits.max())) / sampling.temperature
    if 0 < sampling.top_k < len(scaled):
        least = np.partition(scaled, -sampling.top_k)[-sampling.top_k]
        scaled = np.where(scaled < least, -np.inf, scaled)
    weights = np.exp(scaled)
    weights /= weights.sum()
    if sampling.top_p < 1:
        order = np.argsort(weights, kind="stable")  # ascending
        cut = order[np.cumsum(weights[order]) <= 1 - sampling.top_p]
        weights[cut[cut != order[-1]]] = 0
        weights /= weights.sum()
    return weights


def draw(distribution: Distribution, *, seed: int, step: int) -> int:
    """Draw a token id: the inverse of the cumulative distribution at a pseudorandom number.

    The number depends on the seed and the step alone: no draw, in this thread or another, changes a later one.
    """
    number = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, step]))).random()
    cumulative = distribution.cumsum()
    found = int(np.searchsorted(cumulative, number * cumulative[-1], side="right"))
    return min(found, int(np.flatnonzero(distribution)[-1]))  # the product may be rounded up to the sum


def next_token(logits: NDArray[Any], sampling: Sampling, *, step: int) -> tuple[int, Distribution, Distribution]:
    """The id of the next token, and its distribution before and after truncation."""
    before = probabilities(logits)
    if sampling.greedy:
        return int(logits.argmax()), before, truncated(logits, sampling)
    after = truncated(logits, sampling)
    return draw(after, seed=sampling.seed, step=step), before, after


def _check(what: str, number: float, least: float, most: float, *, whole: bool = False) -> None:
    is_number = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    if not is_number or not least <= number <= most or (whole and number != int(number)):  # nan is not in any range
        kind = "whole number" if whole else "number"
        raise SelectionError(
            f"There is no {what} of {str(number)[:_MOST_SHOWN]}. Choose a {kind} from {least:,} to {most:,}."
        )


def read_number(what: str, text: Any, *, whole: bool = False) -> float:
    """A number that a person has typed.

    Raises: SelectionError for anything else.
    """
    shown = str(text)[:_MOST_SHOWN]
    try:
        number = float(shown) if len(str(text)) <= _MOST_SHOWN else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number) or (whole and number != int(number)):
        raise SelectionError(f"‘{shown}’ cannot be the {what}. Type a {'whole number' if whole else 'number'}.")
    return number
