"""Checks of what removing a head does to the logit of “ Mary” minus that of “ John”."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from analysis.causes.sweep import SweepResult, compute_sweep
from tests.truth.check import Check, apart
from tests.truth.numbers import MARY, Numbers

# The ten heads whose removal changes it most, strongest first, as block and head; those of the last two differ by 0.05.
STRONGEST = [(23, 3), (29, 1), (29, 0), (20, 0), (17, 0), (0, 6), (17, 4), (18, 0), (0, 0), (0, 1)]


@dataclass
class Effects:
    """The sweep, with each head's mean over the text in its place, and the same by hooks on transformers' network."""

    both: Numbers

    @cached_property
    def sweep(self) -> SweepResult:
        """Ours."""
        mary, john = (self.both.model.vocabulary.only_id(word) for word in (" Mary", " John"))
        trace = self.both.traces[0]
        return compute_sweep(self.both.model, trace, trace.n_positions - 1, target=mary, against=john)

    def by_hook(self, block: int, head: int) -> float:
        """transformers' logit of “ Mary” minus that of “ John”, without a head, minus the same with it."""
        network, ids = self.both.reference.network, torch.tensor([self.both.reference.ids(MARY)])
        width = network.config.head_dim
        at = slice(head * width, (head + 1) * width)

        def remove(_module: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            values = given[0].clone()
            values[..., at] = values[..., at].mean(1, keepdim=True)
            return (values,)

        def difference() -> float:
            with torch.inference_mode():
                logits = network(ids).logits[0, -1]
            return float(logits[self.sweep.target.id] - logits[self.sweep.against.id])  # type: ignore[union-attr]

        before = difference()
        handle = network.model.layers[block].self_attn.o_proj.register_forward_pre_hook(remove)
        try:
            return difference() - before
        finally:
            handle.remove()


def _strongest(found: Effects) -> float:
    heads = found.sweep.effects[:, :-1]
    order = np.argsort(-np.abs(heads), axis=None)[: len(STRONGEST)]
    return float([divmod(int(n), heads.shape[1]) for n in order] != STRONGEST)


def _effects(found: Effects) -> float:
    ours = [found.sweep.effects[block, head] for block, head in STRONGEST]
    return apart(ours, [found.by_hook(block, head) for block, head in STRONGEST])


CHECKS: list[Check[Effects]] = [
    Check("the ten heads whose removal changes “ Mary” minus “ John” most", "their numbers", 0, _strongest),
    Check("the effect of removing each of them", "a hook on transformers’ network, in logits", 1e-3, _effects),
]
