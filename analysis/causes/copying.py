"""Copying score: whether a head's output raises the logits of the tokens that it reads.

The OV circuit of a head maps every token that it may attend to, to logits: embedding, norm, values, output map, final
norm, output head. Its eigenvalues say what becomes of tokens (or mixtures of them): positive ones raise their own
logits, negative ones lower them.

Source: Elhage et al. 2021, "A mathematical framework for transformer circuits", section "Copying heads".
"""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from analysis.causes.frozen_norm import FrozenNorm, frozen_norm
from analysis.causes.head_scores import AnyScore, compute_head_scores
from analysis.causes.values import attention_input_norm, output_maps, value_maps, written_norm
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Derived, derive_now
from analysis.trace import Float, Trace

_MOST_WORK = 2e11  # multiplications, a few seconds; models from about 2 billion parameters on need more
_PER_CUBE = 25  # multiplications for the eigenvalues of a matrix, of its width to the power of three
_VERSION = 1  # raised when the computation changes


def compute_copying(model: LanguageModel, *, derived: Derived = derive_now) -> Float:
    """The copying score of every head, (n_blocks, n_heads): the sum of the OV circuit's eigenvalues divided by the sum
    of their absolute values, from −1 to 1; NaN if the model is too large for it, or its weights are not finite.

    Norms count with their gains, but not with their scale, which depends on the text. `derived` keeps the array; it
    depends on the weights alone.
    """

    def compute() -> Arrays:
        return {"copying": _copying(model)}

    return derived("copying", compute, version=_VERSION)["copying"]


def compute_all_scores(model: LanguageModel, trace: Trace, *, derived: Derived = derive_now) -> dict[AnyScore, Float]:
    """The scores of the heads' attention on a text, and their copying scores, (n_blocks, n_heads) each."""
    scores: dict[AnyScore, Float] = {"copying": compute_copying(model, derived=derived)}
    scores.update(compute_head_scores(trace, derived=derived).items())
    return scores


def copying_score(circuit: NDArray[np.floating]) -> float:
    """The score of an OV circuit, or of any square matrix that has the same eigenvalues, but for zeros."""
    if not np.isfinite(circuit).all():
        return float("nan")
    values = np.linalg.eigvals(circuit)
    size = np.abs(values).sum()
    return float(values.sum().real / size) if size else float("nan")


def _copying(model: LanguageModel) -> Float:
    info = model.info
    scores = np.full((info.n_blocks, info.n_heads), np.nan, dtype=np.float32)
    work = info.n_vocab * info.d_model**2 + info.n_blocks * info.n_heads * _PER_CUBE * info.d_head**3
    if work > _MOST_WORK:
        return scores
    with np.errstate(invalid="ignore", over="ignore"):
        ends = _unembed_and_embed(model)
        for block in range(info.n_blocks):
            reads = _read(attention_input_norm(model, block), value_maps(model, block))
            writes = output_maps(model, block)
            for after in (written_norm(model, block, _any_vector(info.d_model)), _final_norm(model)):
                writes = writes if after is None else after.applied(writes)
            for head in range(info.n_heads):
                # The product in another order: as small as a head, and with the same eigenvalues, but for zeros.
                scores[block, head] = copying_score(writes[head] @ ends @ reads[:, head])
    return scores


def _unembed_and_embed(model: LanguageModel) -> Float:
    """The output head times the token embedding, (d_model, d_model)."""
    embedding: nn.Embedding = model.network.get_submodule(model.family.embedding)  # type: ignore[assignment]
    head = model.output_head
    n_tokens = min(len(embedding.weight), len(head.weight))
    product: Float = (head.weight[:n_tokens].T @ embedding.weight[:n_tokens]).detach().numpy()
    return product


def _final_norm(model: LanguageModel) -> FrozenNorm:
    return frozen_norm(model.network.get_submodule(model.family.final_norm), _any_vector(model.info.d_model))


def _any_vector(d_model: int) -> Float:
    """A vector to take a norm's gains from: its scale multiplies all eigenvalues, and not their ratio."""
    return np.random.default_rng(0).normal(size=d_model).astype(np.float32)


def _read(norm: nn.Module | None, maps: Float) -> Float:
    """Maps that read the stream, (d_model, n_heads, d_head), with the norm before them."""
    if norm is None:
        return maps
    frozen = frozen_norm(norm, _any_vector(len(maps)))
    maps = frozen.gains[:, None, None] * maps
    return maps - maps.mean(axis=0) if frozen.centred else maps
