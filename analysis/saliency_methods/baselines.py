"""Baselines: the embedding that every token is compared with."""

from typing import Literal

import torch
from torch import Tensor, nn

from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.trace import Trace

_CHUNK = 4096  # token ids that are embedded at once, so that a large table is not copied as a whole

Baseline = Literal["mean", "end", "zero"]
# The path from the mean is finite in every model, and of the three it bends least on trained ones.
DEFAULT_BASELINE: Baseline = "mean"


def check_baseline(model: LanguageModel, baseline: Baseline) -> None:
    """Raises: SelectionError if the model does not have the baseline."""
    if baseline == "end" and model.start_id is None:
        raise SelectionError("This model has no end-of-text token to start from. Choose another baseline.")


def zero_is_singular(model: LanguageModel) -> bool:
    """Whether the path from the zero vector begins with a singularity: norms without biases, no learned positions.

    Such a norm gives a vector of almost any length the same length, and nothing is added to the vector before it. So
    the network says the same of a text's embeddings divided by a thousand as of the text, and nearly all of the change
    from zero happens next to zero.
    """
    if model.family.positions is not None:
        return False
    block: nn.Module = model.network.get_submodule(model.family.blocks)[0]  # type: ignore[index]
    norm = block.get_submodule(model.family.norms[0])
    return getattr(norm, "bias", None) is None


def embeddings(model: LanguageModel, trace: Trace, position: int, baseline: Baseline) -> tuple[Tensor, Tensor]:
    """The embeddings of the text up to the position, and of the baseline, (1, position + 1, d_model) each."""
    embed: nn.Module = model.network.get_input_embeddings()  # type: ignore[operator]
    text: Tensor = embed(torch.from_numpy(trace.token_ids[None, : position + 1]))
    if baseline == "zero":
        return text, torch.zeros_like(text)
    row = embed(torch.tensor(model.start_id)) if baseline == "end" else _mean_embedding(embed)
    return text, row.expand_as(text).clone()


def _mean_embedding(embed: nn.Module) -> Tensor:
    """The mean over the vocabulary of the embedding module's output; Gemma's scales the rows of its table."""
    table = next(embed.parameters())
    chunks = torch.arange(len(table)).split(_CHUNK)
    return torch.stack([embed(ids).sum(dim=0) for ids in chunks]).sum(dim=0) / len(table)
