"""GGUF files for tests: a tiny model, written as llama.cpp's converter writes it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import MODEL_ARCH_NAMES, GGMLQuantizationType, GGUFWriter, TokenType, get_tensor_name_map, quantize

from analysis.models.language_model import LanguageModel
from tests.tiny import make_tiny

NORMAL, CONTROL, UNUSED, BYTE = TokenType.NORMAL, TokenType.CONTROL, TokenType.UNUSED, TokenType.BYTE
Q4, Q8, F32 = GGMLQuantizationType.Q4_0, GGMLQuantizationType.Q8_0, GGMLQuantizationType.F32
# How a family's shape must differ from the usual one to be written: transformers' reader takes some sizes for granted.
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"max_position_embeddings": 1024, "intermediate_size": None},
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 128},
    "phi3": {},
    "gemma2": {"head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 5, "attn_logit_softcapping": 50.0},
    "gemma3_text": {"head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 5, "layer_types": None},
}


def tiny(model_type: str, **shape: Any) -> LanguageModel:
    """A tiny model that a file can hold: widths are multiples of the 32 weights that are quantized together."""
    usual = {"max_position_embeddings": 128, "intermediate_size": 96, "final_logit_softcapping": 30.0}
    return make_tiny(model_type, **{**usual, **SHAPES[model_type], **shape})


def write_gguf(
    model: LanguageModel,
    path: Path,
    *,
    kind: GGMLQuantizationType = Q4,
    tensors: Mapping[str, Any] | None = None,
    add_bos_token: bool = False,
    **settings: Any,
) -> Path:
    """Write a model. kind: of all matrices in its blocks; its embedding is in 8 bits, all else in float32.

    tensors: further ones. settings: further ones, or others than the model's; both by llama.cpp's names.
    """
    config = model.network.config
    name = config.model_type.removesuffix("_text")
    writer = GGUFWriter(path, name)
    for key, value in {**_settings(config), **settings}.items():
        add = writer.add_string if isinstance(value, str) else writer.add_float32
        (writer.add_uint32 if isinstance(value, int) else add)(f"{name}.{key}", value)
    _add_tokenizer(writer, model.tokenizer, model.info.n_vocab)
    writer.add_add_bos_token(add_bos_token)
    (number,) = (number for number, known in MODEL_ARCH_NAMES.items() if known == name)
    names = get_tensor_name_map(number, config.num_hidden_layers)
    for own, weight in model.network.named_parameters():
        theirs = names.get_name(own, (".weight", ".bias"))
        assert theirs, own
        numbers = _as_llama_cpp(theirs, weight.detach(), config)
        used = _type_of(theirs, numbers, kind)
        writer.add_tensor(theirs, quantize(numbers, used), raw_dtype=used)
    for theirs, numbers in (tensors or {}).items():
        writer.add_tensor(theirs, np.asarray(numbers, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _type_of(name: str, numbers: np.ndarray, kind: GGMLQuantizationType) -> GGMLQuantizationType:
    if numbers.ndim == 1 or "position" in name or kind == F32:
        return F32
    return kind if name.startswith("blk.") else Q8


def _settings(config: Any) -> dict[str, Any]:
    given = {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "attention.head_count": config.num_attention_heads,
    }
    if config.model_type == "gpt2":
        return {**given, "feed_forward_length": 4 * config.n_embd, "attention.layer_norm_epsilon": 1e-5}
    given |= {
        "feed_forward_length": config.intermediate_size,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.freq_base": 10_000.0,
        "vocab_size": config.vocab_size,
    }
    if width := getattr(config, "head_dim", None):
        given |= {"attention.key_length": width, "attention.value_length": width}
    if config.model_type.startswith("gemma"):
        given["attention.sliding_window"] = config.sliding_window
    return given


def _as_llama_cpp(name: str, weight: torch.Tensor, config: Any) -> np.ndarray:
    """Rows of queries and keys by pairs, matrices as (out, in), and norms with their one."""
    numbers = weight.numpy()
    if config.model_type == "llama" and ("attn_q." in name or "attn_k." in name):
        heads = config.num_attention_heads if "attn_q." in name else config.num_key_value_heads
        halves = numbers.reshape(heads, 2, -1, numbers.shape[1])
        return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(numbers.shape))
    if config.model_type == "gpt2" and numbers.ndim == 2 and name.startswith("blk."):
        return np.ascontiguousarray(numbers.T)
    if config.model_type.startswith("gemma") and name.endswith("norm.weight"):
        return numbers + 1
    return numbers


def _add_tokenizer(writer: GGUFWriter, tokenizer: Any, n_vocab: int) -> None:
    """Pieces with kinds and scores or merges; rows of the embedding without a token get one that is never used."""
    own = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    sentencepiece = own["byte_fallback"]
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    kinds = [
        CONTROL if piece in tokenizer.all_special_tokens else BYTE if piece.startswith("<0x") else NORMAL
        for piece in pieces
    ]
    unused = [f"[PAD{number}]" for number in range(len(pieces), n_vocab)]
    writer.add_tokenizer_model("llama" if sentencepiece else "gpt2")
    writer.add_token_list([*pieces, *unused])
    writer.add_token_types([*kinds, *([UNUSED] * len(unused))])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.eos_token_id)
    if sentencepiece:
        writer.add_token_scores([-float(number) for number in range(n_vocab)])
    else:
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_merges([" ".join(pair) for pair in own["merges"]])
