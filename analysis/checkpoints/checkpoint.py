"""Checkpoint checks: what makes a folder or a repository no model that can be shown, known before weights are read.

Each check raises ModelError, whose first sentence is what the model menu says.
"""

import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from analysis.errors import ModelError
from analysis.families import Family, family_of

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_QUANTIZED_FILES = {"quantize_config.json", "quant_config.json", "hf_quant_config.json"}
_TOKENIZER_FILES = {"tokenizer.json", "vocab.json"}
_SENTENCEPIECE = re.compile(r"(tokenizer|spiece|sentencepiece(\.bpe)?)\.model(\.v\d+)?")
_TIKTOKEN = re.compile(r".+\.tiktoken|tiktoken\.model|tekken\.json")
_MOST_LETTERS = 60  # of a name that a file contains
# Masks and rotations that old checkpoints store, and that every network makes by itself.
_COMPUTED = re.compile(r"(^|\.)(attn|attention|self_attn)\.(masked_)?bias$|rotary_emb\.inv_freq$|(^|\.)position_ids$")
_PACKED = re.compile(r"\.(qweight|qzeros|SCB|absmax|weight_scale(_inv)?|weight_packed|quant_state\..*)$")


def check_folder(path: Path, name: str) -> None:
    """Check a model's folder, of which the configuration alone has to be there.

    Raises: ModelError for a family without a row in `families.py`, an adapter without its base model, quantized
    weights, or a tokenizer in SentencePiece's or tiktoken's format alone. OSError and other errors if config.json
    cannot be read.
    """
    files = {file.name for file in path.iterdir()} if path.is_dir() else set()
    if "config.json" not in files and ADAPTER_CONFIG in files:
        raise ModelError(adapter_alone(path, name))
    settings = json.loads((path / "config.json").read_text())
    family_of(settings["model_type"])
    if quantization := settings.get("quantization_config"):
        raise ModelError(_quantized(name, quantization))
    check_files(files, name)


def check_files(files: Collection[str], name: str) -> None:
    """Check the names of a model's files.

    Raises: ModelError for quantized weights, or a tokenizer in SentencePiece's or tiktoken's format alone.
    """
    if not _QUANTIZED_FILES.isdisjoint(files):
        raise ModelError(_quantized(name))
    if not _TOKENIZER_FILES.isdisjoint(files):
        return
    if found := next(filter(_SENTENCEPIECE.fullmatch, sorted(files)), ""):
        raise ModelError(
            f"The tokenizer of '{name}' is in SentencePiece’s format only. That file, {found}, is not read; "
            "convert it once: where transformers, sentencepiece and protobuf are installed, "
            "AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes the tokenizer.json that is read."
        )
    if found := next(filter(_TIKTOKEN.fullmatch, sorted(files)), ""):
        raise ModelError(
            f"The tokenizer of '{name}' is in tiktoken’s format only. That file, {found[:_MOST_LETTERS]}, is not read. "
            "Choose a copy of the model that has a tokenizer.json."
        )


def adapter_alone(path: Path, name: str) -> str:
    """The message about a folder that has an adapter and no base model."""
    settings = json.loads((path / ADAPTER_CONFIG).read_text())
    kind, base = (str(settings.get(key) or "")[:_MOST_LETTERS] for key in ("peft_type", "base_model_name_or_path"))
    kind = "LoRA" if kind == "LORA" else kind
    return (
        f"'{name}' is a {kind} adapter of {base or 'another model'}, without the weights of its base model. Copy "
        f"{ADAPTER_CONFIG} and {ADAPTER_WEIGHTS} into a folder with the files of the base model, and open that."
    )


def refuse_unused(keys: Iterable[str], network: Any, family: Family, name: str) -> str:
    """Refuse a file with tensors that belong to parts that are drawn but that the network does not use; a note on other
    unused tensors, empty if there are none.

    keys: the names of the unused tensors.
    Raises: ModelError with the number of tensors and one of their names.
    """
    unused = sorted(key for key in keys if not _COMPUTED.search(key))
    if any(map(_PACKED.search, unused)):
        raise ModelError(_quantized(name))
    trunk, _, _ = family.blocks.partition(".")
    head = network.get_output_embeddings()
    own = {trunk, *(child for child, _ in network.get_submodule(trunk).named_children())}
    own |= {child for child, module in network.named_children() if module is head}
    if drawn := [key for key in unused if key.partition(".")[0] in own]:
        inside, _, _ = family.blocks.rpartition(".")
        blocks = tuple(f"{path}." for path in (family.blocks, family.blocks.removeprefix(f"{inside}.")))
        where = "the blocks" if any(key.startswith(blocks) for key in drawn) else "the network"
        raise ModelError(
            f"{_tensors(drawn)} of {where} in the file of '{name}' {_are(drawn)} not used by {family.name}, such as "
            f"{drawn[0][:_MOST_LETTERS]}. Without {'it' if len(drawn) == 1 else 'them'}, another network would be "
            "shown than the one that was trained. Check whether config.json belongs to these weights; a variant of the "
            "family is not supported."
        )
    return f"{_tensors(unused)} of the file not shown, such as {unused[0][:_MOST_LETTERS]}" if unused else ""


def refuse_quantized(network: Any) -> None:
    """Refuse a network in memory whose weights are not plain numbers.

    Raises: ModelError.
    """
    for weight in network.parameters():
        if not weight.is_floating_point() or weight.element_size() < 2:
            raise ModelError(_quantized(type(network).__name__, getattr(network.config, "quantization_config", None)))


def _quantized(name: str, settings: Any = None) -> str:
    given = settings if isinstance(settings, dict) else getattr(settings, "__dict__", {})
    method, bits = given.get("quant_method"), given.get("bits")
    method = getattr(method, "value", method)
    known = [str(method)[:20]] if method else []
    known += [f"{bits}-bit"] if isinstance(bits, int) else []
    how = f" ({', '.join(known)})" if known else ""
    return (
        f"The weights of '{name}' are quantized{how}. Packed weights are not read. Choose the model that they were "
        "made from, with full weights in safetensors format, or a GGUF file of it."
    )


def _tensors(names: list[str]) -> str:
    return f"{len(names)} tensor{'' if len(names) == 1 else 's'}"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
