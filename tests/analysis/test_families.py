import pytest
from transformers import CONFIG_MAPPING, AutoConfig

from analysis.errors import ModelError
from analysis.families import _REASONS, FAMILIES, family_of, is_parallel, logit_cap
from analysis.models.language_model import LanguageModel
from analysis.models.load import network_without_weights
from tests.tiny import make_tiny

_HYBRID = "some of its blocks have linear attention, a state space or a convolution instead of attention weights"
_SCALES = (
    "it scales what its blocks add to the residual stream, or its logits, so that parts would not sum to the whole"
)


def test_every_path_of_a_row_leads_to_a_module(tiny_model: LanguageModel):
    network, family = tiny_model.network, tiny_model.family
    blocks = network.get_submodule(family.blocks)
    assert len(blocks) == 3
    for path in filter(None, (family.embedding, family.final_norm, family.positions)):
        network.get_submodule(path)
    for block in blocks:
        for path in (family.attention, family.attention_out, family.mlp_out, *family.mlp, *family.norms):
            block.get_submodule(path)
        assert {family.attention_norm, family.mlp_norm} <= {None, *family.norms}


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


@pytest.mark.parametrize(
    ("model_type", "reason"),
    [
        ("mamba", "it has no attention"),
        ("t5", "it has an encoder and a decoder, but only a single stack of blocks can be drawn"),
        ("bert", "it reads a text in both directions and does not predict the next token"),
        ("mixtral", "its MLPs choose between experts, so a block has no fixed neurons"),
        ("granite", _SCALES),
        ("cohere2", _SCALES),
        ("qwen3_next", _HYBRID),
        ("jamba", _HYBRID),
        ("gemma3", "it also reads images; the text-only Gemma 3 is 'gemma3_text'"),
        *((odd, "the names of its parts are not known") for odd in ("falcon", "", "GPT2", "gpt2 ")),
    ],
)
def test_an_unknown_family_is_refused_by_name_with_a_reason_and_the_known_ones(model_type: str, reason: str):
    with pytest.raises(ModelError) as refused:
        family_of(model_type)
    assert str(refused.value) == (
        f"The model belongs to the family '{model_type}', which is not supported: {reason}. Supported: "
        "arcee, cwm, ernie4_5, exaone4, gemma, gemma2, gemma3_text, glm, glm4, gpt2, gpt_neo, gpt_neox, gptj, helium, "
        "hunyuan_v1_dense, jais2, llama, ministral, ministral3, mistral, nanochat, nemotron, olmo, olmo2, olmo3, opt, "
        "phi, phi3, qwen2, qwen3, seed_oss, smollm3, stablelm, starcoder2, vaultgemma."
    )


def test_a_family_that_is_refused_has_no_row():
    assert not set(_REASONS) & set(FAMILIES)
    assert set(_REASONS) <= set(CONFIG_MAPPING)


def test_the_cap_is_the_settings():
    gemma, llama = make_tiny("gemma2"), make_tiny("llama")
    assert logit_cap(gemma.network.config, gemma.family) == 4
    assert logit_cap(make_tiny("gemma2", final_logit_softcapping=None).network.config, gemma.family) is None
    # Llama's code would not look at such a setting.
    config = AutoConfig.for_model("llama", final_logit_softcapping=4.0)
    assert config.final_logit_softcapping == 4
    assert logit_cap(config, llama.family) is None


@pytest.mark.long
def test_where_attention_and_mlp_read_the_same_stream():
    found = {kind for kind in FAMILIES if make_tiny(kind).info.parallel}
    assert found == {"gptj", "phi", "gpt_neox"}
    serial = make_tiny("gpt_neox", use_parallel_residual=False)
    assert not is_parallel(serial.network.config, serial.family)


@pytest.mark.long
def test_every_family_has_a_tiny_model():
    for model_type in FAMILIES:
        assert make_tiny(model_type).network.config.model_type == model_type


def test_a_model_without_weights_has_the_shapes(tiny_model: LanguageModel):
    empty = network_without_weights(tiny_model.network.config)
    assert {n: p.shape for n, p in empty.named_parameters()} == {
        n: p.shape for n, p in tiny_model.network.named_parameters()
    }
    assert all(parameter.is_meta for parameter in empty.parameters())
