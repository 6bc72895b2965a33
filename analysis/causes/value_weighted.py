"""Value-weighted attention: how much each head moves from each token to each other one.

An attention weight says how much of a value is taken, but not how large the value is: the first token often has a large
weight and a small value. The norm of weight · value · output map is what arrives in the residual stream.

Source: Kobayashi et al. 2020, "Attention is not only a weight: analyzing transformers with vector norms".
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from analysis.attention import AttentionResult, compute_attention, pooled
from analysis.causes.values import block_part, head_values, output_maps, written_norm
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Float, Trace


def compute_value_weighted(model: LanguageModel, trace: Trace, selection: Selection, position: int) -> AttentionResult:
    """What the selected head moves, or the mean over the heads of the selected block; `view` is "value_weighted".

    `grid` and `heads` have the L2 norm of what each query receives from each key, ‖α · v · W_O‖, without the bias that
    all heads share; the mean over heads is that of their norms. The vectors sum over the keys to the head's output. A
    norm after attention counts, with the scale that it has at the query.
    Raises: SelectionError for a part that is not in a block.
    """
    raw = compute_attention(trace, selection, position)
    grid, heads = None, []
    for head, moved in enumerate(moved_grids(model, trace, raw.block)):
        heads.append(pooled(moved, raw.square))
        if raw.head is None:
            grid = moved if grid is None else grid + moved
        elif raw.head == head:
            grid = moved
    assert grid is not None
    if raw.head is None:
        grid = grid / np.float32(len(heads))
    row = grid[position]
    return replace(
        raw,
        view="value_weighted",
        grid=grid,
        heads=np.stack(heads),
        strongest=int(np.nanargmax(row)) if np.isfinite(row).any() else 0,
    )


def moved_grids(model: LanguageModel, trace: Trace, block: int) -> Iterator[Float]:
    """The norms of what each head of a block moves, (query, key), one head at a time: all take much memory."""
    sizes, scales = moved_norms(model, trace, block)
    for head in range(trace.info.n_heads):
        grid: Float = trace.attention(block, at=head) * sizes[:, head] * scales[:, None]
        yield grid


def moved_norms(model: LanguageModel, trace: Trace, block: int) -> tuple[Float, Float]:
    """The L2 norm of what every head writes for each key if it gets all attention, (n_positions, n_heads), and the
    scale of a norm after attention at each query, (n_positions,), ones if there is none.
    """
    values, maps = head_values(model, trace, block), output_maps(model, block)
    with np.errstate(invalid="ignore", over="ignore"):
        scales = np.ones(trace.n_positions, dtype=np.float32)
        if model.family.attention_norm is not None:
            gains, scales = _norm_after(model, trace, block, maps)
            maps = maps * gains
        # ‖v W‖² = v W Wᵀ vᵀ: without a vector of d_model entries for each token and head.
        squares = np.einsum("khd,hde,khe->kh", values, maps @ maps.transpose(0, 2, 1), values, optimize=True)
        sizes: Float = np.sqrt(np.maximum(squares, 0))
    return sizes, scales


def _norm_after(model: LanguageModel, trace: Trace, block: int, maps: Float) -> tuple[Float, Float]:
    """The gains of the norm after attention, (d_model,), and its scale at each position, (n_positions,)."""
    bias = block_part(model, block, model.family.attention_out).bias
    whole = trace.head_outputs(block).reshape(trace.n_positions, -1) @ maps.reshape(-1, maps.shape[-1])
    whole = whole if bias is None else whole + bias.numpy()  # type: ignore[operator]
    norms = [written_norm(model, block, vector) for vector in whole]
    gains = np.stack([norm.gains for norm in norms if norm is not None])
    largest = int(np.abs(gains[0]).argmax())
    scales: Float = gains[:, largest] / gains[0, largest]
    return gains[0], scales
