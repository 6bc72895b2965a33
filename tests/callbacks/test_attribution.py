"""Callback of the direct attribution panel: what it shows for a selection, a view and a second target."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from analysis.errors import SelectionError
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.attribution import draw_attribution
from layouts.theme import DARK
from tests.tiny import TEXT, make_services, make_tiny


def draw(services: Any, prompt: Prompt, selection: str, **knobs: Any) -> Any:
    return draw_attribution(services, prompt, Selection.parse(selection), **knobs)


def test_the_most_probable_token_is_explained(services: Any, prompt: Prompt) -> None:
    drawn = draw(services, prompt, "block.1.attention.head.2@5", theme="dark")
    trace, model = services.trace(prompt), services.model(prompt)
    predicted = model.vocabulary.piece(int(trace.logits()[5].argmax()))
    assert drawn["target"] == f"‘{predicted.label}’ (top 1)"
    assert drawn["title"] == f"Direct attribution · position 5, ‘{trace.tokens[5].label}’"
    logit = f"{trace.logits()[5].max():+.2f}".replace("-", "−")
    assert drawn["reading"].startswith(f"The parts sum to {logit}, the logit is {logit}: ")
    assert drawn["figure"].layout.font.color == DARK.text


def test_the_head_of_a_cell_has_the_share_that_removing_its_output_takes(services: Any, prompt: Prompt) -> None:
    """With the norm's scale held: the last residual less what the head wrote, on a line through the final norm."""
    drawn = draw(services, prompt, "output@5~17", view="map", against="9")
    trace, network = services.trace(prompt), services.model(prompt).network
    stream = torch.tensor(trace.residual(3)[5]).double()
    weight = network.transformer.h[1].attn.c_proj.weight.double()  # type: ignore[union-attr]
    width = trace.info.d_head
    written = torch.tensor(trace.head_outputs(1)[5, 2]).double() @ weight[2 * width : 3 * width]
    moved, norm = stream - stream.mean(), network.transformer.ln_f  # type: ignore[union-attr]
    scale = (moved.square().mean() + norm.eps).sqrt()
    rows = network.lm_head.weight.double()  # type: ignore[union-attr]
    share = float(((written - written.mean()) / scale * norm.weight) @ (rows[17] - rows[9]))
    heat = drawn["figure"].data[0]
    (text,) = [words for words in np.ravel(heat.hovertext) if words.startswith("block 1 head 2:")]
    assert_allclose(float(text.split()[4].replace("−", "-")), share, atol=6e-3)
    assert drawn["target"].endswith(f"minus ‘{services.model(prompt).vocabulary.piece(9).label}’")


@pytest.mark.parametrize("view", ["map", "bars", "neurons", "depth"])
@pytest.mark.parametrize("selection", ["embedding", "block.0.attention@3", "block.2.mlp.neuron.7@3", "norm", "output"])
def test_every_view_is_drawn_for_every_part(services: Any, prompt: Prompt, view: str, selection: str) -> None:
    drawn = draw(services, prompt, selection, view=view)
    assert drawn["figure"].to_plotly_json()
    assert "The parts sum to" in drawn["reading"]


@pytest.mark.parametrize("knobs", [{"view": "pie"}, {"against": "nine"}])
def test_choices_that_do_not_exist_are_refused(services: Any, prompt: Prompt, knobs: Any) -> None:
    with pytest.raises(SelectionError):
        draw(services, prompt, "output", **knobs)


def test_a_second_token_of_another_model_is_left_out(services: Any, prompt: Prompt) -> None:
    assert "minus" in draw(services, prompt, "output", against="299")["target"]
    assert "minus" not in draw(services, prompt, "output", against="300")["target"]


def test_where_there_is_no_logit_it_says_so(tmp_path: Any) -> None:
    model = make_tiny("gpt2")
    with torch.no_grad():
        model.network.transformer.h[1].mlp.c_proj.bias[0] = torch.inf  # type: ignore[union-attr]
    services = make_services(tmp_path, {"broken": model})
    drawn = draw(services, Prompt("broken", TEXT), "output@3")
    assert "the MLP of block 1" in drawn["reading"]
    assert drawn["target"] == "nothing"
