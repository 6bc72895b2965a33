"""The notebook's A − B: nothing where A = B, the part that a copy of a model lacks, and what cannot be compared."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

import visualize
from analysis.errors import AnalysisError, ModelError, SelectionError, TextError
from analysis.models.language_model import LanguageModel
from layouts.figures.architecture import HEADS
from layouts.figures.text import ALL_EQUAL
from tests.analysis.comparison.pairs import ONE, OTHER, compared, without_head
from tests.test_visualize import title, words
from tests.tiny import make_tiny

pytestmark = pytest.mark.usefixtures("no_model_chosen")
BLOCK, HEAD = 1, 2  # of the head that `other` does not have

DRAWN: dict[str, Callable[..., go.Figure]] = {
    "activations": visualize.plot_token_activations,
    "attention": lambda *args, **more: visualize.plot_attention(*args, layer=1, head=2, **more),
    "embeddings": visualize.plot_token_embeddings,
    "logit lens": visualize.plot_logit_lens,
    "gradients": lambda *args, **more: visualize.plot_gradients(*args, method="occlusion", **more),
    "scene": visualize.enhanced_3d_visualization,
    "overview": visualize.plot_overview,
    "attribution": visualize.plot_logit_attribution,
    "sweep": visualize.plot_ablation,
    "removal": lambda *args, **more: visualize.plot_ablation(*args, "block.1.mlp=zero", **more),
}


@pytest.fixture(scope="module")
def tiny_llama() -> LanguageModel:
    return make_tiny("llama")


@pytest.fixture
def other(tiny_gpt2: LanguageModel) -> LanguageModel:
    return without_head(tiny_gpt2, BLOCK, HEAD)


# A = B, and a copy of the model.


@pytest.mark.parametrize("name", DRAWN)
def test_equal_sentences_have_no_difference(tiny_gpt2: LanguageModel, name: str):
    figure = DRAWN[name](ONE, model=tiny_gpt2, compare=ONE)
    if name != "removal":
        assert ALL_EQUAL[:-1] in words(figure)
    assert "B is the same sentence." in words(figure)
    assert "A − B" in title(figure)


@pytest.mark.long
@pytest.mark.parametrize("name", DRAWN)
def test_a_model_is_compared_by_the_same_sentence(tiny_gpt2: LanguageModel, other: LanguageModel, name: str):
    figure = DRAWN[name](ONE, model=tiny_gpt2, compare_model=other)
    assert "B is the same sentence in the model tiny gpt2 without a head." in words(figure)
    assert (ALL_EQUAL[:-1] in words(figure)) == (name in ("attention", "embeddings"))  # both before that head writes


def test_the_head_without_output_is_found(tiny_gpt2: LanguageModel, other: LanguageModel):
    scene = visualize.enhanced_3d_visualization(ONE, model=tiny_gpt2, compare_model=other)
    heads = np.reshape(scene.data[HEADS].meta["values"], (tiny_gpt2.info.n_blocks, -1))
    assert_array_equal(np.argwhere(heads[: BLOCK + 1]), [[BLOCK, HEAD]])
    assert np.unravel_index(np.abs(heads).argmax(), heads.shape) == (BLOCK, HEAD)
    assert f"The largest difference of all heads is at block {BLOCK} head {HEAD}".lower() in words(scene).lower()
    stream = visualize.plot_token_activations(ONE, layer=BLOCK, model=tiny_gpt2, compare_model=other).data[1].y
    assert_array_equal(np.flatnonzero(stream[:-1]), np.arange(BLOCK + 1, tiny_gpt2.info.n_blocks + 1))
    lens = visualize.plot_logit_lens(ONE, model=tiny_gpt2, compare_model=other)
    assert f"They differ after block {BLOCK} and not before" in words(lens)


def test_another_sentence_in_a_pair_in_memory(tiny_gpt2: LanguageModel, other: LanguageModel):
    pair = other.network, other.tokenizer
    figure = visualize.plot_attention(ONE, 2, 1, model=tiny_gpt2, compare=OTHER, compare_model=pair)
    assert f"B is “{OTHER}” in the model" in words(figure)
    again = visualize.plot_attention(ONE, 2, 1, model=tiny_gpt2, compare=OTHER, compare_model=other)
    assert_array_equal(figure.data[0].z, again.data[0].z)


# What cannot be compared.


@pytest.mark.parametrize("name", ["logit lens", "gradients", "attribution", "sweep", "removal"])
def test_other_vocabularies_are_refused_in_words(tiny_gpt2: LanguageModel, tiny_llama: LanguageModel, name: str):
    with pytest.raises(SelectionError, match="the models of A and B have different vocabularies"):
        DRAWN[name](ONE, model=tiny_gpt2, compare_model=tiny_llama)


@pytest.mark.parametrize("color_by", ["attribution", "effect"])
@pytest.mark.parametrize("name", ["scene", "overview"])
def test_so_are_colours_that_explain_a_logit(
    tiny_gpt2: LanguageModel, tiny_llama: LanguageModel, name: str, color_by: str
):
    with pytest.raises(SelectionError, match="the models of A and B have different vocabularies"):
        DRAWN[name](ONE, color_by=color_by, model=tiny_gpt2, compare_model=tiny_llama)


def test_other_sizes_are_refused_in_words_or_left_out(tiny_gpt2: LanguageModel):
    smaller = make_tiny("gpt2", num_hidden_layers=2, num_attention_heads=2, n_inner=48)
    given = {"model": tiny_gpt2, "compare_model": smaller}
    with pytest.raises(SelectionError, match=r"Heads cannot be compared: .* is 4 in A and 2 in B"):
        visualize.plot_attention(ONE, 1, 1, **given)
    with pytest.raises(SelectionError, match="B has no block 2"):
        visualize.plot_token_embeddings(ONE, layer=2, **given)
    stream = visualize.plot_token_activations(ONE, layer=1, **given)
    assert len(stream.data) == 2
    assert "Neurons cannot be compared" in words(stream)
    for name in ("scene", "overview"):
        with pytest.raises(SelectionError, match=r"Heads cannot be compared.*MLP tiles cannot be compared"):
            DRAWN[name](ONE, **given)
    shallow = make_tiny("gpt2", num_hidden_layers=2)
    scene = visualize.enhanced_3d_visualization(ONE, model=tiny_gpt2, compare_model=shallow)
    assert scene.data[HEADS].meta["values"][-4:] == ["no counterpart in B"] * 4
    assert scene.data[HEADS].hovertext[-1] == "Block 2 · head 3<br>no counterpart in B"
    assert "A’s block 2 has no counterpart in B." in words(scene)
    narrow = make_tiny("gpt2", hidden_size=16)
    with pytest.raises(SelectionError, match="Embeddings cannot be compared: the width"):
        visualize.plot_token_embeddings(ONE, model=tiny_gpt2, compare_model=narrow)


def test_what_a_scene_has_no_difference_of(tiny_gpt2: LanguageModel):
    with pytest.raises(SelectionError, match="Kinds of parts have no difference"):
        visualize.enhanced_3d_visualization(ONE, color_by="kind", model=tiny_gpt2, compare=OTHER)
    scores = visualize.plot_overview(ONE, color_by="induction", model=tiny_gpt2, compare=OTHER)
    assert "These scores depend on the model alone, which A and B share." in words(scores)


@pytest.mark.parametrize("name", ["gradients", "scene", "overview", "attribution", "sweep", "removal"])
def test_a_token_that_b_does_not_have_is_refused_in_words(tiny_gpt2: LanguageModel, name: str):
    alone = int(np.flatnonzero(compared(tiny_gpt2).aligned < 0)[0])
    with pytest.raises(SelectionError, match=f"B has no counterpart of .* at position {alone}"):
        DRAWN[name](ONE, position=alone, model=tiny_gpt2, compare=OTHER)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"compare": ""}, TextError, "^In B: The text is empty"),
        ({"compare": 5}, TextError, "^In B: The sentence must be a text"),
        ({"compare": "a " * 400}, TextError, "^In B: .* tokens"),
        ({"compare_model": "nowhere"}, ModelError, "^In B: There is no model 'nowhere'"),
    ],
)
def test_a_b_that_cannot_be_read_is_refused_by_name(
    tiny_gpt2: LanguageModel, name: str, given: Any, error: type[AnalysisError], message: str
):
    with pytest.raises(error, match=message):
        DRAWN[name](ONE, model=tiny_gpt2, **given)


def test_a_baseline_that_b_cannot_have_is_refused_by_name(tiny_gpt2: LanguageModel):
    without_start = replace(tiny_gpt2)
    vars(without_start)["start_id"] = None  # a cached property
    with pytest.raises(SelectionError, match=r"^In B: This model has no token that starts a text"):
        visualize.plot_gradients(ONE, baseline="end", model=tiny_gpt2, compare_model=without_start)


def test_the_warning_about_b_is_about_the_notebooks_line(tiny_gpt2: LanguageModel):
    broken = without_head(tiny_gpt2, BLOCK, HEAD)
    broken.network.transformer.h[BLOCK].mlp.c_proj.bias.data[0] = np.nan  # type: ignore[union-attr]
    for name in ("attention", "scene", "sweep"):
        with pytest.warns(UserWarning, match="not finite") as caught, suppress(SelectionError):
            DRAWN[name](ONE, model=tiny_gpt2, compare_model=broken)
        assert {warning.filename for warning in caught} == {__file__}
