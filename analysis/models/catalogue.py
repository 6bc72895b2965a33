"""The models on offer: what they are called, where their weights lie, and how large they are without them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from analysis.errors import ModelError
from analysis.families import family_of
from analysis.model_info import ModelInfo
from analysis.models.hub import HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.load import network_without_weights, new_configuration
from analysis.models.prepare import measure, refuse_variants
from analysis.summary import SummaryResult, compute_summary

Source = LanguageModel | Path | HubModel  # in memory, in a folder, on the hub
BUNDLED = "bundled"

# What is known without a network: blocks, heads and width; the rest is GPT-2's default (Radford et al. 2019).
_GPT2_SIZES = {
    "distilgpt2": (6, 12, 768),
    "gpt2": (12, 12, 768),
    "gpt2-medium": (24, 16, 1024),
    "gpt2-large": (36, 20, 1280),
    "gpt2-xl": (48, 25, 1600),
}
_MASK = 1024**2  # numbers that each block of these checkpoints holds besides its parameters: which keys may be seen


@dataclass(frozen=True)
class Outline:
    """A model without its weights: exact shapes and counts. download_bytes: about; None where it is not known. half:
    its weights are kept in half precision.
    """

    info: ModelInfo
    summary: SummaryResult
    download_bytes: int | None = None
    half: bool = False


def offered(names: str, folder: Path | None) -> dict[str, Source]:
    """The sizes of GPT-2, and what a host adds.

    names: separated by commas; each is a folder in `folder`, or a model of the hub, with `@revision` if need be.
    Raises: ModelError for a name that can be neither.
    """
    sources: dict[str, Source] = {name: HubModel(name) for name in _GPT2_SIZES}
    for name in filter(None, (part.strip() for part in names.split(","))):
        local = folder / name if folder and Path(name).parts == (name,) and name != ".." else None
        sources[name] = local if local and local.is_dir() else HubModel.parse(name)
    return sources


def built_in(source: HubModel) -> Any | None:
    """The configuration of a size of GPT-2; None for any other model."""
    if source.repository not in _GPT2_SIZES or source.revision:
        return None
    n_blocks, n_heads, d_model = _GPT2_SIZES[source.repository]
    return new_configuration("gpt2", n_layer=n_blocks, n_head=n_heads, n_embd=d_model)


def make_outline(config: Any, source: Source) -> Outline:
    """What a configuration says of a model.

    Raises: ModelError for a family, or a variant of one, that cannot be shown.
    """
    family = family_of(config.model_type)
    half = config.dtype in (torch.float16, torch.bfloat16)
    try:
        network = network_without_weights(config)
        refuse_variants(network, family)
        info = measure(network, family)
    except ModelError:
        raise
    except Exception as error:  # of a configuration that transformers cannot build, or that is not as its family's are
        raise ModelError(f"The configuration of this {family.name} model cannot be used: {error}") from error
    size = None
    if isinstance(source, HubModel) and built_in(source):
        size = 4 * (info.n_parameters + info.n_blocks * _MASK)
    return Outline(info, compute_summary(network, family), size, half)
