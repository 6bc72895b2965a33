"""What each example says is true of the bundled model, and of no model with random weights."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch

from analysis.lessons.lesson import Subject
from analysis.selection import Selection
from dashboard.panels import PANELS
from layouts.examples import EXAMPLES, Example, examples_menu
from tests.analysis.lessons.conftest import bundled, untrained  # noqa: F401


class Read:
    """A model's pass over an example's text."""

    def __init__(self, subject: Subject, one: Example) -> None:
        self.subject, self.trace, self.selection = subject, subject.trace(one.text), Selection.parse(one.select)
        self.labels = [token.label for token in self.trace.tokens]
        logits = self.trace.logits().astype(np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.shares = exponentials / exponentials.sum(axis=1, keepdims=True)
        self.at = self.selection.position

    def id(self, word: str) -> int:
        (found,) = self.subject.model.tokenize(word)
        return found

    def best(self, text: str | None = None) -> str:
        """The most probable token after the selected position, or after another text."""
        trace, at = (self.trace, self.at) if text is None else (self.subject.trace(text), -1)
        return self.subject.model.vocabulary.piece(int(trace.logits()[at].argmax())).label

    def looks_at(self, label: str) -> bool:
        """Whether the selected head gives most of its attention to a token."""
        row = self.trace.attention(self.selection.block or 0)[self.selection.head, self.at]
        return self.labels[int(row.argmax())] == label and float(row.max()) > 0.5

    def neuron(self) -> Any:
        return self.trace.neurons(self.selection.block or 0)[:, self.selection.neuron]

    def lens(self) -> list[str]:
        """What the logit lens reads at the selected position after each block."""
        streams = [self.trace.residual(n + 1)[self.at] for n in range(self.trace.info.n_blocks)]
        tops = self.subject.model.lens_logits(np.stack(streams)).argmax(axis=1)
        return [self.subject.model.vocabulary.piece(int(top)).label for top in tops]

    def bits(self) -> Any:
        """Of each token but the first."""
        rows = range(len(self.labels) - 1)
        return np.array([-np.log2(self.shares[n, self.trace.token_ids[n + 1]]) for n in rows])


def rare_word(read: Read) -> bool:
    first, *rest = read.bits()[read.at - 1 : read.at + 2]
    return read.labels[read.at : read.at + 3] == ["·extra", "ord", "inary"] and first > 10 and max(rest) < 1


def noun_is_due(read: Read) -> bool:
    values, nouns = read.neuron(), ("·woman", "·boy", "·apple", "·sister", "·basket")
    before = ("The", "·the", "·a", "·his", "·old", "·little", "·red", "·big")
    due = [n for n, label in enumerate(read.labels) if label in before]
    return min(values[due]) > 3 and max(values[[read.labels.index(noun) for noun in nouns]]) < 0


def sentence_ends(read: Read) -> bool:
    values = read.neuron()
    stops = [label == "." for label in read.labels]
    written = read.subject.model.network.transformer.h[5].mlp.c_proj.weight[read.selection.neuron]  # type: ignore[union-attr,index]
    raised = (read.subject.model.output_head.weight @ (written - written.mean())).topk(10).indices.tolist()
    labels = [read.subject.model.vocabulary.piece(n).label.strip("·") for n in raised]
    begins = sum(label[:1].isupper() for label in labels)
    return min(values[stops]) > 3 and max(values[np.logical_not(stops)]) < 0.5 and begins >= 8


def one_word_decides(read: Read) -> bool:
    """With each token's embedding replaced by the mean one."""
    network: Any = read.subject.model.network
    table = network.transformer.wte.weight
    text = table[torch.from_numpy(read.trace.token_ids)]
    texts = text.repeat(len(text) + 1, 1, 1)
    for n in range(len(text)):
        texts[n, n] = table.mean(0)
    with torch.inference_mode():
        logits = network(inputs_embeds=texts).logits[:, -1]
    she, he = read.id(" she"), read.id(" he")
    *without, lead = (logits[:, she] - logits[:, he]).tolist()
    girl = without[read.labels.index("·girl")]
    return read.best() == "·she" and girl == min(without) < 0.2 * lead


CLAIMS: dict[str, Callable[[Read], bool]] = {
    "A story begins": lambda read: read.looks_at("·girl") and read.best() == "·She",
    "The same words twice": lambda read: (
        read.labels[read.at or 0] == "·red" and read.looks_at("·apple") and read.best() == "·apple"
    ),
    "He or she": lambda read: read.best() == "·he" and read.best("The princess was so tired that") == "·she",
    "A quotation is open": lambda read: read.labels[read.at or 0] == "·river" and read.looks_at('·"'),
    "A rare word": rare_word,
    "A wrong word": lambda read: read.labels[1 + int(read.bits().argmax())] == "·castle" and read.bits().max() > 15,
    "Learned by heart": lambda read: read.best() == "·Oz" and read.shares[-1].max() > 0.9,
    "An early answer": lambda read: set(read.lens()) == {"·other"},
    "A late answer": lambda read: read.lens()[-2:] == ["·down", "·asleep"],
    "A noun is due": noun_is_due,
    "A sentence ends": sentence_ends,
    "One word decides": one_word_decides,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_example_says_is_true_of_the_bundled_model_and_of_no_random_one(
    bundled: Subject,  # noqa: F811
    untrained: Callable[[int], Subject],  # noqa: F811
    name: str,
) -> None:
    claim, one = CLAIMS[name], EXAMPLES[name]
    assert claim(Read(bundled, one))
    assert not claim(Read(untrained(0), one))


def test_the_menu_says_what_to_look_for_and_opens_what_shows_it(bundled: Subject) -> None:  # noqa: F811
    links = examples_menu().children[1].children
    assert len(links) == len(EXAMPLES) == 12
    controls = {setting for panel in PANELS for setting in panel.settings} | {"compare-text", "compare-side"}
    for link, (name, one) in zip(links, EXAMPLES.items(), strict=True):
        assert [part.children for part in link.children] == [name, one.look]
        assert parse_qs(link.href.removeprefix("#")) == {"text": [one.text]}
        view = {key: value for key, (value,) in parse_qs(getattr(link, "data-address")).items()}
        assert (view.pop("model"), view.pop("text"), view.pop("select")) == ("bundled", one.text, one.select)
        assert view.pop("tabs") in [panel.name for panel in PANELS]
        assert set(view) <= controls
        trace = bundled.trace(one.text)
        Selection.parse(one.select).checked(trace.info, trace.n_positions)
