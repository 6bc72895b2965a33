"""Odd checkpoints as people have them, each a small folder that `save_pretrained` or another library wrote."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, processors
from transformers import PreTrainedTokenizerFast

from tests.tiny import byte_level_tokenizer, make_tiny, sentencepiece_tokenizer

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
RANK, ALPHA = 4, 8


def save(folder: Path, network: Any, tokenizer: Any = None) -> Path:
    """A network and its tokenizer in a folder."""
    network.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    return folder


def tiny_gpt2(folder: Path, *, seed: int = 0) -> Path:
    """Checkpoint folder of a tiny random GPT-2 with its tokenizer."""
    model = make_tiny("gpt2", seed=seed)
    return save(folder, model.network, model.tokenizer)


def tiny(folder: Path, model_type: str, **shape: Any) -> Path:
    """A tiny model of a family with a byte-level tokenizer."""
    return save(folder, make_tiny(model_type, **shape).network, byte_level_tokenizer())


def edit_config(folder: Path, **changes: Any) -> None:
    """Change entries of config.json; None removes one."""
    path = folder / "config.json"
    settings = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the tensors of the file."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def set_weight(folder: Path, name: str, value: float, *at: int) -> Path:
    """Set a number, or a whole row, of a tensor in the file."""

    def change(weights: dict[str, torch.Tensor]) -> None:
        weights[name][at] = value

    edit_weights(folder, change)
    return folder


def adapter(
    folder: Path, shapes: dict[str, tuple[int, int]], *, ranks: dict[str, int] | None = None, **settings: Any
) -> None:
    """A LoRA adapter, as peft writes it. shapes: outputs and inputs of the maps, by their paths in the network."""
    folder.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for path, (n_outputs, n_inputs) in shapes.items():
        rank = (ranks or {}).get(path, RANK)
        weights[f"base_model.model.{path}.lora_A.weight"] = torch.randn(rank, n_inputs, generator=generator)
        weights[f"base_model.model.{path}.lora_B.weight"] = torch.randn(n_outputs, rank, generator=generator)
    save_file(weights, folder / "adapter_model.safetensors")
    usual = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": "someone/base"}
    (folder / "adapter_config.json").write_text(json.dumps(usual | settings))


def query_and_value(n_blocks: int = 3) -> dict[str, tuple[int, int]]:
    """What most adapters of a Llama change, in the tiny one: 4 heads share 2 keys and values of 8 dimensions."""
    return {
        f"model.layers.{block}.self_attn.{name}": (outputs, 32)
        for block in range(n_blocks)
        for name, outputs in (("q_proj", 32), ("v_proj", 16))
    }


def chat_tokenizer(template: str = CHATML, **named: Any) -> Any:
    """As instruction-tuned models have it: the end token ends a turn, another begins a text."""
    backend = copy.deepcopy(byte_level_tokenizer().backend_tokenizer)
    backend.add_special_tokens([AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True)])
    tokens = {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", **named}
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template, **tokens)


def starting_tokenizer() -> Any:
    """Llama 2's kind, which puts `<s>` in front of every text by itself."""
    tokenizer = copy.deepcopy(sentencepiece_tokenizer())
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    return tokenizer
