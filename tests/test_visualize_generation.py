"""The notebook's continuation of a text, with `analysis`' numbers and transformers' `generate`."""

from typing import Any

import pytest
import torch
from numpy.testing import assert_array_equal

import visualize
from analysis.errors import AnalysisError, SelectionError, TextError
from analysis.generation.continuation import compute_continuation
from analysis.generation.sampling import Sampling
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt

pytestmark = pytest.mark.usefixtures("no_model_chosen")
FOX = "The fox met a crow"


@pytest.mark.long
def test_greedy_is_what_generate_writes(bundled_model: LanguageModel):
    table = visualize.continue_text(FOX, 30)
    ids = torch.tensor([bundled_model.tokenize(FOX)])
    network: Any = bundled_model.network
    found = network.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=30)[0]
    assert table.text == bundled_model.tokenizer.decode(found[ids.shape[1] :])
    assert len(table.result.written) == 30
    assert str(table).startswith(f"bundled · “{FOX}”\n{table.text}\n")


def test_the_settings_arrive(tiny_gpt2: LanguageModel):
    settings = {"temperature": 1.4, "top_k": 30, "top_p": 0.9, "seed": 5}
    table = visualize.continue_text(FOX, 12, **settings, model=tiny_gpt2)  # type: ignore[arg-type]
    trace = compute_trace(tiny_gpt2, Prompt("any", FOX))
    expected = compute_continuation(tiny_gpt2, trace, n_tokens=12, sampling=Sampling(1.4, 30, 0.9, 5))
    assert table.result.written == expected.written
    assert_array_equal(table.result.probabilities, expected.probabilities)
    assert_array_equal(table.result.ranks, expected.ranks)
    other = visualize.continue_text(FOX, 12, **{**settings, "seed": 6}, model=tiny_gpt2)  # type: ignore[arg-type]
    assert other.result.written != expected.written


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: visualize.continue_text(""), TextError, "The text is empty"),
        (lambda: visualize.continue_text(FOX, 201), SelectionError, "201 tokens.*from 1 to 200"),
        (lambda: visualize.continue_text(FOX, "many"), SelectionError, "many tokens.*from 1 to 200"),
        (lambda: visualize.continue_text(FOX, temperature=-1), SelectionError, "no temperature of -1"),
        (lambda: visualize.continue_text(FOX, temperature="hot"), SelectionError, "no temperature of hot"),
        (lambda: visualize.continue_text(FOX, temperature=1, top_k=2.5), SelectionError, "no top-k of 2.5"),
        (lambda: visualize.continue_text(FOX, temperature=1, top_p=0), SelectionError, "no token would be left"),
        (lambda: visualize.continue_text(FOX, temperature=1, seed=-1), SelectionError, "no seed of -1"),
        (lambda: visualize.continue_text(FOX, model=5), AnalysisError, "this is a int"),
    ],
)
def test_invalid_requests_raise_a_clear_error(call: Any, error: type[AnalysisError], message: str):
    with pytest.raises(error, match=message):
        call()


def test_a_prediction_is_read_out_at_the_selected_part(bundled_model: LanguageModel):
    figure = visualize.plot_prediction(FOX, select="block.3.mlp@1")
    trace, network = compute_trace(bundled_model, Prompt("bundled", FOX)), bundled_model.network
    with torch.no_grad():
        logits = network.lm_head(network.transformer.ln_f(torch.tensor(trace.residual(4)[1])))
    ((piece, probability), *_) = figure.results["summary"].top
    assert piece.id == int(logits.argmax())
    assert probability == pytest.approx(float(logits.softmax(0).max()), abs=1e-5)
    end = visualize.plot_prediction(FOX).results["summary"]
    assert end.top[0][0].id == int(trace.logits()[-1].argmax())


def test_a_sentence_may_begin_with_the_start_token_and_end_with_written_ones(bundled_model: LanguageModel):
    sentence = visualize.Sentence(FOX, start=True, written=[7, 8])
    tokens = visualize.plot_attention(sentence).results["attention"].tokens
    assert [token.id for token in tokens] == [bundled_model.start_id, *bundled_model.tokenize(FOX), 7, 8]
    with pytest.raises(TextError, match="not a token id"):
        visualize.Sentence(FOX, written=[-1])
