"""Model opening for notebooks: bundled, a folder, a GGUF file, downloaded, or a network in memory; and the default."""

import os
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from torch import Tensor

from analysis.bundled import BUNDLED_DIR
from analysis.checkpoints.checkpoint import refuse_quantized
from analysis.errors import ModelError
from analysis.families import family_of
from analysis.models.catalogue import Outline, builtin_configuration, make_outline
from analysis.models.hub import HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model, network_without_weights
from analysis.models.prepare import prepare_model
from analysis.models.same_network import refuse_changed, tie_as

ModelLike = str | Path | LanguageModel | tuple[Any, Any]
_default: ModelLike | None = None


def set_default_model(source: ModelLike) -> None:
    """Set what `chosen_model` gives where no model is named.

    Raises: ModelError if it cannot be used.
    """
    global _default  # noqa: PLW0603
    if outline_without_weights(source) is None:
        open_model(source)
    _default = source


def chosen_model(source: ModelLike | None) -> ModelLike:
    """The model that is named; or else the default, that of the environment variable `LLM_MODEL`, or "bundled"."""
    return source or _default or os.environ.get("LLM_MODEL") or "bundled"


def open_model(source: ModelLike) -> LanguageModel:
    """Open "bundled", a folder, a GGUF file, an id on the hub, or a pair (network, tokenizer) that is in memory.

    A `LanguageModel` is returned as it is. A folder or file is read again only when it has changed.

    Raises: ModelError for anything else, and as `find_model`, `load_model` and `wrap_model` do.
    """
    if isinstance(source, LanguageModel):
        return source
    if isinstance(source, tuple) and len(source) == 2:
        return wrap_model(*source)  # at each call, since it may have been trained
    if not isinstance(source, str | Path):
        raise ModelError(
            "A model must be a name, a folder, or a pair (network, tokenizer) that is in memory; this is a "
            f"{type(source).__name__}."
        )
    folder = BUNDLED_DIR if source == "bundled" else find_model(str(source))
    files = folder.iterdir() if folder.is_dir() else [folder]
    changed = max((file.stat().st_mtime_ns for file in files), default=0)
    return _loaded(folder.resolve(), str(source), changed)


def find_model(name: str) -> Path:
    """The folder or GGUF file of a model on this machine, given its path or the id of a downloaded model of the hub.

    Raises: ModelError if there is none, with the command that downloads it if it is a size of GPT-2.
    """
    if (folder := _folder(name)) is not None:
        return folder
    if _builtin(name) is not None:
        raise ModelError(
            f"The weights of '{name}' are not on this machine. Download them with `python -m dashboard download "
            f"{name}`. Without them, only `model_summary` and `enhanced_3d_visualization` can show the model."
        )
    raise ModelError(
        f"There is no model '{name[:60]}' on this machine: no folder or GGUF file has this path, and no model with "
        "this id has been downloaded from the Hugging Face hub."
    )


def outline_without_weights(source: ModelLike) -> Outline | None:
    """The architecture of a size of GPT-2 whose weights are not on this machine; None for any other model."""
    if not isinstance(source, str) or _folder(source) is not None or (config := _builtin(source)) is None:
        return None
    return make_outline(config, HubModel(source))


def _folder(name: str) -> Path | None:
    folder = os.path.expanduser(name)
    if os.path.isdir(folder) or (folder.lower().endswith(".gguf") and os.path.isfile(folder)):  # accept any text
        return Path(folder)
    repository, _, revision = name.partition("@")
    try:
        cached = try_to_load_from_cache(repository, "config.json", revision=revision or None)
    except HFValidationError:  # not a valid id
        return None
    return Path(cached).parent if isinstance(cached, str) else None


def _builtin(name: str) -> Any | None:
    """The configuration of a size of GPT-2."""
    return builtin_configuration(HubModel(name))


@lru_cache(maxsize=2)  # so that two can be compared
def _loaded(folder: Path, name: str, _changed: int) -> LanguageModel:
    return load_model(folder, name=name)


def wrap_model(network: Any, tokenizer: Any) -> LanguageModel:
    """Make a `LanguageModel` of a transformers model and its tokenizer, without changing either.

    A second network is built on the same weights, and with the same ones tied. They take no memory if they are float32
    on the CPU, and are copied otherwise. Only the second network is frozen, has hooks and computes attention in the
    readable way. The hooks of the given network are not part of it.

    Raises: ModelError for an unsupported family, a class that transformers does not build for it, missing weights, or a
    network that was changed so that the second one would compute something else.
    """
    config: Any = getattr(network, "config", None)
    if not hasattr(config, "model_type") or not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelError(
            f"A model in memory is a pair of a transformers model and its fast tokenizer; these are a "
            f"{type(network).__name__} and a {type(tokenizer).__name__}."
        )
    family_of(config.model_type)
    own = network_without_weights(deepcopy(config))
    own.set_attn_implementation("eager")
    if type(own) is not type(network):
        raise ModelError(
            f"A {type(network).__name__} is not supported, but a {type(own).__name__} is. Pass that network, without a "
            "wrapper around it."
        )
    weights = network.state_dict()
    if any(weight.is_meta for weight in weights.values()):
        raise ModelError(
            f"This {type(network).__name__} has weights that are not in memory. Load it without offloading."
        )
    refuse_quantized(network)
    refuse_changed(network, own)
    try:
        own.load_state_dict({name: _readable(weight) for name, weight in weights.items()}, assign=True)
    except RuntimeError as error:  # pruned
        raise ModelError(
            f"The weights of this {type(network).__name__} do not match its configuration: {error}"
        ) from error
    tie_as(network, own)
    for name, _ in list(own.named_buffers()):  # `state_dict` may lack them
        parent, _, leaf = name.rpartition(".")
        setattr(own.get_submodule(parent), leaf, _readable(network.get_buffer(name)))
    return prepare_model(config.name_or_path or type(network).__name__, own, tokenizer)


def _readable(tensor: Tensor) -> Tensor:
    """The tensor on the CPU, as float32 if it is floating point; shares its memory if nothing has to change."""
    return tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else tensor.dtype)
