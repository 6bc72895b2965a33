"""LoRA adapters, compared with the base network to whose maps the adapter is added as it is in training."""

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file, save_file

from analysis.errors import ModelError
from analysis.models.forward import compute_trace
from analysis.models.load import load_model
from analysis.summary import compute_summary
from analysis.trace import Prompt
from tests.checkpoints import ALPHA, RANK, adapter, query_and_value, tiny
from tests.tiny import make_tiny

FOX = "The fox met a crow"
IDS = torch.tensor([[5, 80, 299, 17, 17, 200]])


def added_to_base(folder: Path, model_type: str, scales: Callable[[str], float]) -> torch.Tensor:
    """The logits of the base whose maps each add scale · B(A x) to their output."""
    base = make_tiny(model_type).network
    weights = load_file(folder / "adapter_model.safetensors")

    def add(path: str) -> Callable[..., torch.Tensor]:
        down, up = (weights[f"base_model.model.{path}.lora_{name}.weight"] for name in "AB")
        return lambda _module, args, output: output + scales(path) * ((args[0] @ down.T) @ up.T)

    for path in {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in weights}:
        base.get_submodule(path).register_forward_hook(add(path))
    with torch.no_grad():
        logits: torch.Tensor = base(IDS).logits
    return logits


def merged(folder: Path) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = load_model(folder).network(IDS).logits  # type: ignore[operator]
    return logits


DEEPER = {"model.layers.2.self_attn.q_proj": 2, "model.layers.2.self_attn.v_proj": 2}


@pytest.mark.parametrize(
    ("settings", "ranks", "scale"),
    [
        ({}, {}, lambda _path: ALPHA / RANK),
        ({"lora_alpha": 3, "use_rslora": True}, {}, lambda _path: 3 / sqrt(RANK)),
        ({"rank_pattern": {r"layers\.2\..*": 2}}, DEEPER, lambda path: ALPHA / (2 if ".2." in path else RANK)),
        (
            {"alpha_pattern": {"q_proj": 20, "v_proj": 1}, "rank_pattern": {"2.self_attn.[qv]_proj": 2}}
            | {"use_rslora": True},
            DEEPER,
            lambda path: (20 if "q_proj" in path else 1) / sqrt(2 if ".2." in path else RANK),
        ),
    ],
)  # fmt: skip
def test_an_adapter_beside_its_base_is_merged(
    tmp_path: Path, settings: dict[str, Any], ranks: dict[str, int], scale: Callable[[str], float]
) -> None:
    adapter(tiny(tmp_path / "tuned", "llama"), query_and_value(), ranks=ranks, **settings)
    expected = added_to_base(tmp_path / "tuned", "llama", scale)
    assert_allclose(merged(tmp_path / "tuned"), expected, atol=2e-5)
    assert (expected - make_tiny("llama").network(IDS).logits).abs().max() > 0.1, "the adapter changes much"


def test_the_merged_matrix_is_the_formula_to_the_bit(tmp_path: Path) -> None:
    adapter(tiny(tmp_path, "llama"), query_and_value())
    weights, base = load_file(tmp_path / "adapter_model.safetensors"), load_file(tmp_path / "model.safetensors")
    model = load_model(tmp_path)
    for path in query_and_value():
        down, up = (weights[f"base_model.model.{path}.lora_{name}.weight"] for name in "AB")
        expected = base[f"{path}.weight"] + (up @ down) * (ALPHA / RANK)
        assert torch.equal(model.network.get_submodule(path).weight, expected)  # type: ignore[arg-type]
    assert model.info.fingerprint != make_tiny("llama").info.fingerprint
    assert model.info.weights_note == "LoRA adapter merged into 6 matrices (q_proj, v_proj; rank 4)"


def test_gpt2s_maps_store_their_weights_the_other_way_round(tmp_path: Path) -> None:
    shapes = {f"transformer.h.{block}.attn.c_attn": (96, 32) for block in range(3)}
    adapter(tiny(tmp_path, "gpt2"), {**shapes, "transformer.h.1.mlp.c_proj": (32, 128)}, fan_in_fan_out=True)
    assert_allclose(merged(tmp_path), added_to_base(tmp_path, "gpt2", lambda _path: ALPHA / RANK), atol=2e-5)


def test_what_was_trained_as_a_whole_replaces_the_base(tmp_path: Path) -> None:
    """A tied output head in `modules_to_save` is its own from then on."""
    adapter(tiny(tmp_path, "gpt2"), {"transformer.h.0.attn.c_attn": (96, 32)}, modules_to_save=["lm_head"], bias="all")
    weights = load_file(tmp_path / "adapter_model.safetensors")
    head, bias = torch.randn(300, 32), torch.randn(128)
    whole = {"base_model.model.lm_head.weight": head, "base_model.model.transformer.h.2.mlp.c_fc.base_layer.bias": bias}
    save_file(weights | whole, tmp_path / "adapter_model.safetensors")
    network: Any = (model := load_model(tmp_path)).network
    assert torch.equal(network.lm_head.weight, head)
    assert torch.equal(network.transformer.h[2].mlp.c_fc.bias, bias)
    assert torch.equal(network.transformer.wte.weight, make_tiny("gpt2").network.transformer.wte.weight)
    assert not compute_summary(network, model.family).tied
    logits = compute_trace(model, Prompt("any", FOX)).logits()
    ids = torch.tensor([model.tokenize(FOX)])
    assert_allclose(logits, network.transformer(ids).last_hidden_state[0] @ head.T, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"peft_type": "IA3"}, "an adapter of the kind IA3, which is not supported. Only LoRA"),
        ({"use_dora": True}, r"a LoRA adapter of a variant that is not supported \(use_dora\)"),
        ({"lora_bias": True}, "lora_bias"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights=pissa_niter_4"),
        ({"something_of_next_year": {"a": 1}}, "something_of_next_year"),
        ({"r": 8}, r"does not fit its base model.*: model\.layers\.0\.self_attn\.q_proj"),
    ],
)
def test_other_adapters_are_refused_by_name(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    adapter(tiny(tmp_path, "llama"), query_and_value(), **settings)
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "shapes",
    [
        {"model.layers.7.self_attn.q_proj": (32, 32)},
        {"model.layers.0.self_attn.q_proj": (32, 16)},
        {"model.layers.0.self_attn": (32, 32)},
        {"model.rotary_emb": (32, 32)},
    ],
)
def test_an_adapter_of_another_network_is_refused(tmp_path: Path, shapes: dict[str, tuple[int, int]]) -> None:
    adapter(tiny(tmp_path, "llama"), shapes)
    with pytest.raises(ModelError, match=f"does not fit its base model.*: {next(iter(shapes))}"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["embed_tokens.lora_embedding_A", "norm.lora_magnitude_vector", "nothing"])
def test_tensors_that_are_not_understood_are_refused(tmp_path: Path, name: str) -> None:
    adapter(tiny(tmp_path, "llama"), query_and_value())
    weights = load_file(tmp_path / "adapter_model.safetensors")
    save_file(weights | {f"base_model.model.model.{name}": torch.ones(4, 300)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match=f"does not fit its base model.*: model.{name}"):
        load_model(tmp_path)


def test_an_adapter_without_its_weights_is_not_shown_as_the_base(tmp_path: Path) -> None:
    adapter(tiny(tmp_path, "llama"), query_and_value())
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"is incomplete: adapter_model\.safetensors is missing"):
        load_model(tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"})[:-3])
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path)
