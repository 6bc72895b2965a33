"""The parts of direct attribution by name, what a click on each selects, and their shares in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from layouts.figures.text import neuron_range, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.attribution import AttributionResult


class Share(NamedTuple):
    """One part: its name, the selection that a click on it makes, and its share in logits."""

    name: str
    select: str
    share: float


def outside_blocks(result: AttributionResult) -> list[Share]:
    """The parts that belong to no block, in the order of computation; only those that the model has."""
    parts = [
        ("token embedding", "embedding", result.embedding),
        ("position embedding", "embedding", result.positions),
        ("bias of the final norm", "norm", result.norm_bias),
        ("bias of the output head", "output", result.head_bias),
    ]
    return [Share(name, select, share) for name, select, share in parts if share is not None]


def columns(result: AttributionResult) -> list[tuple[str, str, str, NDArray[np.float64]]]:
    """What the parts of a block are besides its heads: short name, full name, selection and shares, (n_blocks,).

    `{block}` stands for the block. Only those that the model has.
    """
    parts = [
        ("MLP", "MLP", "block.{block}.mlp", result.mlps),
        ("att.<br>bias", "attention bias", "block.{block}.attention", result.attention_biases),
        ("MLP<br>bias", "MLP bias", "block.{block}.mlp", result.mlp_biases),
    ]
    return [(short, name, select, shares) for short, name, select, shares in parts if shares is not None]


def all_parts(result: AttributionResult) -> list[Share]:
    """All parts, whose shares sum to the logit: those of no block, then heads, MLPs and biases."""
    parts = outside_blocks(result)
    for (block, head), share in np.ndenumerate(result.heads):
        parts.append(Share(f"block {block} head {head}", f"block.{block}.attention.head.{head}", float(share)))
    for _, name, select, shares in columns(result):
        parts += [Share(f"block {n} {name}", select.format(block=n), float(share)) for n, share in enumerate(shares)]
    return parts


def neuron_parts(result: AttributionResult) -> list[Share]:
    """The neurons of the selected MLP."""
    assert result.neurons is not None
    block = result.selection.block
    return [
        Share(neuron_range(n, n), f"block.{block}.mlp.neuron.{n}", float(share))
        for n, share in enumerate(result.neurons)
    ]


def selected_part(result: AttributionResult) -> Share | None:
    """The selected part as a whole: an attention or an MLP with its bias. None for an end that adds nothing."""
    selection = result.selection
    block, select = selection.block, str(replace(selection, position=None, target=None))
    if block is None:
        parts = [part for part in outside_blocks(result) if part.select == select]
        name = parts[0].name if len(parts) == 1 else "embedding"
        return Share(f"the {name}", select, sum(part.share for part in parts)) if parts else None
    if selection.head is not None:
        return Share(f"block {block} head {selection.head}", select, float(result.heads[block, selection.head]))
    if selection.neuron is not None:
        assert result.neurons is not None
        return Share(f"block {block} neuron {selection.neuron}", select, float(result.neurons[selection.neuron]))
    before, attention, after = result.cumulated[2 * block : 2 * block + 3]
    if selection.part == "attention":
        return Share(f"the attention of block {block}", select, float(attention - before))
    return Share(f"the MLP of block {block}", select, float(after - attention))


def strongest(parts: list[Share], most: int) -> list[Share]:
    """The parts with the largest shares by size, the largest first, and those without a number last."""
    return sorted(parts, key=lambda part: np.inf if np.isnan(part.share) else -abs(part.share))[:most]


def explained_words(result: AttributionResult) -> str:
    """What is explained: the target's label, and that of the token whose logit is subtracted."""
    minus = f" minus {quoted(result.against.label)}" if result.against else ""
    return f"{quoted(result.target.label)}{minus}"


def named(part: Share) -> str:
    """A part's name in a sentence."""
    return part.name if part.name.startswith("block") else f"the {part.name}"
