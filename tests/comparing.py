"""Pairs of models and texts for tests of A minus B."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from analysis.comparison.pair import Comparison, compare_traces
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import Values
from dashboard.drawing import to_json
from dashboard.services import AppServices
from tests.tiny import byte_level_tokenizer, make_services

A, B = "the fox met a crow", "the crow met a crow"  # of five tokens each
LONGER = "the fox met and saw a crow"
BLOCK, HEAD = 1, 2  # of the head that `without_head` leaves out


def compared(model: LanguageModel, a: str, b: str, other: LanguageModel | None = None) -> Comparison:
    """The comparison of two texts, or of one text in two models."""
    second = other or model
    return compare_traces(
        model, compute_trace(model, Prompt(model.name, a)), second, compute_trace(second, Prompt(second.name, b))
    )


def without_head(model: LanguageModel) -> LanguageModel:
    """A copy of a GPT-2 in which the output map of one head is zero."""
    network = AutoModelForCausalLM.from_config(model.network.config, attn_implementation="eager")
    network.load_state_dict(model.network.state_dict())
    d_head = model.info.d_head
    with torch.no_grad():
        network.transformer.h[BLOCK].attn.c_proj.weight[HEAD * d_head : (HEAD + 1) * d_head] = 0
    return prepare_model("without", network, byte_level_tokenizer())


def reference(model: LanguageModel, text: str) -> Any:
    """What Hugging Face's model computes in float64: `logits` and `hidden_states` of one text."""
    network = AutoModelForCausalLM.from_config(model.network.config, attn_implementation="eager")
    network.load_state_dict(model.network.state_dict())
    ids = torch.tensor([model.tokenize(text)])
    with torch.no_grad():
        return network.eval().double()(ids, output_hidden_states=True)


@dataclass(frozen=True)
class Compared:
    """The services of an app, and what a panel is drawn for in mode A − B."""

    services: AppServices
    a: Prompt
    b: Prompt

    def draw(self, draw: Callable[..., Values], selection: str, **knobs: Any) -> Values:
        """The panel's values."""
        comparison = self.services.comparison(self.a, self.b)
        return draw(self.services, comparison, Selection.parse(selection), **knobs)

    def swapped(self) -> "Compared":
        """The same with A and B swapped."""
        return Compared(self.services, self.b, self.a)


def compared_services(
    directory: Path, a: str, b: str, model: LanguageModel, other: LanguageModel | None = None, **options: Any
) -> Compared:
    """Services that know one or two models, and the texts A and B."""
    sources = {"one": model} if other is None else {"one": model, "other": other}
    services = make_services(directory, sources, **options)
    return Compared(services, Prompt("one", a), Prompt("one" if other is None else "other", b))


def sizes(values: Values) -> int:
    """The number of bytes that a panel's values take in an answer."""
    return len(to_json({name: value for name, value in values.items() if name != "results"}))
