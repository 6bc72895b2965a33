"""The notebook interface: its messages, the requests that it refuses, and the choice of the model."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import visualize
from analysis.errors import AnalysisError, ModelError, SelectionError, TextError
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model
from analysis.models.sentence import checked_token
from analysis.tokens import Vocabulary
from layouts.figures.architecture import HEADS
from tests.test_visualize import FOX, title, words
from tests.tiny import make_tiny

pytestmark = pytest.mark.usefixtures("no_model_chosen")


def test_the_sentence_is_in_the_title_escaped_and_cut():
    place = "Attention · block 3, head 4"
    assert title(visualize.plot_attention("<b>bold</b> & so\non")) == f"{place} · “&lt;b&gt;bold&lt;/b&gt; &amp; so on”"
    cut = title(visualize.plot_attention("the wolf and the hare " * 5))
    assert cut == f"{place} · “the wolf and the hare the wolf and th…”"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: visualize.plot_attention(""), TextError, "The text is empty"),
        (lambda: visualize.plot_attention(None), TextError, "must be a text.*NoneType"),
        (lambda: visualize.plot_gradients("a " * 400), TextError, "401 tokens; this model reads at most 256"),
        (lambda: visualize.plot_attention(FOX, 6), SelectionError, "no layer 6. Choose a layer from 0 to 5"),
        (lambda: visualize.plot_attention(FOX, -1), SelectionError, "no layer -1"),
        (lambda: visualize.plot_attention(FOX, "two"), SelectionError, "no layer 'two'"),
        (lambda: visualize.plot_attention(FOX, 0, 8), SelectionError, "no head 8. Choose a head from 0 to 7"),
        (lambda: visualize.plot_attention(FOX, 0, 0.5), SelectionError, "no head 0.5"),
        (lambda: visualize.plot_attention(FOX, view="side"), SelectionError, "no ‘side’ for the attention view"),
        (lambda: visualize.plot_token_activations(FOX, layer=6), SelectionError, "no layer 6"),
        (lambda: visualize.plot_token_activations(FOX, neuron=1024), SelectionError, "no neuron 1024"),
        (
            lambda: visualize.plot_token_activations("a", position=1),
            SelectionError,
            "no position 1. Choose a position from 0 to 0",
        ),
        (lambda: visualize.plot_token_embeddings(FOX, dimensions=4), SelectionError, "‘4’.*2 or 3"),
        (lambda: visualize.plot_token_embeddings(FOX, method="umap"), SelectionError, "‘umap’.*pca or tsne"),
        (lambda: visualize.enhanced_3d_visualization(color_by="mood"), SelectionError, "no ‘mood’ for the colouring"),
        (lambda: visualize.plot_gradients(FOX, method="guess"), SelectionError, "‘guess’.*occlusion"),
        (lambda: visualize.plot_gradients(FOX, baseline="one"), SelectionError, "‘one’.*mean, end or zero"),
        (lambda: visualize.plot_gradients(FOX, target=4096), SelectionError, "no token id 4096"),
        (lambda: visualize.plot_logit_attribution(FOX, against=4096), SelectionError, "no token id 4096"),
        (
            lambda: visualize.plot_gradients(FOX, target=" roses and"),
            SelectionError,
            "No single token of this model has the text",
        ),
        (lambda: visualize.plot_gradients(FOX, target="rincess"), SelectionError, r"contain it: '·Princess' \(\d+\)"),
        (
            lambda: visualize.plot_attention(FOX, model="someone/unheard-of"),
            ModelError,
            "no model 'someone/unheard-of'",
        ),
        (lambda: visualize.model_summary(model=5), ModelError, "this is a int"),
        (lambda: visualize.use("nowhere"), ModelError, "no model 'nowhere'"),
    ],
)
def test_invalid_requests_raise_a_clear_error(call: Any, error: type[AnalysisError], message: str):
    with pytest.raises(error, match=message):
        call()


def test_a_text_that_is_several_tokens_is_no_target(tiny_gpt2: LanguageModel):
    twice = Vocabulary(["the", "Ġthe", "Âłthe", "the"], byte_level=True, literal=frozenset())
    with pytest.raises(SelectionError, match="2 tokens have the text 'the': ids 0, 3"):
        checked_token("the", replace(tiny_gpt2, vocabulary=twice))


# Which model.


def test_the_model_is_the_argument_then_the_default_then_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_gpt2: LanguageModel
):
    for name in ("environment", "session"):
        tiny = make_tiny("gpt2", seed=len(name))
        tiny.network.save_pretrained(tmp_path / name)
        tiny.tokenizer.save_pretrained(tmp_path / name)
    assert visualize.model_summary().name == "bundled"
    monkeypatch.setenv("LLM_MODEL", str(tmp_path / "environment"))
    assert visualize.model_summary().name == str(tmp_path / "environment")
    visualize.use(tmp_path / "session")
    assert visualize.model_summary().name == str(tmp_path / "session")
    assert visualize.model_summary(model=tiny_gpt2).name == tiny_gpt2.name
    with pytest.raises(ModelError):
        visualize.use("nowhere")
    assert visualize.model_summary().name == str(tmp_path / "session")  # a mistake changes nothing


@pytest.mark.long
def test_a_model_in_memory_is_not_changed(tiny_gpt2: LanguageModel):
    network = type(tiny_gpt2.network)(deepcopy(tiny_gpt2.network.config))
    network.load_state_dict(tiny_gpt2.network.state_dict())
    network.set_attn_implementation("sdpa")
    network.train()
    visualize.use((network, tiny_gpt2.tokenizer))
    figure = visualize.plot_attention(FOX, 1, 2)
    assert_array_equal(figure.data[0].z, visualize.plot_attention(FOX, 1, 2, model=tiny_gpt2).data[0].z)
    visualize.plot_gradients(FOX)
    assert network.training
    assert all(weight.requires_grad and weight.grad is None for weight in network.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert network.config._attn_implementation == "sdpa"


def test_a_model_in_memory_with_a_head_of_its_own(tiny_gpt2: LanguageModel):
    """Its configuration says that the head is the embedding."""
    network = deepcopy(tiny_gpt2.network)
    assert network.config.tie_word_embeddings
    network.lm_head.weight = torch.nn.Parameter(torch.randn_like(network.lm_head.weight) * 0.2)  # type: ignore[union-attr]
    visualize.use((network, tiny_gpt2.tokenizer))
    with torch.no_grad():
        logits = network.eval()(torch.tensor([tiny_gpt2.tokenize(FOX)])).logits[0]  # type: ignore[operator]
    heat = visualize.plot_logit_lens(FOX).data[0]
    assert_allclose(heat.z[-1], torch.softmax(logits, -1).max(-1).values, rtol=1e-4)
    assert visualize.plot_logit_lens(FOX, model=tiny_gpt2).data[0].z[-1] != pytest.approx(heat.z[-1], rel=0.01)
    assert not visualize.model_summary().sizes.tied


@pytest.mark.long
def test_five_calls_load_once(tmp_path: Path, bundled_model: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    bundled_model.network.save_pretrained(tmp_path / "mine")
    bundled_model.tokenizer.save_pretrained(tmp_path / "mine")
    loaded = []
    monkeypatch.setattr(
        "analysis.models.open.load_model", lambda *a, **more: loaded.append(a) or load_model(*a, **more)
    )
    monkeypatch.setenv("LLM_MODEL", str(tmp_path / "mine"))
    for _ in range(5):
        visualize.plot_attention(FOX)
    assert len(loaded) == 1


# Without weights.


@pytest.fixture
def nothing_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.long
@pytest.mark.usefixtures("nothing_downloaded")
def test_a_size_of_gpt2_is_shown_without_its_weights():
    table = visualize.model_summary(model="gpt2-medium")
    assert str(table).startswith("gpt2-medium (GPT-2, 354,823,168 parameters)")
    figure = visualize.enhanced_3d_visualization(model="gpt2-medium")
    assert title(figure) == "Architecture · gpt2-medium"
    assert "24 blocks, each with 16 attention heads" in words(figure)
    assert "No values are shown" in words(figure)
    assert len(figure.data[HEADS].x) == 24 * 16 * 8
    assert figure.data[HEADS].hovertext[-1] == "Block 23 · head 15"


@pytest.mark.usefixtures("nothing_downloaded")
@pytest.mark.parametrize("function", ["plot_attention", "plot_overview", "plot_gradients"])
def test_what_needs_weights_says_how_to_get_them(function: str):
    with pytest.raises(ModelError, match=r"weights of 'gpt2-xl' are not .* `python -m dashboard download gpt2-xl`\."):
        getattr(visualize, function)(FOX, model="gpt2-xl")


@pytest.mark.usefixtures("nothing_downloaded")
def test_a_size_of_gpt2_can_be_the_default():
    visualize.use("distilgpt2")
    assert visualize.model_summary().sizes.n_parameters == 81_912_576
    with pytest.raises(ModelError, match="weights of 'distilgpt2' are not"):
        visualize.plot_attention(FOX)


def test_a_folder_comes_before_the_known_sizes(tiny_gpt2: LanguageModel, tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    tiny_gpt2.network.save_pretrained("gpt2")
    tiny_gpt2.tokenizer.save_pretrained("gpt2")
    assert visualize.model_summary(model="gpt2").sizes.n_parameters == tiny_gpt2.info.n_parameters
    assert len(visualize.enhanced_3d_visualization(FOX, model="gpt2").data[HEADS].x) == 3 * 4 * 8
