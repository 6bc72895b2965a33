"""Pairs of traces for tests: of two texts, of two models, and of a model and its copy without one head."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.comparison.pair import Comparison, compare_traces
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.trace import Prompt

ONE = "The fox met a crow and the crow had a cheese"
OTHER = "The fox met a hen and the hen had no more cheese"  # fewer or more tokens between equal ones


def compared(model: LanguageModel, a: str = ONE, b: str = OTHER, other: LanguageModel | None = None) -> Comparison:
    """A of one text and model, and B of another text, another model, or both."""
    second = other or model
    return compare_traces(
        model, compute_trace(model, Prompt(model.name, a)), second, compute_trace(second, Prompt(second.name, b))
    )


def swapped(comparison: Comparison) -> Comparison:
    """B minus A."""
    return Comparison(comparison.b, comparison.a, comparison.inverse, comparison.same_vocabulary)


def matched(comparison: Comparison) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of A that have counterparts in B, and these."""
    here = np.flatnonzero(comparison.aligned >= 0)
    return here, comparison.aligned[here]


def without_head(model: LanguageModel, block: int, head: int) -> LanguageModel:
    """A copy of a GPT-2 in which one head writes nothing."""
    network = deepcopy(model.network)
    for module in network.modules():  # which read the weights of the original
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    d_head = model.info.d_head
    with torch.no_grad():
        network.transformer.h[block].attn.c_proj.weight[head * d_head : (head + 1) * d_head] = 0
    return prepare_model(f"{model.name} without a head", network, model.tokenizer)


def by_transformers(model: LanguageModel, text: str) -> Any:
    """The output of transformers in float64, with attention and hidden states, which is no code of ours."""
    network = deepcopy(model.network).double()
    network.config._attn_implementation = "eager"
    ids = torch.tensor([model.tokenize(text)])
    with torch.no_grad():
        return network(ids, output_attentions=True, output_hidden_states=True)
