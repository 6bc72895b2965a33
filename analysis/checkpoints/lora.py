"""LoRA adapters: merged into the base model's weights, or refused by name.

Source: Hu et al. 2021, "LoRA"; Kalajdzievski 2023, "A rank stabilization scaling factor" (rsLoRA); the files are those
of the library peft.
"""

import json
import re
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from analysis.checkpoints.checkpoint import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from analysis.errors import ModelError

_PREFIX = "base_model.model."
_MATRIX = re.compile(r"(.+)\.lora_(A|B)\.weight")
# How the matrices were chosen, initialised or trained, which no longer matters, or what is read from their names.
_HARMLESS = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "eva_config", "exclude_modules",
    "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config",
    "lora_alpha", "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version", "qalora_group_size",
    "r", "rank_pattern", "revision", "runtime_config", "target_modules", "task_type", "use_rslora",
}  # fmt: skip
_PLAIN_STARTS = (None, True, False, "gaussian", "orthogonal", "eva")  # others change the base model's weights as well


def merge_adapter(network: Any, path: Path, name: str) -> str:
    """Merge the LoRA adapter in a model's folder, if there is one: W + (α/r)·B·A, with α/√r for rsLoRA.

    Returns a note on what was merged; empty without an adapter.
    Raises: ModelError for an adapter of another kind, or one that does not fit the network.
    """
    if not (path / ADAPTER_CONFIG).exists():
        return ""
    settings = json.loads((path / ADAPTER_CONFIG).read_text())
    _refuse_variants(settings, name)
    if not (path / ADAPTER_WEIGHTS).exists():
        raise ModelError(
            f"The LoRA adapter of '{name}' is incomplete: {ADAPTER_WEIGHTS} is missing. Without it, the base model "
            "alone would be shown. Add the file, or remove the adapter’s files from the folder."
        )
    matrices: dict[str, dict[str, Tensor]] = {}
    for key, tensor in load_file(path / ADAPTER_WEIGHTS).items():
        part = key.removeprefix(_PREFIX).replace(".base_layer.", ".")  # a map's own bias, inside peft's module
        if found := _MATRIX.fullmatch(part):
            matrices.setdefault(found[1], {})[found[2]] = tensor.float()
        else:
            _replace(network, part, tensor.float(), name)
    for part, pair in matrices.items():
        _add(network, part, pair, settings, name)
    maps = sorted({part.rpartition(".")[2] for part in matrices})
    ranks = sorted({len(pair["A"]) for pair in matrices.values()})
    return f"LoRA adapter merged into {len(matrices)} matrices ({', '.join(maps)}; rank {', '.join(map(str, ranks))})"


def _refuse_variants(settings: dict[str, Any], name: str) -> None:
    kind = str(settings.get("peft_type"))[:30]
    if kind != "LORA":
        raise ModelError(
            f"'{name}' has an adapter of the kind {kind}, which is not supported. Only LoRA is merged; merge it with "
            "peft’s merge_and_unload and save the whole model."
        )
    given = [key[:30] for key, value in settings.items() if value and key not in _HARMLESS]
    if settings.get("init_lora_weights") not in _PLAIN_STARTS:
        given.append(f"init_lora_weights={str(settings['init_lora_weights'])[:20]}")
    if given:
        raise ModelError(
            f"'{name}' has a LoRA adapter of a variant that is not supported ({', '.join(sorted(given)[:3])}). Merge "
            "it with peft’s merge_and_unload and save the whole model."
        )


def _add(network: Any, part: str, pair: dict[str, Tensor], settings: dict[str, Any], name: str) -> None:
    module = _module(network, part, part, name)
    if pair.keys() != {"A", "B"} or pair["A"].dim() != 2 or pair["B"].dim() != 2:
        raise _unfit(part, name)
    down, up = pair["A"], pair["B"]
    rank = len(down)
    alpha = _of_pattern(settings.get("alpha_pattern"), part, settings.get("lora_alpha", 8))
    if up.shape[1] != rank or rank != _of_pattern(settings.get("rank_pattern"), part, settings.get("r", 8)):
        raise _unfit(part, name)
    change = (up @ down) * (alpha / (sqrt(rank) if settings.get("use_rslora") else rank))
    if not isinstance(module, nn.Linear):  # GPT-2's Conv1D stores (inputs, outputs)
        change = change.T
    if change.shape != module.weight.shape:
        raise _unfit(part, name)
    module.weight = nn.Parameter(module.weight + change, requires_grad=False)


def _replace(network: Any, part: str, tensor: Tensor, name: str) -> None:
    """Replace a parameter that was trained as a whole: a bias, or one in `modules_to_save`. It is no longer tied."""
    parent, _, leaf = part.rpartition(".")
    module = _module(network, parent, part, name)
    before = getattr(module, leaf, None)
    if not isinstance(before, nn.Parameter) or before.shape != tensor.shape:
        raise _unfit(part, name)
    setattr(module, leaf, nn.Parameter(tensor, requires_grad=False))


def _of_pattern(pattern: dict[str, Any] | None, part: str, usual: Any) -> Any:
    """The value that a pattern of names gives to a module: the first match at the end of its path, as in peft."""
    matching = (value for key, value in (pattern or {}).items() if re.match(rf"(.*\.)?({key})$", part))
    return next(matching, usual)


def _module(network: Any, path: str, part: str, name: str) -> Any:
    try:
        module = network.get_submodule(path)
    except AttributeError:
        raise _unfit(part, name) from None
    if not isinstance(getattr(module, "weight", None), torch.Tensor):
        raise _unfit(part, name)
    return module


def _unfit(part: str, name: str) -> ModelError:
    return ModelError(
        f"The LoRA adapter of '{name}' does not fit its base model, or is of a variant that is not supported: "
        f"{part[:80]}. Merge it with peft’s merge_and_unload and save the whole model."
    )
