"""Refused models: other families, and variants of supported families that would be shown wrongly."""

from pathlib import Path
from typing import Any

import pytest
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    BertConfig,
    Gemma3Config,
    MambaConfig,
    MixtralConfig,
    OPTConfig,
    T5Config,
)

from analysis.errors import ModelError
from analysis.models.load import load_model
from analysis.models.prepare import prepare_model
from tests.tiny import byte_level_tokenizer, make_tiny

SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
OTHERS = {
    "mamba": (AutoModelForCausalLM, MambaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=1)),
    "t5": (AutoModelForSeq2SeqLM, T5Config(vocab_size=300, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)),
    "bert": (AutoModelForCausalLM, BertConfig(**SMALL, intermediate_size=32, is_decoder=True)),
    "mixtral": (
        AutoModelForCausalLM,
        MixtralConfig(**SMALL, intermediate_size=32, num_key_value_heads=2, num_local_experts=2),
    ),
    "gemma3": (
        AutoModelForImageTextToText,
        Gemma3Config(
            text_config={**SMALL, "intermediate_size": 32, "head_dim": 16, "num_key_value_heads": 2},
            vision_config={**SMALL, "intermediate_size": 32, "image_size": 28, "patch_size": 14},
            mm_tokens_per_image=4,
        ),
    ),
}


@pytest.mark.parametrize("model_type", OTHERS)
def test_another_family_is_refused_with_a_reason(model_type: str, tmp_path: Path):
    """Whole models with weights and tokenizer, from a folder and from memory."""
    kind, config = OTHERS[model_type]
    network = kind.from_config(config)
    network.save_pretrained(tmp_path)
    byte_level_tokenizer().save_pretrained(tmp_path)
    reason = f"family '{model_type}', which is not supported: it.* Supported: arcee, .*, vaultgemma"
    with pytest.raises(ModelError, match=reason):
        load_model(tmp_path)
    with pytest.raises(ModelError, match=reason):
        prepare_model("other", network, byte_level_tokenizer())


@pytest.mark.parametrize(
    "shape",
    [
        {"do_layer_norm_before": False, "word_embed_proj_dim": 16},  # opt-350m
        {"do_layer_norm_before": False},
        {"word_embed_proj_dim": 16},
    ],
)
def test_opts_odd_variants_are_refused(shape: dict[str, Any]):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 32, "vocab_size": 300}
    network = AutoModelForCausalLM.from_config(OPTConfig(**{**sizes, "word_embed_proj_dim": 32, **shape}))
    with pytest.raises(
        ModelError, match=r"This OPT model is not supported: .* norms after its blocks or projects its output"
    ):
        prepare_model("opt", network, byte_level_tokenizer())


def test_a_model_that_reads_a_second_text_is_refused():
    config = AutoConfig.for_model("gpt2", n_embd=32, n_layer=1, n_head=2, vocab_size=300, add_cross_attention=True)
    with pytest.raises(ModelError, match="attends to a second text"):
        prepare_model("crossed", AutoModelForCausalLM.from_config(config), byte_level_tokenizer())


@pytest.mark.parametrize(
    ("model_type", "shape"),
    [
        ("gemma2", {"use_bidirectional_attention": True}),
        ("gemma3_text", {"use_bidirectional_attention": True}),  # as EmbeddingGemma has it
        ("llama", {"is_causal": False}),
    ],
)
def test_a_model_that_looks_ahead_is_refused(model_type: str, shape: dict[str, Any]):
    with pytest.raises(ModelError, match="attends to later tokens"):
        make_tiny(model_type, **shape)


def test_a_model_with_linear_attention_in_some_blocks_is_refused():
    with pytest.raises(ModelError, match=r"This Qwen3 model .* no attention weights .* but linear_attention"):
        make_tiny("qwen3", layer_types=["full_attention", "linear_attention", "full_attention"])
