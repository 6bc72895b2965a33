"""The selection card's words and table."""

from typing import Any

import pytest

from analysis.summary import compute_summary
from layouts.summary import LAYERS, STEPS, layout, menu, parameter_table, part_description
from tests.layouts.texts import texts
from tests.tiny import make_tiny


def summary(family: str) -> Any:
    model = make_tiny(family)
    return compute_summary(model.network, model.family)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_table_adds_up(family: str) -> None:
    table = parameter_table(summary(family))[0]
    body, (total,) = table.children[1].children, [table.children[2].children]
    counts = [int(row.children[2].children.replace(",", "")) for row in body]
    assert sum(counts) == int(total.children[2].children.replace(",", "")) == summary(family).n_parameters
    assert len(counts) == 7


def test_the_table_names_shared_and_rotary_parts() -> None:
    assert "shared with the token embedding" in texts(parameter_table(summary("gpt2")))
    assert "rotary (no parameters)" in texts(parameter_table(summary("llama")))
    assert "3 × 4,224" in texts(parameter_table(summary("gpt2")))


def test_shared_parameters_are_named() -> None:
    head = " ".join(texts(part_description("head", summary("gpt2"), 1)))
    assert "; 32 more (output bias, norms of queries and keys) for all heads together." in head
    head = " ".join(texts(part_description("head", summary("qwen3"), 1)))
    assert "; 768 more for keys and values, shared by 2 heads; 24 more (output bias, norms" in head
    assert "512 more for keys and values, shared by 2 heads" in " ".join(
        texts(part_description("head", summary("llama"), 1))
    )
    assert "the output bias (32)" in " ".join(texts(part_description("neuron", summary("opt"), 1)))
    assert "no parameters of its own; it shares the token embedding’s 9,600" in " ".join(
        texts(part_description("output", summary("gpt2"), 0))
    )
    gated = " ".join(texts(part_description("neuron", summary("llama"), 96)))
    assert "the gate" in gated
    assert "96 parameters (0.2% of the model)." in gated


@pytest.mark.parametrize(("family", "capped", "biased"), [("gemma2", True, False), ("phi", False, True)])
def test_a_bias_and_a_cap_of_logits_are_named(family: str, capped: bool, biased: bool) -> None:
    words = "".join(texts(part_description("output", summary(family), 1)))
    assert ("within ±4 (soft-capping)" in words) == capped
    assert ("a bias for each token" in words) == biased


@pytest.mark.parametrize("key", ["attention", "head", "mlp", "neuron"])
def test_a_norm_of_the_output_is_named(key: str) -> None:
    for family, normed in (("gemma3_text", True), ("llama", False)):
        assert ("after one more norm" in "".join(texts(part_description(key, summary(family), 1)))) == normed


@pytest.mark.parametrize("key", ["embedding", "attention", "head", "mlp", "neuron", "norm", "output"])
def test_every_kind_of_part_is_part_description(key: str) -> None:
    what, size = part_description(key, summary("gpt_neox"), 1_000)
    assert len("".join(texts(what))) > 40
    assert "1,000 parameters" in " ".join(texts(size))


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama"])
def test_the_embeddings_shape_is_its_count(family: str) -> None:
    s = summary(family)
    _, size = part_description("embedding", s, 1)
    shape = texts(size)[0]
    products = [part.replace(",", "").replace("tokens ", "").replace("positions ", "") for part in shape.split(" + ")]
    counts = [int(rows) * int(width) for rows, width in (product.split(" × ") for product in products)]
    assert sum(counts) == s.token_embedding + s.position_embedding
    assert len(counts) == (1 if family == "llama" else 2)


def test_terms_of_a_part_are_explained() -> None:
    parts = part_description("neuron", summary("gpt2"), 1)[0]["props"]["children"]
    marks = [part["props"]["aria-describedby"] for part in parts if not isinstance(part, str)]
    assert marks == ["term-residual-stream", "term-vector"]


def test_menu_names_every_part() -> None:
    items = menu(2)
    assert [getattr(item, "data-select") for item in items] == [
        "embedding", "block.0.attention", "block.0.mlp", "block.1.attention", "block.1.mlp", "norm", "output"
    ]  # fmt: skip
    assert items[4].children.children == "Block 1 · MLP"


def test_controls_can_be_focused_and_are_named() -> None:
    section = layout()
    assert section.tabIndex == 0
    for id in (*STEPS, *LAYERS):
        assert getattr(section[id], "aria-label")
    steps = [(getattr(section[id], "data-along"), getattr(section[id], "data-by")) for id in STEPS]
    assert steps == [("block", "-1"), ("block", "1"), ("unit", "-1"), ("unit", "1")]
    assert [getattr(section[id], "data-layer") for id in LAYERS] == ["attention", "mlp"]
