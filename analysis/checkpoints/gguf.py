"""GGUF models: the configuration, weights and tokenizer in a file of llama.cpp, as transformers' own reader reads them.

Its tables are used, not the reader itself: that needs `accelerate` and many seconds more, and ignores what it does not
know.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, PreTrainedTokenizerFast
from transformers.integrations import GGUF_CONFIG_MAPPING

from analysis.checkpoints.gguf_file import GgufFile, open_gguf
from analysis.errors import ModelError

# Architectures in llama.cpp's words, and the `model_type` of each.
_MODEL_TYPES = {
    "gpt2": "gpt2",
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "phi3": "phi3",
    "gemma2": "gemma2",
    "gemma3": "gemma3_text",
}
# Settings that transformers' reader leaves at the values of one checkpoint.
_MORE_SETTINGS = {
    "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "attention.sliding_window_pattern": "sliding_window_pattern",
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
    "rope.freq_base_swa": "rope_local_base_freq",
}
# Settings that are read by other code here, or follow from the tensors.
_NOT_COPIED = {
    "attention.value_length",
    "rope.dimension_count",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "tensor_data_layout",
}
_POSITION_FACTORS = ("rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight")
# Rules of cutting texts into words that lead to the same tokens as GPT-2's; transformers has the others.
_LIKE_GPT2 = {None, "default", "gpt-2", "phi-2", "mpt", "olmo", "jais", "smollm", "starcoder", "refact", "command-r"}


def gguf_configuration(path: Path) -> Any:
    """The configuration in a file. Its `weights_note` says how the weights were quantized.

    Raises: ModelError for an architecture, or a variant of one, that would be shown wrongly; and as `open_gguf` does.
    """
    file = open_gguf(path)
    architecture, stated = file.architecture, file.settings
    if architecture not in _MODEL_TYPES:
        raise ModelError(
            f"'{file.name}' has the architecture '{architecture}', which is not read from GGUF files. Read are: "
            f"{', '.join(sorted(_MODEL_TYPES))}. Use a folder that `save_pretrained` wrote instead."
        )
    known = {**GGUF_CONFIG_MAPPING[architecture], **_MORE_SETTINGS}
    if strange := sorted(stated.keys() - known.keys() - _NOT_COPIED):
        raise _variant(file, f"it has the setting '{strange[0]}'")
    settings = {ours: stated[theirs] for theirs, ours in known.items() if ours and theirs in stated}
    if architecture == "gpt2":
        settings |= {"n_positions": settings.pop("n_ctx"), "n_inner": settings.pop("feed_forward_length", None)}
    settings |= {
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "bos_token_id": file.metadata.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": file.metadata.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": None,
    }
    config = AutoConfig.for_model(_MODEL_TYPES[architecture], **settings, **_positions(file))
    if architecture.startswith("gemma") and config.head_dim != config.query_pre_attn_scalar:
        raise _variant(file, "it does not say how it scales attention scores")  # as in those of 27 billion parameters
    config.weights_note = file.weights_note
    return config


def _positions(file: GgufFile) -> dict[str, Any]:
    """Settings of the rotations by position, beyond those that are copied."""
    stated = file.settings
    width = stated.get("attention.key_length", stated["embedding_length"] // stated["attention.head_count"])
    rotated = stated.get("rope.dimension_count", width)
    if rotated != width and file.architecture != "phi3":
        raise _variant(file, f"it rotates {rotated} of the {width} dimensions of a head")
    partial = {"partial_rotary_factor": rotated / width} if rotated != width else {}
    if factors := [name for name in _POSITION_FACTORS if name in file.tensors]:
        # One for each frequency, as in LongRoPE; Llama 3 has the same for texts of all lengths.
        original = stated.get("rope.scaling.original_context_length", stated["context_length"])
        scaling = {
            "rope_type": "longrope",
            "short_factor": file.tensors[factors[0]].numbers().tolist(),
            "long_factor": file.tensors[factors[-1]].numbers().tolist(),
            "attention_factor": stated.get("rope.scaling.attn_factor", 1.0),
            "original_max_position_embeddings": original,
        }
        return {**partial, "rope_scaling": scaling, "original_max_position_embeddings": original}  # where Phi-3 has it
    kind = stated.get("rope.scaling.type", "none")
    if kind not in ("none", "linear"):
        raise _variant(file, f"it scales positions by '{kind}'")
    if kind == "none":
        return partial
    return {**partial, "rope_scaling": {"rope_type": kind, "factor": stated["rope.scaling.factor"]}}


def gguf_weights(path: Path, network: Any) -> dict[str, torch.Tensor]:
    """All weights in a file as float32, by the names of a network of its configuration.

    Raises: ModelError if the file has tensors that the network does not have.
    """
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map
    from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor

    file = open_gguf(path)
    (architecture,) = (number for number, name in MODEL_ARCH_NAMES.items() if name == file.architecture)
    names = get_tensor_name_map(architecture, network.config.num_hidden_layers)
    ours = {names.get_name(name, (".weight", ".bias")): name for name in network.state_dict()}
    if strange := sorted(file.tensors.keys() - ours.keys() - {*_POSITION_FACTORS}):
        raise _variant(file, f"{len(strange)} of its tensors are not used, such as {strange[0]}")
    # What llama.cpp has changed for its own use: the order of rows in queries and keys, transposed matrices, norms + 1.
    processor = TENSOR_PROCESSORS.get(file.architecture, TensorProcessor)(config=network.config.to_dict())
    weights = {}
    for name, tensor in file.tensors.items():
        if name in ours:
            undone = processor.process(weights=tensor.numbers(), name=name, parsed_parameters={"tensors": {}})
            weights[ours[name]] = torch.from_numpy(np.ascontiguousarray(undone.weights))
    return weights


def gguf_tokenizer(path: Path) -> Any:
    """The tokenizer in a file.

    Raises: ModelError if it cuts texts into words in an unknown way, since the tokens would be wrong.
    """
    from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    architecture, tokenizer, settings = get_gguf_tokenizer(str(path))
    rule = tokenizer.get("pre_tokenizer_type")
    if tokenizer["tokenizer_type"] == "gpt2" and rule not in _LIKE_GPT2 | GGUF_PRE_TOKENIZER_SPLITS.keys():
        raise ModelError(f"'{path.name}' is not supported: its tokenizer cuts texts by the unknown rule '{rule}'.")
    backend, _ = convert_gguf_tokenizer(architecture, tokenizer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **settings)


def _variant(file: GgufFile, reason: str) -> ModelError:
    return ModelError(f"'{file.name}' is a variant of {file.architecture} that is not supported: {reason}.")
