"""Model export in transformers' format: float16 safetensors, tokenizer and configuration."""

import json
import os
from pathlib import Path

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from analysis.bundled.data import END_OF_TEXT


def export_model(model: GPT2LMHeadModel, tokenizer: Tokenizer, out: Path) -> None:
    """Write weights, tokenizer and configuration to `out`. Each file is replaced atomically."""
    out.mkdir(parents=True, exist_ok=True)
    config = model.config.to_dict()
    config |= {"activation_function": "gelu_new", "dtype": "float16", "architectures": ["GPT2LMHeadModel"]}
    config |= {"use_cache": True}
    ends = {"bos_token_id": config["bos_token_id"], "eos_token_id": config["eos_token_id"]}
    texts = {
        "config.json": json.dumps(config, indent=2, sort_keys=True),
        "generation_config.json": json.dumps(ends, indent=2),
        "tokenizer.json": tokenizer.to_str(pretty=True),
        "tokenizer_config.json": json.dumps(
            {
                "tokenizer_class": "GPT2Tokenizer",
                "add_prefix_space": False,
                "bos_token": END_OF_TEXT,
                "eos_token": END_OF_TEXT,
                "unk_token": END_OF_TEXT,
                "model_max_length": config["n_positions"],
            },
            indent=2,
        ),
    }
    # named_parameters() lists the tied head once, as the token embedding.
    weights = {name: weight.detach().to(torch.float16).contiguous() for name, weight in model.named_parameters()}
    files = {name: (text + "\n").encode() for name, text in texts.items()}
    files["model.safetensors"] = save(weights, metadata={"format": "pt"})
    for name, content in files.items():
        part = out / f"{name}.part"
        part.write_bytes(content)
        os.replace(part, out / name)
