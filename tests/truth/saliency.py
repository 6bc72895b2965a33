"""Checks of attributions of the logit of “ Mary”."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.models.forward import compute_trace
from analysis.saliency import SaliencyResult, compute_saliency
from analysis.trace import Prompt
from tests.truth.check import Check, apart_relatively
from tests.truth.numbers import BY_TRANSFORMERS, EIFFEL, MARY, Numbers


@dataclass
class Attributions:
    """Ours, with their default settings unless it says otherwise, and those that transformers' network gives."""

    both: Numbers

    def of(self, text: str, **settings: Any) -> SaliencyResult:
        """Of the most probable token after a text."""
        trace = compute_trace(self.both.model, Prompt("any", text))
        return compute_saliency(self.both.model, trace, trace.n_positions - 1, **settings)

    @cached_property
    def integrated(self) -> list[SaliencyResult]:
        """Integrated gradients of two texts."""
        return [self.of(MARY), self.of(EIFFEL)]

    @cached_property
    def embeddings(self) -> Tensor:
        """transformers' embeddings of the first text, (n_positions, d_model)."""
        return self.both.reference.network.get_input_embeddings()(torch.tensor(self.both.reference.ids(MARY)))

    @cached_property
    def target(self) -> int:
        """The id of “ Mary”."""
        return self.both.model.vocabulary.only_id(" Mary")

    def logit(self, embeddings: Tensor) -> Tensor:
        """transformers' logit of the target after texts, (n_texts,)."""
        logits: Tensor = self.both.reference.network(inputs_embeds=embeddings).logits
        return logits[:, -1, self.target]


def _value(found: Attributions) -> float:
    right = found.both.passes[0]
    values = [found.of(MARY, method=method).value for method in ("input_gradient", "gradient_norm")]
    return max(abs(value - float(right.logits[-1, found.target])) for value in values)


def _input_gradient(found: Attributions) -> float:
    vectors = found.embeddings.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(found.logit(vectors[None]).sum(), vectors)
    right = (gradient * found.embeddings).double().sum(-1)
    return apart_relatively(found.of(MARY, method="input_gradient").attributions, right)


def _occlusion(found: Attributions) -> float:
    table = found.both.reference.network.get_input_embeddings().weight
    replaced = found.embeddings.repeat(len(found.embeddings), 1, 1)
    for position in range(len(replaced)):
        replaced[position, position] = table.mean(dim=0)
    with torch.inference_mode():
        right = found.logit(found.embeddings[None]) - found.logit(replaced)
    return apart_relatively(found.of(MARY, method="occlusion", baseline="mean").attributions, right)


def _sums(found: Attributions) -> float:
    return max(abs(result.delta) / abs(result.value - result.base) for result in found.integrated)


def _certificates(found: Attributions) -> float:
    return max(result.error for result in found.integrated)


def _targets(found: Attributions) -> float:
    labels = [result.target.label for result in found.integrated]
    assert all(np.isfinite(result.attributions).all() for result in found.integrated)
    return float(labels != ["·Mary", "·Paris"])


CHECKS: list[Check[Attributions]] = [
    Check("explained logit, F(x)", BY_TRANSFORMERS, 1e-4, _value),
    Check("input × gradient", "the gradient of transformers’ network, relatively", 1e-4, _input_gradient),
    Check("occlusion by the mean embedding", "16 passes of transformers’ network, relatively", 1e-4, _occlusion),
    Check("targets of integrated gradients of two texts", "“ Mary”, “ Paris”", 0, _targets),
    Check("integrated gradients: their sums", "F(x) − F(x′), relatively", 0.01, _sums),
    Check("integrated gradients: bounds of their errors", "0, as a share of F(x) − F(x′)", 0.05, _certificates),
]
