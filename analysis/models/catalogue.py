"""Model catalogue: names, sources, and architectures that are known without the weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from analysis.checkpoints.gguf_file import find_gguf
from analysis.errors import ModelError
from analysis.families import family_of
from analysis.model_info import ModelInfo
from analysis.models.hub import HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.load import network_without_weights, new_configuration
from analysis.models.prepare import measure, refuse_variants
from analysis.summary import SummaryResult, compute_summary

Source = LanguageModel | Path | HubModel  # in memory, in a folder, on the Hugging Face hub
BUNDLED = "bundled"

# Blocks, heads and width, known without a download; all else is GPT-2's default (Radford et al. 2019).
_GPT2_SIZES = {
    "distilgpt2": (6, 12, 768),
    "gpt2": (12, 12, 768),
    "gpt2-medium": (24, 16, 1024),
    "gpt2-large": (36, 20, 1280),
    "gpt2-xl": (48, 25, 1600),
}
_MASK = 1024**2  # numbers in the causal mask that these checkpoints hold for each block, in addition to parameters


@dataclass(frozen=True)
class Outline:
    """The architecture of a model, without its weights.

    Attributes
    ----------
    info
        The model's sizes, all exact.
    summary
        The model's parts with their shapes and numbers of parameters.
    download_bytes
        The approximate size of the download; None if unknown.
    converted
        Whether loading converts the weights, which are then in memory of their own: half precision, GGUF.
    """

    info: ModelInfo
    summary: SummaryResult
    download_bytes: int | None = None
    converted: bool = False


def list_sources(names: str, folder: Path | None) -> dict[str, Source]:
    """The sources of all sizes of GPT-2 and of the models that the host adds, by name.

    Parameters
    ----------
    names
        Separated by commas; each is a subfolder or a GGUF file of `folder`, or the id of a model on the hub,
        optionally with `@revision`.
    folder
        The folder of local models, if there is one.

    Raises: ModelError for a name that can be neither.
    """
    sources: dict[str, Source] = {name: HubModel(name) for name in _GPT2_SIZES}
    for name in filter(None, (part.strip() for part in names.split(","))):
        local = folder / name if folder and Path(name).parts == (name,) and name != ".." else None
        sources[name] = local if local and is_local_model(local) else HubModel.parse(name)
    return sources


def is_local_model(path: Path) -> bool:
    """Whether a path is a folder or a GGUF file, which may hold a model."""
    return path.is_dir() or find_gguf(path) is not None


def builtin_configuration(source: HubModel) -> Any | None:
    """The configuration of one of the sizes of GPT-2; None for any other model."""
    if source.repository not in _GPT2_SIZES or source.revision:
        return None
    n_blocks, n_heads, d_model = _GPT2_SIZES[source.repository]
    return new_configuration("gpt2", n_layer=n_blocks, n_head=n_heads, n_embd=d_model)


def make_outline(config: Any, source: Source) -> Outline:
    """Derive a model's architecture from its configuration.

    Raises: ModelError for a family, or a variant of a family, that is not supported.
    """
    family = family_of(config.model_type)
    gguf = isinstance(source, Path) and find_gguf(source) is not None
    converted = gguf or config.dtype in (torch.float16, torch.bfloat16)
    try:
        network = network_without_weights(config)
        refuse_variants(network, family)
        info = measure(network, family)
    except ModelError:
        raise
    except Exception as error:  # transformers cannot build it, or it differs from its family's configurations
        raise ModelError(f"The configuration of this {family.name} model cannot be used: {error}") from error
    size = None
    if isinstance(source, HubModel) and builtin_configuration(source):
        size = 4 * (info.n_parameters + info.n_blocks * _MASK)
    return Outline(info, compute_summary(network, family), size, converted)


def outline_of(model: LanguageModel) -> Outline:
    """The architecture of a model in memory, whose weights may say more than its configuration: an output head may not
    be tied to the embedding though the configuration says so.
    """
    return Outline(model.info, compute_summary(model.network, model.family))
