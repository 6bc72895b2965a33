import pytest

from analysis.errors import ModelError
from analysis.families import FAMILIES, family_of
from analysis.model import LanguageModel, network_without_weights
from tests.conftest import make_tiny


def test_every_path_of_a_row_leads_to_a_module(tiny_model: LanguageModel):
    network, family = tiny_model.network, tiny_model.family
    blocks = network.get_submodule(family.blocks)
    assert len(blocks) == 3
    for path in filter(None, (family.embedding, family.final_norm, family.positions)):
        network.get_submodule(path)
    for block in blocks:
        for path in (family.attention, family.attention_out, family.mlp_out, *family.mlp, *family.norms):
            block.get_submodule(path)


def test_the_rows_parts_are_all_that_there_is(tiny_model: LanguageModel):
    """Attention, MLP and norms of all blocks, embeddings, final norm and an untied head: every parameter once."""
    network, family = tiny_model.network, tiny_model.family
    parts = [network.get_submodule(p) for p in (family.embedding, family.final_norm, family.positions) if p]
    for block in network.get_submodule(family.blocks):
        parts += [block.get_submodule(path) for path in (family.attention, *family.mlp, *family.norms)]
    head = network.get_output_embeddings()
    if head.weight is not network.get_submodule(family.embedding).weight:
        parts.append(head)
    named = [parameter for part in parts for parameter in part.parameters()]
    assert len(named) == len({id(p) for p in named}), "a part is named twice"
    assert {id(p) for p in named} == {id(p) for p in network.parameters()}


def test_the_output_maps_write_to_the_residual_stream(tiny_model: LanguageModel):
    family, info = tiny_model.family, tiny_model.info
    block = tiny_model.network.get_submodule(family.blocks)[0]
    for path in (family.attention_out, family.mlp_out):
        assert info.d_model in block.get_submodule(path).weight.shape


@pytest.mark.parametrize("model_type", ["mamba", "t5", "bert", "", "GPT2", "gpt2 "])
def test_an_unknown_family_is_refused_by_name_with_the_known_ones(model_type: str):
    with pytest.raises(ModelError) as refused:
        family_of(model_type)
    assert str(refused.value) == (
        f"The model is of the family '{model_type}', which is not supported. "
        "Supported: gpt2, gpt_neox, llama, mistral, opt, qwen2."
    )


def test_every_family_has_a_tiny_model():
    for model_type in FAMILIES:
        assert make_tiny(model_type).network.config.model_type == model_type


def test_a_model_without_weights_has_the_shapes(tiny_model: LanguageModel):
    empty = network_without_weights(tiny_model.network.config)
    assert {n: p.shape for n, p in empty.named_parameters()} == {
        n: p.shape for n, p in tiny_model.network.named_parameters()
    }
    assert all(parameter.is_meta for parameter in empty.parameters())
