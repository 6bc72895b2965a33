"""A norm with its scale held constant: the linear map that LayerNorm or RMSNorm is at one vector."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from analysis.models.language_model import LanguageModel
from analysis.trace import Trace

_LARGE = 1e6  # of a probe's entries, next to which the norm's epsilon vanishes


@dataclass(frozen=True, eq=False)
class FrozenNorm:
    """x ↦ γ ⊙ (x − mean x) / σ + bias, with σ that of one vector, or a map for each of several vectors.

    Attributes
    ----------
    gains
        (..., d_model), γ / σ.
    centred
        Whether the mean is subtracted, as LayerNorm does and RMSNorm does not.
    bias
        (d_model,), zeros in a norm without one.
    """

    gains: NDArray[Any]
    centred: bool
    bias: NDArray[Any]

    def at(self, index: int | list[int]) -> "FrozenNorm":
        """The map of one of several vectors, or the maps of some."""
        return FrozenNorm(self.gains[index], self.centred, self.bias)

    def pulled_back(self, direction: NDArray[Any]) -> NDArray[Any]:
        """The direction before the norm whose product with a vector is that of `direction` with the normed vector, but
        for the bias; (..., d_model).
        """
        before: NDArray[Any] = self.gains * direction
        return before - before.mean(axis=-1, keepdims=True) if self.centred else before

    def applied(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """What the norm makes of vectors, (..., d_model), without its bias."""
        moved: NDArray[Any] = vectors - vectors.mean(axis=-1, keepdims=True) if self.centred else vectors
        through: NDArray[Any] = self.gains * moved
        return through


def frozen_norm(norm: nn.Module, vectors: NDArray[Any]) -> FrozenNorm:
    """The linear map of a norm at a vector, (d_model,), or at each of several, (..., d_model).

    Families store gains in different forms (Gemma's are 1 + weight) and name epsilon differently, so all is measured
    on what the norm makes of vectors: gains on one of equal sizes, the scale on the vector itself.
    """
    with torch.inference_mode():
        given = torch.from_numpy(np.array(vectors))
        ones = torch.ones(given.shape[-1], dtype=given.dtype)

        def normed(x: torch.Tensor) -> NDArray[Any]:
            out: NDArray[Any] = norm(x).numpy()
            return out

        probe = _balanced(ones)
        bias = normed(0 * ones)
        even = probe.numpy()
        gains = (normed(_LARGE * probe) - bias) * np.sqrt((even**2).mean()) / even
        level = normed(ones) - bias  # a vector without variance: LayerNorm leaves nothing of it
        centred = bool(np.abs(level).max() < 0.5 * np.abs(gains).max())
        with np.errstate(invalid="ignore", over="ignore"):
            unscaled = gains * (vectors - vectors.mean(axis=-1, keepdims=True) if centred else vectors)
            sizes = (unscaled**2).sum(axis=-1, keepdims=True)
            products = ((normed(given) - bias) * unscaled).sum(axis=-1, keepdims=True)
            scales = np.divide(products, sizes, out=np.zeros_like(products), where=sizes != 0)
            return FrozenNorm(gains * scales, centred, bias)


# Small next to the trace, and cheap beside a click's request.
_FINAL: WeakKeyDictionary[Trace, FrozenNorm] = WeakKeyDictionary()


def frozen_final_norm(model: LanguageModel, trace: Trace) -> FrozenNorm:
    """The linear maps of the final norm at the last residuals of all positions."""
    found = _FINAL.get(trace)
    if found is None:
        module = model.network.get_submodule(model.family.final_norm)
        found = _FINAL[trace] = frozen_norm(module, trace.residual(trace.info.n_blocks))
    return found


def _balanced(ones: torch.Tensor) -> torch.Tensor:
    """A vector of mean zero without zeros: ±1 in turn, and of an odd number of entries, 1, 1, −2 at the end."""
    balanced = ones.clone()
    balanced[1::2] = -1
    if len(ones) % 2:
        balanced[-3:] = torch.tensor([1.0, 1.0, -2.0])
    return balanced
