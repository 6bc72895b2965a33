"""Models: the only place where one is loaded: in float32 on the CPU, frozen, from safetensors, without remote code."""

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

from analysis.errors import ModelError
from analysis.families import family_of
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model

disable_progress_bar()  # of a load: a server's log is no terminal
with patch.object(transformers.utils, "is_scipy_available", return_value=False):
    # Where SciPy is there, transformers imports it, 40 MB of each process, for losses of object detection.
    import transformers.loss.loss_utils

_BUILDING = Lock()  # transformers changes torch's own functions while it makes a network


def load_model(path: Path, *, name: str | None = None) -> LanguageModel:
    """The model in a folder as Hugging Face's `save_pretrained` writes it.

    Raises: ModelError for a folder without a readable, complete model, or a family without a row in `families.py`.
    """
    name = name or path.name
    try:
        return _load(path, name)
    except ModelError:
        raise
    except Exception as error:  # what is wrong with foreign files comes as errors of many kinds
        raise _unreadable(name, path, error) from error


def _load(path: Path, name: str) -> LanguageModel:
    family_of(json.loads((path / "config.json").read_text())["model_type"])
    with _BUILDING:
        network, loading = AutoModelForCausalLM.from_pretrained(  # memory-mapped: processes share it
            path,
            dtype=torch.float32,
            attn_implementation="eager",  # the default one returns no attention, without an error
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if missing := sorted(loading["missing_keys"]):  # they would be random, and shown as if they were the model's
        raise ModelError(f"The model '{name}' is incomplete: {len(missing)} weights are missing, such as {missing[0]}.")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise ModelError(f"The model '{name}' has no tokenizer. Put its tokenizer.json into the folder.")
    return prepare_model(name, network, tokenizer)


def network_without_weights(config: Any) -> Any:
    """The network of a configuration with exact shapes and no memory (on torch's meta device)."""
    with _BUILDING, torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def share_weights(network: nn.Module, memory: mmap) -> None:
    """Move a network's weights into memory that other processes see, which may do the same with the same weights."""
    offset = 0
    for weight in network.parameters():
        shared = torch.frombuffer(memory, dtype=torch.float32, count=weight.numel(), offset=offset).view_as(weight)
        shared.copy_(weight)
        weight.data = shared
        offset += shared.nbytes


def new_configuration(model_type: str, **sizes: int) -> Any:
    """The configuration of a family with these sizes."""
    return AutoConfig.for_model(model_type, **sizes)


def read_configuration(path: Path, *, name: str | None = None) -> Any:
    """The configuration in a model's folder.

    Raises: ModelError if it cannot be read, or is of a family without a row in `families.py`.
    """
    name = name or path.name
    try:
        family_of(json.loads((path / "config.json").read_text())["model_type"])
        return AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except ModelError:
        raise
    except Exception as error:  # what is wrong with foreign files comes as errors of many kinds
        raise _unreadable(name, path, error) from error


def _unreadable(name: str, path: Path, error: Exception) -> ModelError:
    words = str(error).replace(str(path), path.name)  # visitors read it, too
    return ModelError(
        f"The model '{name}' cannot be read. It must be a folder with config.json, weights as safetensors and a "
        f"tokenizer; here: {words}"
    )
