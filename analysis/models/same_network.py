"""Comparison of two networks of one class: whether they compute the same function of the same weights."""

from typing import Any

from torch import nn

from analysis.errors import ModelError

# What does not change a number: how a module is run, or how attention is computed.
_HOW = {"training", "gradient_checkpointing", "name_or_path", "p"}  # p: of dropout, which is for training only
_PLAIN = (bool, int, float, str, tuple, type(None))


def refuse_changed(network: nn.Module, built: nn.Module) -> None:
    """Refuse a network that was changed after it was built: in its modules, in their settings or in their code.

    built: a network of the same class, as its configuration says.
    Raises: ModelError with the first difference.
    """
    own, others = dict(network.named_modules()), dict(built.named_modules())
    changed = _difference(own, others)
    if any(".lora_" in f".{name}" for name in own):
        changed = "it has LoRA adapters. Call merge_and_unload() of its PeftModel, and pass what that returns"
    if changed:
        raise ModelError(f"This {type(network).__name__} does not match its configuration: {changed}.")


def tie_as(network: nn.Module, other: nn.Module) -> None:
    """Tie the parameters of another network of the same class that are tied in this one, and no others."""
    first: dict[int, nn.Parameter] = {}
    for name, weight in network.named_parameters(remove_duplicate=False):
        path, _, leaf = name.rpartition(".")
        module = other.get_submodule(path)
        setattr(module, leaf, first.setdefault(id(weight), getattr(module, leaf)))


def _difference(own: dict[str, nn.Module], others: dict[str, nn.Module]) -> str:
    for name, other in others.items():
        if name not in own:
            return f"it lacks the module {name}"
        module = own[name]
        where = f"its module {name}" if name else "it"
        if type(module) is not type(other):
            return f"{where} is a {type(module).__name__}, not a {type(other).__name__}"
        if "forward" in vars(module) and not hasattr(module, "_hf_hook"):  # which moves tensors between devices
            return f"{where} has a forward function of its own"
        before = _settings(other)
        for key, value in _settings(module).items():
            if key in before and before[key] != value:
                return f"{key} of {where} is {str(value)[:40]}, not {str(before[key])[:40]}"
    more = [name for name in own if name not in others]
    return f"it has a module {more[0]} as well" if more else ""


def _settings(module: nn.Module) -> dict[str, Any]:
    """The module's own plain values, such as the ε of a norm."""
    return {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, _PLAIN) and not key.startswith("_") and key not in _HOW and "drop" not in key
    }
