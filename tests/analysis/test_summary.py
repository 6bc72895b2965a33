"""Parameter counts: against GPT-2's published sizes, and on every family against the tensors themselves."""

import pytest
from transformers import GPT2Config

from analysis.families import FAMILIES
from analysis.model import LanguageModel, network_without_weights
from analysis.selection import Selection
from analysis.summary import SummaryResult, compute_summary

# Blocks, heads, width; parameters, per block, attention, MLP, both norms; in all heads, neurons, residual dimensions.
GPT2 = {
    "distilgpt2": (6, 12, 768, 81_912_576, 7_087_872, 2_362_368, 4_722_432, 3_072, 72, 18_432, 4_608),
    "gpt2": (12, 12, 768, 124_439_808, 7_087_872, 2_362_368, 4_722_432, 3_072, 144, 36_864, 9_216),
    "gpt2-medium": (24, 16, 1024, 354_823_168, 12_596_224, 4_198_400, 8_393_728, 4_096, 384, 98_304, 24_576),
    "gpt2-large": (36, 20, 1280, 774_030_080, 19_677_440, 6_558_720, 13_113_600, 5_120, 720, 184_320, 46_080),
    "gpt2-xl": (48, 25, 1600, 1_557_611_200, 30_740_800, 10_246_400, 20_488_000, 6_400, 1_200, 307_200, 76_800),
}


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


def test_heads_and_neurons_add_up_to_their_layers(tiny_model: LanguageModel) -> None:
    s = compute_summary(tiny_model.network, tiny_model.family)
    assert s.n_heads * s.head + s.n_key_value_heads * s.key_value + s.attention_shared == s.attention
    assert s.n_neurons * s.neuron + s.mlp_shared == s.mlp


# Width 32, 4 heads of 8. Weights, then biases: queries, keys, values and output; with 2 key-value heads the latter
# apart. A neuron: one or (gated) two inputs, their bias, its output.
_BIASED = (4 * 8 * 32 + 3 * 8, 0, 32 + 1 + 32, False)
_GATED = (2 * 8 * 32, 2 * 8 * 32, 2 * 32 + 32, True)
BY_HAND = {
    "gpt2": _BIASED,
    "gpt_neox": _BIASED,
    "opt": _BIASED,
    "llama": _GATED,
    "mistral": _GATED,
    "qwen2": (2 * 8 * 32 + 8, 2 * 8 * 32 + 2 * 8, 2 * 32 + 32, True),
}


def test_one_head_and_one_neuron_counted_by_hand(tiny_model: LanguageModel) -> None:
    s = compute_summary(tiny_model.network, tiny_model.family)
    model_type = tiny_model.network.config.model_type  # type: ignore[union-attr]
    assert (s.head, s.key_value, s.neuron, s.gated) == BY_HAND[model_type]  # type: ignore[index]
    assert s.n_key_value_heads == (2 if s.key_value else 4)


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
