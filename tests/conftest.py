"""Shared fixtures: a tiny random model of every family, the bundled model, and services that use them."""

import gc
from bisect import bisect_left
from collections.abc import Generator, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch
from playwright.sync_api import Browser, sync_playwright
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from analysis.families import FAMILIES
from analysis.machine.threads import use_one_thread
from analysis.models import open as open_models
from analysis.models.catalogue import Source
from analysis.models.hub import Hub
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model
from analysis.models.prepare import prepare_model
from analysis.models.registry import ModelRegistry
from analysis.storage.trace_store import TraceStore
from analysis.trace import Prompt
from dashboard.jobs.service import Jobs
from dashboard.models.downloads import Downloads
from dashboard.models.menu import ModelMenu
from dashboard.services import AppServices
from dashboard.settings import Settings
from tests.chromium import CHROMIUM, chromium_path
from tests.serving import celery_worker, process, procfile, redis_server, served

use_one_thread()  # as the server does; and the processes of one test run share the cores
hypothesis.settings.register_profile("no deadline", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("no deadline")

TEXT = "The fox met a crow. The crow had a cheese 🧀 and the fox <b>said</b>\n hello"
SLOW_FOLDERS = ("bench", "browser", "faults", "load", "dashboard/jobs")
STARTS_PROCESSES = (celery_worker, process, procfile, redis_server, served)
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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without Python's garbage collector, which would walk through all modules and tests again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # what is there now stays to the end
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark the fast tests and the benchmarks before pytest selects; after it, put what takes longest first."""
    for item in items:
        if item.path.parent.name == "bench":
            item.add_marker(pytest.mark.thorough)
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.slow)
        if not _is_slow(item):
            item.add_marker(pytest.mark.fast)
    yield
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _is_slow(item: pytest.Item) -> bool:
    """Whether a test needs a browser, a server or a background job, or takes seconds."""
    module = item.getparent(pytest.Module)
    assert module
    return _starts_processes(module) or any(item.get_closest_marker(name) for name in ("browser", "long", "slow"))


@cache
def _starts_processes(module: pytest.Module) -> bool:
    folder = module.path.parent.relative_to(Path(__file__).parent).as_posix()
    used = vars(module.obj).values()
    return folder.startswith(SLOW_FOLDERS) or any(one is start for one in used for start in STARTS_PROCESSES)


@pytest.fixture(scope="session", autouse=True)
def _no_threads_here() -> Iterator[None]:
    """Jobs that run in the tests' own process leave no threads of OpenMP there: what is forked later would hang."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.jobs.run.use_threads", lambda _n_threads: 1)
        yield


@pytest.fixture(scope="session", params=sorted(FAMILIES))
def tiny_model(request: pytest.FixtureRequest) -> LanguageModel:
    """A tiny random model of each family."""
    return _tiny(request.param)


@cache
def _tiny(model_type: str) -> LanguageModel:
    """One for all tests of a process: pytest would make it again for each file."""
    return make_tiny(model_type)


def tiny_models(*kinds: str) -> Any:
    """A fixture that takes the place of `tiny_model` in a module: a tiny random model of some families only."""

    @pytest.fixture(scope="module", params=kinds, name="tiny_model")
    def some(request: pytest.FixtureRequest) -> LanguageModel:
        return _tiny(request.param)

    return some


@pytest.fixture(scope="session")
def tiny_gpt2() -> LanguageModel:
    """The GPT-2 among the tiny models."""
    return _tiny("gpt2")


@pytest.fixture(scope="session")
def bundled_model() -> LanguageModel:
    """The bundled model."""
    return load_model(BUNDLED, name="bundled")


@pytest.fixture
def no_model_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook interface without a chosen model, neither by `use` nor by the environment."""
    monkeypatch.setattr(open_models, "_default", None)
    monkeypatch.delenv("LLM_MODEL", raising=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium that draws 3D in software; one for all tests of a process, as Playwright allows no more."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def services(tmp_path: Path, tiny_gpt2: LanguageModel) -> AppServices:
    """Services that know one tiny model, named "tiny"."""
    return make_services(tmp_path, {"tiny": tiny_gpt2})


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


@pytest.fixture
def prompt() -> Prompt:
    """A text with a repeated word, an emoji of several tokens, markup and a newline."""
    return Prompt("tiny", TEXT)
