from pathlib import Path

import pytest
from transformers import BertConfig

from analysis.errors import ModelError
from analysis.models.catalogue import builtin_configuration, list_sources, make_outline
from analysis.models.hub import HubModel
from analysis.models.load import new_configuration
from analysis.selection import Selection
from tests.analysis.models.test_load import GPT2_SIZES


@pytest.mark.parametrize("name", GPT2_SIZES)
def test_the_sizes_of_gpt2_are_known_without_a_network(name: str):
    n_blocks, n_heads, d_model, total, per_block, attention, mlp, norms = GPT2_SIZES[name]
    source = HubModel(name)
    outline = make_outline(builtin_configuration(source), source)
    info, summary = outline.info, outline.summary
    assert (info.n_blocks, info.n_heads, info.d_model, info.n_neurons) == (n_blocks, n_heads, d_model, 4 * d_model)
    assert (info.n_vocab, info.max_positions, info.family) == (50257, 1024, "GPT-2")
    assert info.n_parameters == summary.n_parameters == total
    assert (summary.block, summary.attention, summary.mlp, summary.norms) == (per_block, attention, mlp, norms)
    assert summary.memory_bytes == 4 * total
    assert summary.tied
    assert summary.parameters(Selection.parse("embedding")) == (50257 + 1024) * d_model


# Bytes of model.safetensors of each as published.
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("distilgpt2", 352_824_413),
        ("gpt2", 548_105_171),
        ("gpt2-medium", 1_519_984_962),
        ("gpt2-large", 3_247_159_078),
        ("gpt2-xl", 6_431_829_964),
    ],
)
def test_the_download_is_as_large_as_published(name: str, published: int):
    source = HubModel(name)
    assert make_outline(builtin_configuration(source), source).download_bytes == pytest.approx(published, rel=1e-4)


def test_of_others_nothing_is_built_in():
    assert builtin_configuration(HubModel("owner/gpt2")) is None
    assert builtin_configuration(HubModel("gpt2", "a-branch")) is None


@pytest.mark.long
def test_two_sizes_have_two_fingerprints_and_none_is_called_untrained():
    outlines = [make_outline(builtin_configuration(HubModel(name)), HubModel(name)) for name in GPT2_SIZES]
    assert len({outline.info.fingerprint for outline in outlines}) == len(GPT2_SIZES)
    assert not any(outline.info.untrained for outline in outlines)


def test_a_gguf_file_of_the_folder_is_a_source(tmp_path: Path):
    (tmp_path / "fox.gguf").touch()
    sources = list_sources("fox.gguf, other.gguf", tmp_path)
    assert sources["fox.gguf"] == tmp_path / "fox.gguf"
    assert sources["other.gguf"] == HubModel("other.gguf")


def test_other_models_say_nothing_of_their_download(tmp_path: Path):
    config = new_configuration("gpt2", n_layer=1, n_head=2, n_embd=8, vocab_size=10)
    assert make_outline(config, tmp_path).download_bytes is None
    assert make_outline(config, HubModel("owner/fox")).download_bytes is None


def test_a_configuration_of_another_family_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="family 'bert', which is not supported"):
        make_outline(BertConfig(), tmp_path)


# The list.


def test_a_host_adds_folders_and_models_of_the_hub(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    sources = list_sources(" mine, owner/fox@v1 ,, gpt2-medium@refs", tmp_path)
    assert list(sources)[:5] == list(GPT2_SIZES)
    assert list(sources)[5:] == ["mine", "owner/fox@v1", "gpt2-medium@refs"]
    assert sources["mine"] == tmp_path / "mine"
    assert sources["owner/fox@v1"] == HubModel("owner/fox", "v1")
    assert list_sources("", None) == list_sources("", tmp_path) == {name: HubModel(name) for name in GPT2_SIZES}


@pytest.mark.parametrize("name", ["../outside", "..", ".", "/etc", "a/b/c", "a b"])
def test_a_name_reaches_nothing_outside_the_folder(name: str, tmp_path: Path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    with pytest.raises(ModelError, match="cannot be the name of a model"):
        list_sources(name, tmp_path / "inside")
