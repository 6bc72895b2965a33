"""A model from wherever it is: the bundled one, a folder, what was downloaded, or memory."""

import os.path
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from torch import Tensor

from analysis.bundled import BUNDLED_DIR
from analysis.errors import ModelError
from analysis.families import family_of
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model, network_without_weights
from analysis.models.prepare import prepare_model

ModelLike = str | Path | LanguageModel | tuple[Any, Any]  # all that `open_model` accepts


def open_model(source: ModelLike) -> LanguageModel:
    """The model of a source: "bundled", a folder, a hub id, a pair (network, tokenizer) in memory, or what it gives.

    A folder is read once, until its files change.
    Raises: ModelError for anything else, and as `find_model`, `load_model` and `adopt_model` do.
    """
    if isinstance(source, LanguageModel):
        return source
    if isinstance(source, tuple) and len(source) == 2:
        return adopt_model(*source)  # each time: it may have been trained since
    if not isinstance(source, str | Path):
        raise ModelError(
            "A model is given by a name, as a folder, or as a pair (network, tokenizer) that is in memory; this is a "
            f"{type(source).__name__}."
        )
    folder = BUNDLED_DIR if source == "bundled" else find_model(str(source))
    changed = max((file.stat().st_mtime_ns for file in folder.iterdir()), default=0)
    return _loaded(folder.resolve(), str(source), changed)


def find_model(name: str) -> Path:
    """The folder of a model on this machine: a path, or an id of the Hugging Face hub that was downloaded before.

    Raises: ModelError if it is neither.
    """
    folder = os.path.expanduser(name)
    if os.path.isdir(folder):  # unlike pathlib's, it takes any text
        return Path(folder)
    repository, _, revision = name.partition("@")
    try:
        cached = try_to_load_from_cache(repository, "config.json", revision=revision or None)
    except HFValidationError:  # it cannot be an id
        cached = None
    if not isinstance(cached, str):
        raise ModelError(
            f"There is no model '{name[:60]}' on this machine: no folder has this path, and no model of this id was "
            "downloaded from the Hugging Face hub."
        )
    return Path(cached).parent


@lru_cache(maxsize=2)  # so that two can be compared
def _loaded(folder: Path, name: str, _changed: int) -> LanguageModel:
    return load_model(folder, name=name)


def adopt_model(network: Any, tokenizer: Any) -> LanguageModel:
    """A model of transformers and its tokenizer as they are now; the network itself is not touched.

    A second network is built from its configuration on the same weights, so no memory is needed for them where they are
    float32 on the CPU (elsewhere they are copied). Only that one is frozen, has hooks, and computes attention in the
    way that can be read. Hooks and adapters of one's own are not part of it.
    Raises: ModelError for what is not a language model of a known family as transformers builds it, or has no weights.
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
            f"A {type(network).__name__} cannot be shown, a {type(own).__name__} can. Give that itself, without what "
            "is wrapped around it."
        )
    weights = network.state_dict()
    if any(weight.is_meta for weight in weights.values()):
        raise ModelError(f"This {type(network).__name__} has no weights in memory. Load it without offloading.")
    try:
        own.load_state_dict({name: _readable(weight) for name, weight in weights.items()}, assign=True)
    except RuntimeError as error:  # quantized, with adapters, pruned
        raise ModelError(
            f"The weights of this {type(network).__name__} are not those of its configuration: {error}"
        ) from error
    own.tie_weights()
    for name, _ in list(own.named_buffers()):  # which `state_dict` need not hold
        parent, _, leaf = name.rpartition(".")
        setattr(own.get_submodule(parent), leaf, _readable(network.get_buffer(name)))
    return prepare_model(config.name_or_path or type(network).__name__, own, tokenizer)


def _readable(tensor: Tensor) -> Tensor:
    """The tensor on the CPU, in float32 if it holds fractions; the same memory where it is so already."""
    return tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else tensor.dtype)
