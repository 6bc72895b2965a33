"""Parameter counts: against GPT-2's published sizes, and on every family against the tensors themselves."""

from typing import Any

import pytest
from transformers import Gemma2Config, GPT2Config, GPTJConfig, GPTNeoConfig, PhiConfig

from analysis.families import FAMILIES
from analysis.models.language_model import LanguageModel
from analysis.models.load import network_without_weights
from analysis.selection import Selection
from analysis.summary import SummaryResult, compute_summary
from tests.tiny import make_tiny

# Blocks, heads, width; parameters, per block, attention, MLP, both norms; in all heads, neurons, residual dimensions.
GPT2 = {
    "distilgpt2": (6, 12, 768, 81_912_576, 7_087_872, 2_362_368, 4_722_432, 3_072, 72, 18_432, 4_608),
    "gpt2": (12, 12, 768, 124_439_808, 7_087_872, 2_362_368, 4_722_432, 3_072, 144, 36_864, 9_216),
    "gpt2-medium": (24, 16, 1024, 354_823_168, 12_596_224, 4_198_400, 8_393_728, 4_096, 384, 98_304, 24_576),
    "gpt2-large": (36, 20, 1280, 774_030_080, 19_677_440, 6_558_720, 13_113_600, 5_120, 720, 184_320, 46_080),
    "gpt2-xl": (48, 25, 1600, 1_557_611_200, 30_740_800, 10_246_400, 20_488_000, 6_400, 1_200, 307_200, 76_800),
}


@pytest.mark.long
@pytest.mark.parametrize("name", GPT2)
def test_published_sizes_of_gpt2_without_weights(name: str) -> None:
    n_blocks, n_heads, width, *published = GPT2[name]
    network = network_without_weights(GPT2Config(n_layer=n_blocks, n_head=n_heads, n_embd=width))
    s = compute_summary(network, FAMILIES["gpt2"])
    assert (s.n_blocks, s.n_heads, s.d_model, s.d_head) == (n_blocks, n_heads, width, width // n_heads)
    assert [
        s.n_parameters, s.block, s.attention, s.mlp, s.norms, s.all_heads, s.all_neurons, s.residual_dimensions
    ] == published  # fmt: skip
    assert (s.token_embedding, s.position_embedding, s.final_norm) == (50257 * width, 1024 * width, 2 * width)
    assert s.tied
    assert s.output == 0
    assert s.memory_bytes == 4 * s.n_parameters
    # Queries, keys, values and output of one head, with the biases of the first three.
    assert s.head == 4 * width * s.d_head + 3 * s.d_head
    assert s.neuron == 2 * width + 1


def test_parts_add_up_to_the_tensors(tiny_model: LanguageModel) -> None:
    s = compute_summary(tiny_model.network, tiny_model.family)
    tensors = {id(p): p.numel() for p in tiny_model.network.parameters()}
    assert s.n_parameters == sum(tensors.values()) == tiny_model.info.n_parameters
    outside = s.token_embedding + s.position_embedding + s.final_norm + s.output
    assert outside + s.n_blocks * (s.attention + s.mlp + s.norms) == s.n_parameters
    assert (s.n_blocks, s.n_heads, s.d_model, s.n_neurons) == (3, 4, 32, tiny_model.info.n_neurons)


# Width 32, 4 heads of 8, 300 tokens, 64 positions. One head: weights of queries, keys, values and output, then biases;
# with 2 key-value heads the keys and values apart. What heads share. One neuron: one or (gated) two inputs, their bias,
# its output. What neurons share. Norms of a block; final norm; output head's own; positions.
_BIASED = (4 * 8 * 32 + 3 * 8, 0, 32, 32 + 1 + 32, 32, 2 * 64, 64)
_UNBIASED_HEADS = (4 * 8 * 32, 0, 32, 32 + 1 + 32, 32, 2 * 64, 64)
_GATED = (2 * 8 * 32, 2 * 8 * 32, 0, 2 * 32 + 32, 0, 2 * 32, 32, 300 * 32, 0)
_GROUPED_BIASED = (2 * 8 * 32 + 8, 2 * 8 * 32 + 2 * 8, 32, 32 + 1 + 32, 32, 2 * 64, 64)
_GEMMA = (3 * 32 + 32, 32, 0, 0)  # norms of a block and the rest
_WIDE = (2 * 12 * 32, 2 * 12 * 32)  # heads of 12
BY_HAND = {
    "gpt2": (*_BIASED, 0, 64 * 32),
    "gpt_neo": (*_UNBIASED_HEADS, 0, 64 * 32),
    "gptj": (4 * 8 * 32, 0, 0, 32 + 1 + 32, 32, 64, 64, 300 * 32 + 300, 0),
    "gpt_neox": (*_BIASED, 300 * 32, 0),
    "llama": _GATED,
    "mistral": _GATED,
    "qwen2": (2 * 8 * 32 + 8, 2 * 8 * 32 + 2 * 8, *_GATED[2:]),
    "qwen3": (*_WIDE, 2 * 12, *_GATED[3:]),  # norms of queries and of keys
    "phi3": _GATED,
    "gemma2": (*_WIDE, 0, 2 * 32 + 32, 0, *_GEMMA),
    "gemma3_text": (*_WIDE, 2 * 12, 2 * 32 + 32, 0, *_GEMMA),
    "opt": (*_BIASED, 0, 66 * 32),
    "phi": (*_BIASED[:5], 64, 64, 300 * 32 + 300, 0),
    "gemma": (*_WIDE, *_GATED[2:7], 0, 0),
    "vaultgemma": (*_WIDE, *_GATED[2:7], 0, 0),
    "smollm3": (*_GATED[:7], 0, 0),
    "stablelm": (*_GATED[:5], 2 * 64, 64, *_GATED[7:]),
    "starcoder2": (*_GROUPED_BIASED, 0, 0),
    "olmo": (*_GATED[:5], 0, 0, *_GATED[7:]),
    "olmo2": (*_GATED[:2], 32 + 16, *_GATED[3:]),  # norms over all queries, and over all keys
    "olmo3": (*_GATED[:2], 32 + 16, *_GATED[3:]),
    "ministral": (*_WIDE, *_GATED[2:]),
    "ministral3": (*_WIDE, *_GATED[2:]),
    "seed_oss": (_WIDE[0] + 12, _WIDE[1] + 2 * 12, *_GATED[2:]),
    "helium": _GATED,
    "arcee": (*_GATED[:3], 32 + 32, *_GATED[4:]),
    "cwm": (*_WIDE, *_GATED[2:]),
    "ernie4_5": (*_WIDE, *_GATED[2:7], 0, 0),
    "hunyuan_v1_dense": (*_WIDE, 2 * 12, *_GATED[3:]),
    "jais2": (*_GROUPED_BIASED, *_GATED[7:]),
    "nemotron": (*_WIDE, 0, 32 + 32, 0, 2 * 64, 64, *_GATED[7:]),
    "glm": (_WIDE[0] + 12, _WIDE[1] + 2 * 12, *_GATED[2:]),
    "glm4": (_WIDE[0] + 12, _WIDE[1] + 2 * 12, *_GATED[2:5], 4 * 32, *_GATED[6:]),
    "exaone4": (*_GATED[:2], 2 * 8, *_GATED[3:]),
    "nanochat": (*_GATED[:3], 32 + 32, 0, 0, 0, *_GATED[7:]),
}
UNGROUPED = {"gpt2", "gpt_neo", "gptj", "gpt_neox", "opt", "phi"}
GATED = set(BY_HAND) - UNGROUPED - {"starcoder2", "arcee", "jais2", "nemotron", "nanochat"}
THROUGH_NORMS = {"gemma2", "gemma3_text", "olmo2", "olmo3", "exaone4", "glm4"}
CAPPED = {"gemma2", "gemma3_text", "vaultgemma", "nanochat"}


def counts(s: SummaryResult) -> tuple[int, ...]:
    return (
        s.head, s.key_value, s.attention_shared, s.neuron, s.mlp_shared, s.norms, s.final_norm, s.output,
        s.position_embedding,
    )  # fmt: skip


def test_parts_counted_by_hand(tiny_model: LanguageModel) -> None:
    s = compute_summary(tiny_model.network, tiny_model.family)
    model_type: str = tiny_model.network.config.model_type  # type: ignore[union-attr, assignment]
    assert counts(s) == BY_HAND[model_type]
    assert s.n_key_value_heads == (4 if model_type in UNGROUPED else 2)
    assert s.d_head == (12 if s.head in (_WIDE[0], _WIDE[0] + 12) else 8)
    assert s.gated == (model_type in GATED)
    assert s.written_through_norm == (model_type in THROUGH_NORMS)
    assert s.logit_cap == (4 if model_type in CAPPED else None)
    assert s.output_bias == (model_type in ("gptj", "phi"))
    assert s.tied == (s.output == 0)
    assert s.n_heads * s.head + s.n_key_value_heads * s.key_value + s.attention_shared == s.attention
    assert s.n_neurons * s.neuron + s.mlp_shared == s.mlp


@pytest.mark.parametrize(
    ("model_type", "shape", "changed"),
    [
        ("gptj", {"tie_word_embeddings": True}, {"output": 300, "tied": True, "output_bias": True}),
        ("phi", {"qk_layernorm": True}, {"head": 4 * 8 * 32 + 3 * 8, "attention_shared": 32 + 2 * 2 * 8}),
        # One head: the norms are more than one of its features.
        ("phi", {"qk_layernorm": True, "num_attention_heads": 1}, {"head": 4 * 32 * 32 + 3 * 32, "key_value": 0}),
        ("qwen3", {"num_attention_heads": 1, "num_key_value_heads": 1}, {"head": 4 * 12 * 32, "attention_shared": 24}),
        ("gemma2", {"attention_bias": True}, {"head": 2 * 12 * 32 + 12, "attention_shared": 32}),
        ("gemma2", {"final_logit_softcapping": None}, {"logit_cap": None}),
        ("llama", {"mlp_bias": True}, {"neuron": 2 * 33 + 32, "mlp_shared": 32, "gated": True}),
        # Without a second norm; a norm for each head's queries, and for each head's keys.
        (
            "stablelm",
            {"use_parallel_residual": True, "qk_layernorm": True},
            {"norms": 64, "attention_shared": (4 + 2) * 8, "head": 2 * 8 * 32},
        ),
        ("gpt_neo", {"intermediate_size": 50}, {"n_neurons": 50, "neuron": 65}),
    ],
)
def test_variants_counted_by_hand(model_type: str, shape: dict[str, Any], changed: dict[str, Any]) -> None:
    model = make_tiny(model_type, **shape)
    s = compute_summary(model.network, model.family)
    assert {name: getattr(s, name) for name in changed} == changed


# Parameters of gpt-j-6b, phi-1, gpt-neo-1.3B and gemma-2-2b, whose configurations are the classes' defaults; cited.
PUBLISHED = {
    "gptj": (GPTJConfig(), 6_050_882_784),
    "phi": (PhiConfig(), 1_418_270_720),
    "gpt_neo": (GPTNeoConfig(), 1_315_575_808),
    "gemma2": (Gemma2Config(), 2_614_341_888),
}


@pytest.mark.parametrize("model_type", PUBLISHED)
def test_published_sizes_of_other_families(model_type: str) -> None:
    config, published = PUBLISHED[model_type]
    network = network_without_weights(config)
    assert compute_summary(network, FAMILIES[model_type]).n_parameters == published


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("embedding", lambda s: s.token_embedding + s.position_embedding),
        ("block.1.attention", lambda s: s.attention),
        ("block.1.attention.head.2", lambda s: s.head),
        ("block.1.mlp", lambda s: s.mlp),
        ("block.1.mlp.neuron.7@3", lambda s: s.neuron),
        ("norm", lambda s: s.final_norm),
        ("output", lambda s: 0),
    ],
)
def test_parameters_of_the_selected_part(tiny_gpt2: LanguageModel, text: str, count: object) -> None:
    s: SummaryResult = compute_summary(tiny_gpt2.network, tiny_gpt2.family)
    assert s.parameters(Selection.parse(text)) == count(s)  # type: ignore[operator]
