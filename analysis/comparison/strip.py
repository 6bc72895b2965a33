"""Surprisal of A minus that of B, token by token."""

from dataclasses import dataclass

from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.strip import compute_strip
from analysis.task import Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float


@dataclass(frozen=True, eq=False)
class StripDifference:
    """How much more surprising each token is in A than its counterpart is in B.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        A's.
    counterparts : tuple of n_positions tokens or None
        B's tokens that stand for them.
    a, b : float32, (n_positions,)
        Surprisal in bits of A's tokens, and of their counterparts; NaN where there is none.
    """

    tokens: tuple[Token, ...]
    counterparts: tuple[Token | None, ...]
    a: Float
    b: Float

    @property
    def difference(self) -> Float:
        """(n_positions,), in bits: A minus B."""
        return self.a - self.b


def compute_strip_difference(
    model: LanguageModel,
    other_model: LanguageModel,
    comparison: Comparison,
    *,
    derived: Derived = derive_now,
    other_derived: Derived = derive_now,
) -> StripDifference:
    """The difference of both texts' surprisal. Tokens of different vocabularies are compared only where both are the
    same piece of text.

    derived, other_derived: of A's and of B's trace.
    """
    a = compute_strip(model, comparison.a, derived=derived).surprisal
    b = compute_strip(other_model, comparison.b, derived=other_derived).surprisal
    counterparts = tuple(comparison.b.tokens[there] if there >= 0 else None for there in comparison.aligned.tolist())
    return StripDifference(comparison.a.tokens, counterparts, a, comparison.on_a(b, 0))
