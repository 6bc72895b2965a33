"""Tiny random models of every family, their tokenizers, a text, and services that use them."""

from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from analysis.models.catalogue import Source
from analysis.models.hub import Hub
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.models.registry import ModelRegistry
from analysis.storage.trace_store import TraceStore
from dashboard.jobs.service import Jobs
from dashboard.models.downloads import Downloads
from dashboard.models.menu import ModelMenu
from dashboard.services import AppServices
from dashboard.settings import Settings

TEXT = "The fox met a crow. The crow had a cheese 🧀 and the fox <b>said</b>\n hello"
BUNDLED = Path(__file__).parent.parent / "analysis" / "bundled"

# One line a family: how its small shape differs from this one. Llama's kind has fewer key-value heads than heads; heads
# of Qwen3, Gemma and others are wider than d_model / n_heads, as in the real ones; the numbers of neurons of NeoX and
# OPT do not divide into equal tiles; windows are smaller than texts, caps small enough to bend.
_SHAPE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
_GROUPED = {"num_key_value_heads": 2, "intermediate_size": 80}
_WIDE = {**_GROUPED, "head_dim": 12}
_WINDOWS = {"sliding_window": 5, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_ROPE = {"rope_type": "default", "rope_theta": 1e4}
_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 1e4}
_GEMMA = {**_GROUPED, "head_dim": 12, "query_pre_attn_scalar": 10, "sliding_window": 5, "final_logit_softcapping": 4.0}
_SENTENCEPIECE = {"llama", "mistral", "phi3", "gemma", "gemma2", "gemma3_text", "vaultgemma"}
TINY: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "gpt_neo": {"attention_types": [[["global", "local", "global"], 1]], "window_size": 5},
    "gptj": {"rotary_dim": 4},
    "gpt_neox": {"intermediate_size": 70},
    "llama": _GROUPED,
    "mistral": _GROUPED,
    "qwen2": _GROUPED,
    "qwen3": {**_GROUPED, "head_dim": 12},
    "phi3": _GROUPED,
    "gemma2": {**_GEMMA, "attn_logit_softcapping": 2.0},
    "gemma3_text": {**_GEMMA, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
    "opt": {"word_embed_proj_dim": 32, "ffn_dim": 130},
    "phi": {"intermediate_size": 80},
    "gemma": _WIDE,
    "vaultgemma": {**_GEMMA, "attn_logit_softcapping": 2.0},
    "smollm3": {**_GROUPED, "no_rope_layer_interval": 2},
    "stablelm": _GROUPED,
    "starcoder2": _GROUPED,
    "olmo": _GROUPED,
    "olmo2": _GROUPED,
    "olmo3": {**_GROUPED, **_WINDOWS},
    "ministral": {**_WIDE, **_WINDOWS},
    "ministral3": {**_WIDE, "rope_parameters": {**_YARN, "llama_4_scaling_beta": 0.5}},
    "seed_oss": _WIDE,
    "helium": {**_GROUPED, "head_dim": 8},
    "arcee": _GROUPED,
    "cwm": {**_WIDE, **_WINDOWS, "rope_parameters": _ROPE},
    "ernie4_5": _WIDE,
    "hunyuan_v1_dense": _WIDE,
    "jais2": _GROUPED,
    "nemotron": _WIDE,
    "glm": _WIDE,
    "glm4": _WIDE,
    "exaone4": {**_GROUPED, **_WINDOWS},
    "nanochat": {**_GROUPED, "final_logit_softcapping": 4.0},
}

# For tests that take long: one family of each kind, by positions, parallel blocks, shared keys, gates, norms and caps.
REPRESENTATIVE = ("gpt2", "gpt_neo", "gptj", "gpt_neox", "llama", "gemma2", "opt", "phi", "phi3", "exaone4")
# For what hardly depends on the family: layers in sequence, in parallel, and with norms of what they write.
_FEW = ("gpt2", "phi", "gemma2")
FAST = {*_FEW, "llama"}  # for `make test-fast`: that, and grouped keys
FEW_FIRST = [pytest.param(kind, marks=() if kind in _FEW else pytest.mark.slow) for kind in REPRESENTATIVE]


def make_tiny(model_type: str, *, seed: int = 0, **shape: Any) -> LanguageModel:
    """A random model of a family, a few thousand parameters large, with a tokenizer of the family's kind."""
    tokenizer = sentencepiece_tokenizer() if model_type in _SENTENCEPIECE else byte_level_tokenizer()
    config = AutoConfig.for_model(
        model_type,
        **{"vocab_size": 300, "max_position_embeddings": 64, **_SHAPE, **TINY[model_type], **shape},
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
    )
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    # Random biases and norms too: with zeros and ones, a forgotten one would not be seen.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return prepare_model(f"tiny {model_type}", network, tokenizer)


def long_text(model: LanguageModel, n_tokens: int) -> str:
    """Sentences of so many tokens, none twice in the same order."""
    text = " ".join(f"The fox met crow {n * n} and the {n % 7} cheeses." for n in range(n_tokens))
    ends = range(n_tokens, len(text))
    end = ends[bisect_left(ends, n_tokens, key=lambda end: len(model.tokenize(text[:end])))]
    assert len(model.tokenize(text[:end])) == n_tokens
    return text[:end]


@cache
def byte_level_tokenizer() -> Any:
    """A byte-level BPE of 300 tokens, of which 0 is the end-of-text token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


@cache
def sentencepiece_tokenizer() -> Any:
    """A BPE with SentencePiece's spelling: `▁` for a space, `<0xF0>` for a byte."""
    special = ["</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    letters = sorted(set("▁thefoxmcrwads.<>/bi"))
    vocabulary = {piece: n for n, piece in enumerate([*special, *letters, "▁t", "he", "▁the"])}
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", bos_token="</s>")


@cache
def tiny_of(model_type: str) -> LanguageModel:
    """The tiny random model of a family, made once in a process: pytest would make it again for each file."""
    return make_tiny(model_type)


def tiny_models(*kinds: str) -> Any:
    """A fixture that takes the place of `tiny_model` in a module: a tiny random model of some families only."""

    @pytest.fixture(scope="module", params=kinds, name="tiny_model")
    def some(request: pytest.FixtureRequest) -> LanguageModel:
        return tiny_of(request.param)

    return some


def make_services(
    directory: Path, sources: Mapping[str, Source], *, hub: Hub | None = None, **options: Any
) -> AppServices:
    """Services of an app that keeps its files in a directory, with 64 tokens as the longest text."""
    settings = Settings(cache_dir=str(directory / "cache"))
    registry, hub = ModelRegistry(sources, hub=hub), hub or Hub(cache=directory / "hub")
    return AppServices(
        registry,
        TraceStore(settings.cache_path, max_bytes=10**9),
        Jobs(settings),
        ModelMenu(registry, Downloads(directory / "downloads", hub), allow_downloads=True),
        **{"max_tokens": 64, "example": TEXT, **options},
    )
