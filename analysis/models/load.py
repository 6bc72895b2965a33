"""Model loading: from a folder or a GGUF file, as float32 on the CPU, frozen, never running remote code.

Of other formats of weights, only safetensors are read.
"""

import json
from mmap import mmap
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

import torch
import transformers.utils
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from analysis.checkpoints.checkpoint import check_folder, refuse_unused
from analysis.checkpoints.gguf import gguf_configuration, gguf_tokenizer, gguf_weights
from analysis.checkpoints.gguf_file import find_gguf
from analysis.checkpoints.lora import merge_adapter
from analysis.errors import ModelError
from analysis.families import family_of
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model

disable_progress_bar()  # a server's log is not a terminal
with patch.object(transformers.utils, "is_scipy_available", return_value=False):
    # If SciPy is installed, transformers imports it for losses of object detection: 40 MB in each process.
    import transformers.modeling_utils

_BUILDING = Lock()  # transformers patches functions of torch while it builds a network


def load_model(path: Path, *, name: str | None = None) -> LanguageModel:
    """Load a model from a folder in the format of transformers' `save_pretrained`, or from a GGUF file.

    A LoRA adapter in the folder is merged into the weights.

    Raises: ModelError for a path without a readable, complete model, one whose tensors are not all used by the
    network's parts, or as `check_folder` and `merge_adapter` do.
    """
    name = name or path.name
    try:
        return _load(path, name)
    except ModelError:
        raise
    except Exception as error:  # damaged files raise exceptions of many kinds
        raise _unreadable(name, path, error) from error


def _load(path: Path, name: str) -> LanguageModel:
    if file := find_gguf(path):
        return _load_gguf(file, name)
    check_folder(path, name)
    with _BUILDING, patch.object(transformers.modeling_utils, "maybe_load_adapters", _no_adapter):
        network, loading = AutoModelForCausalLM.from_pretrained(  # memory-mapped: processes share it
            path,
            dtype=torch.float32,
            attn_implementation="eager",  # the default implementation silently returns no attention
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    note = refuse_unused(loading["unexpected_keys"], network, family_of(network.config.model_type), name)
    _refuse_missing(loading, name)
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise ModelError(f"The model '{name}' has no tokenizer. Put its tokenizer.json into the folder.")
    notes = filter(None, [note, merge_adapter(network, path, name)])
    return prepare_model(name, network, tokenizer, weights_note="; ".join(notes))


def _no_adapter(path: Path, *_: Any, **settings: Any) -> tuple[None, Path, dict[str, Any]]:
    """Where peft is installed, transformers would put an adapter into the network, which then has other modules."""
    return None, path, settings


def _load_gguf(file: Path, name: str) -> LanguageModel:
    config = gguf_configuration(file)
    empty = network_without_weights(config)
    weights = gguf_weights(file, empty)
    with _BUILDING:
        network, loading = type(empty).from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=torch.float32,
            attn_implementation="eager",
            output_loading_info=True,
        )
    _refuse_missing(loading, name)
    return prepare_model(name, network, gguf_tokenizer(file))


def _refuse_missing(loading: dict[str, Any], name: str) -> None:
    if missing := sorted(loading["missing_keys"]):  # they would be random, but shown as the model's
        raise ModelError(f"The model '{name}' is incomplete: {len(missing)} weights are missing, such as {missing[0]}.")


def network_without_weights(config: Any) -> Any:
    """Build a network on torch's meta device: exact shapes, no memory."""
    with _BUILDING, torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def share_weights(network: nn.Module, memory: mmap) -> None:
    """Move a network's weights into memory shared with other processes, which may write the same weights there."""
    offset = 0
    for weight in network.parameters():
        shared = torch.frombuffer(memory, dtype=torch.float32, count=weight.numel(), offset=offset).view_as(weight)
        shared.copy_(weight)
        weight.data = shared
        offset += shared.nbytes


def new_configuration(model_type: str, **sizes: int) -> Any:
    """A configuration of a family, with some sizes set."""
    return AutoConfig.for_model(model_type, **sizes)


def read_configuration(path: Path, *, name: str | None = None) -> Any:
    """Read the configuration in a model's folder or GGUF file.

    Raises: ModelError if it cannot be read, or as `check_folder` does.
    """
    name = name or path.name
    try:
        if file := find_gguf(path):
            return gguf_configuration(file)
        check_folder(path, name)
        return AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except ModelError:
        raise
    except json.JSONDecodeError as error:
        raise ModelError(
            f"The config.json of '{name}' is not valid JSON: {error.msg}, in line {error.lineno}, column {error.colno}."
        ) from error
    except Exception as error:  # damaged files raise exceptions of many kinds
        raise _unreadable(name, path, error) from error


def _unreadable(name: str, path: Path, error: Exception) -> ModelError:
    reason = "config.json does not name the family (model_type)" if error.args == ("model_type",) else str(error)
    reason = reason.replace(str(path), path.name)  # visitors must not learn the server's paths
    return ModelError(
        f"The model '{name}' cannot be read. It must be a folder with config.json, weights in safetensors format and "
        f"a tokenizer, or a GGUF file. The reason is: {reason}"
    )
