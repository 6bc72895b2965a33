"""GGUF models compute what transformers' own load of the file computes; what it would get wrong is right or refused."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import transformers.modeling_utils
from numpy.testing import assert_allclose
from transformers import AutoModelForCausalLM, AutoTokenizer

from analysis.checkpoints.gguf import gguf_configuration
from analysis.errors import ModelError
from analysis.models.catalogue import make_outline
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model, read_configuration
from analysis.trace import Prompt
from tests.gguf_files import F32, SHAPES, tiny, write_gguf
from tests.tiny import TEXT

FOX = "The fox met a crow"


def logits(model: LanguageModel, text: str = TEXT) -> Any:
    return compute_trace(model, Prompt("any", text)).logits()


@pytest.mark.long
@pytest.mark.parametrize("model_type", SHAPES)
def test_a_file_is_read_as_by_transformers_to_the_bit(model_type: str, tmp_path: Path):
    path = write_gguf(tiny(model_type), tmp_path / "m.gguf")
    model = load_model(path)
    # It only asks whether `accelerate` is there.
    with patch.object(transformers.modeling_utils, "is_accelerate_available", return_value=True):
        network = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="m.gguf", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="m.gguf")
    ids = tokenizer(TEXT)["input_ids"]
    assert model.tokenize(TEXT) == ids
    network.eval().set_attn_implementation("eager")
    with torch.inference_mode():
        assert (logits(model) == network(torch.tensor([ids])).logits[0].numpy()).all()
    assert model.info.weights_note == "4-bit weights, dequantized"
    assert model.info.n_parameters == tiny(model_type).info.n_parameters
    assert not hasattr(model.network.config, "quantization_config")
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in model.network.parameters())


@pytest.mark.parametrize("model_type", [name for name in SHAPES if not name.startswith("gemma")])  # another tokenizer
def test_weights_in_float32_are_those_of_the_model(model_type: str, tmp_path: Path):
    original = tiny(model_type)
    model = load_model(write_gguf(original, tmp_path / "m.gguf", kind=F32))
    assert (logits(model) == logits(original)).all()
    assert model.info.weights_note == ""


def test_the_outline_is_of_the_header_alone(tmp_path: Path):
    path = write_gguf(tiny("llama"), tmp_path / "m.gguf")
    outline, info = make_outline(read_configuration(path), path), load_model(path).info
    assert outline.converted
    assert (outline.info.n_parameters, outline.info.family) == (info.n_parameters, "Llama")
    assert outline.info.weights_note == info.weights_note == "4-bit weights, dequantized"


def test_an_output_head_of_its_own(tmp_path: Path):
    original = tiny("llama", tie_word_embeddings=False)
    model = load_model(write_gguf(original, tmp_path / "m.gguf", kind=F32))
    assert not model.network.config.tie_word_embeddings
    assert (logits(model) == logits(original)).all()


def test_a_first_token_that_the_file_asks_for(tmp_path: Path):
    plain = load_model(write_gguf(tiny("llama"), tmp_path / "plain.gguf"))
    model = load_model(write_gguf(tiny("llama"), tmp_path / "m.gguf", add_bos_token=True))
    assert model.tokenize(FOX) == [model.tokenizer.bos_token_id, *plain.tokenize(FOX)]


# Positions that are scaled.


def test_the_frequencies_of_llama_3_are_applied(tmp_path: Path):
    """transformers' reader ignores them, and the logits are wrong."""
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaling |= {"original_max_position_embeddings": 32, "rope_theta": 10_000.0}
    original = tiny("llama", rope_parameters=scaling, hidden_size=128)
    factors = []
    for pair in range(16):  # as llama.cpp's converter computes them
        turns = 32 / (2 * torch.pi * 10_000 ** (pair / 16))
        smooth = (turns - 1) / (4 - 1)
        factors.append(8.0 if turns < 1 else 1.0 if turns > 4 else 1 / ((1 - smooth) / 8 + smooth))
    assert len(set(factors)) > 3
    model = load_model(write_gguf(original, tmp_path / "m.gguf", kind=F32, tensors={"rope_freqs.weight": factors}))
    assert_allclose(logits(model), logits(original), atol=2e-5)
    plain = load_model(write_gguf(original, tmp_path / "plain.gguf", kind=F32))
    assert abs(logits(plain) - logits(original)).max() > 1e-3


def test_long_and_short_factors_and_a_part_of_the_dimensions(tmp_path: Path):
    """As in Phi-4 mini."""
    short, long = [1.0, 1.5, 2.0], [2.0, 5.0, 9.0]
    scaling = {"rope_type": "longrope", "short_factor": short, "long_factor": long, "rope_theta": 10_000.0}
    scaling |= {"original_max_position_embeddings": 16, "attention_factor": 1.19}
    original = tiny("phi3", rope_parameters=scaling, partial_rotary_factor=0.75, original_max_position_embeddings=16)
    stated = {
        "rope.dimension_count": 6,
        "rope.scaling.attn_factor": 1.19,
        "rope.scaling.original_context_length": 16,
    }
    tensors = {"rope_factors_long.weight": long, "rope_factors_short.weight": short}
    model = load_model(write_gguf(original, tmp_path / "m.gguf", kind=F32, tensors=tensors, **stated))
    for text in (TEXT, FOX[:9]):  # longer and shorter than 16 tokens
        assert_allclose(logits(model, text), logits(original, text), atol=2e-5)


def test_linear_scaling(tmp_path: Path):
    scaling = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0}
    original = tiny("llama", rope_parameters=scaling)
    stated = {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}
    model = load_model(write_gguf(original, tmp_path / "m.gguf", kind=F32, **stated))
    assert (logits(model) == logits(original)).all()


# What is refused.


@pytest.mark.parametrize(
    ("settings", "tensors", "reason"),
    [
        ({"attention.scale": 0.3}, {}, "variant of llama .* it has the setting 'attention.scale'"),
        ({"expert_count": 8}, {}, "it has the setting 'expert_count'"),
        ({"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0}, {}, "it scales positions by 'yarn'"),
        ({"rope.dimension_count": 4}, {}, "it rotates 4 of the 8 dimensions of a head"),
        (
            {},
            {"blk.0.attn_q.bias": [0.0] * 32, "blk.1.attn_q.bias": [0.0] * 32},
            r"2 of its tensors are not used, such as blk\.0\.attn_q\.bias",
        ),
        ({}, {"blk.3.attn_q.weight": [[0.0] * 32] * 32}, r"1 of its tensors are not used, such as blk\.3"),
        ({"block_count": 4}, {}, r"incomplete: 9 weights are missing, such as model\.layers\.3"),
        ({"embedding_length": 64}, {}, "cannot be read"),
    ],
)
def test_a_variant_is_refused(settings: dict[str, Any], tensors: dict[str, Any], reason: str, tmp_path: Path):
    path = write_gguf(tiny("llama"), tmp_path / "m.gguf", tensors=tensors, **settings)
    with pytest.raises(ModelError, match=reason):
        load_model(path)


def test_a_gemma_whose_scale_is_not_in_the_file_is_refused(tmp_path: Path):
    path = write_gguf(tiny("gemma2", head_dim=128), tmp_path / "m.gguf")
    with pytest.raises(ModelError, match="does not say how it scales attention scores"):
        gguf_configuration(path)


def test_another_architecture_is_refused(tmp_path: Path):
    path = write_gguf(tiny("llama"), tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes().replace(b"llama", b"mamba"))
    for read in (load_model, read_configuration):
        with pytest.raises(ModelError, match=r"architecture 'mamba', which is not read.* Read are: gemma2, .*qwen3"):
            read(path)


def test_an_unknown_rule_of_cutting_texts_is_refused(tmp_path: Path):
    path = write_gguf(tiny("qwen2"), tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes().replace(b"gpt-2", b"viking"[:5]))
    with pytest.raises(ModelError, match="its tokenizer cuts texts by the unknown rule 'vikin'"):
        load_model(path)


def test_the_paths_of_a_server_are_not_told(tmp_path: Path):
    path = write_gguf(tiny("llama"), tmp_path / "m.gguf", block_count=4)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError) as error:
        load_model(path, name="mine")
    assert str(tmp_path) not in str(error.value)
