"""Notebook interface to comparisons: a sentence, A, with a second question, B, and the figures of A − B.

The functions of `visualize` call these if they are given `compare` or `compare_model`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from analysis.causes.sweep import compute_sweep
from analysis.comparison.activation import compute_activation_difference
from analysis.comparison.attention import compute_attention_difference
from analysis.comparison.attribution import compute_attribution_difference
from analysis.comparison.effect import compute_effect_difference, compute_sweep_difference, misfit_in_either
from analysis.comparison.embedding import compute_embedding_difference
from analysis.comparison.logit_lens import compute_lens_cells_difference, compute_logit_lens_difference
from analysis.comparison.pair import Comparison, compare_traces
from analysis.comparison.problem import incomparable
from analysis.comparison.saliency import compute_saliency_difference
from analysis.errors import AnalysisError, SelectionError
from analysis.models.open import ModelLike
from analysis.models.sentence import read_sentence
from analysis.prediction import final_prediction
from analysis.saliency import compute_saliency
from analysis.selection import Part, Selection
from layouts.figures.activation import activation_figure, activation_neuron_figure, activation_neurons_figure
from layouts.figures.attention import attention_label
from layouts.figures.attribution import attribution_figure
from layouts.figures.attribution_charts import attribution_bars_figure, attribution_depth_figure
from layouts.figures.comparison.activation import activation_difference_reading
from layouts.figures.comparison.attention import attention_difference_figure, attention_difference_reading
from layouts.figures.comparison.attribution import attribution_difference_reading
from layouts.figures.comparison.effect import (
    effect_difference_figure,
    effect_difference_numbers,
    effect_difference_reading,
    effect_sweep_difference_reading,
)
from layouts.figures.comparison.embedding import embedding_difference_figure, embedding_difference_reading
from layouts.figures.comparison.logit_lens import (
    logit_lens_difference_depth_figure,
    logit_lens_difference_figure,
    logit_lens_difference_reading,
)
from layouts.figures.comparison.saliency import (
    saliency_difference_figure,
    saliency_difference_numbers,
    saliency_difference_reading,
)
from layouts.figures.effect import effect_note, effect_sweep_figure
from layouts.figures.saliency import saliency_depth_figure
from layouts.figures.saliency_numbers import saliency_warning
from layouts.figures.standalone import FigureOfResults, standalone, titled
from layouts.figures.text import quoted

if TYPE_CHECKING:
    from analysis.activation import ActivationNeurons, ActivationQuantity
    from analysis.attention import ShownView
    from analysis.causes.intervention import Intervention, Replacement
    from analysis.embedding import Dimensions, Projection, Scale
    from analysis.models.language_model import LanguageModel
    from analysis.saliency import SaliencyMethod
    from analysis.saliency_methods.baselines import Baseline
    from analysis.trace import Trace
    from layouts.figures.embedding import Paths


@dataclass(frozen=True, eq=False)
class Pair:
    """A sentence that is compared with another, or with the same one in another model.

    Attributes
    ----------
    model, other_model
        Those of A and of B.
    comparison
        The traces of both, and which of their tokens stand for each other.
    position
        The position of A that is looked at.
    """

    model: LanguageModel
    other_model: LanguageModel
    comparison: Comparison
    position: int

    @property
    def models(self) -> tuple[LanguageModel, LanguageModel]:
        """Both models."""
        return self.model, self.other_model

    @property
    def place(self) -> str:
        """The position of A and its token, in words."""
        return f"position {self.position}, {quoted(self.comparison.a.tokens[self.position].label)}"

    def check_logits(self) -> int:
        """The position of B that stands for that of A, checked to have logits that can be compared.

        Raises: SelectionError if the models have different vocabularies, B has no such position, or logits are not
        finite.
        """
        if reason := incomparable(self.comparison, *self.models, self.position):
            raise SelectionError(reason)
        return self.comparison.counterpart(self.position)

    def predicted(self) -> int:
        """The id of the token that is most probable in A, whose logit is explained in both."""
        return final_prediction(self.model, self.comparison.a, self.position).top[0][0].id

    def drawn(
        self, title: str, figures: Sequence[tuple[go.Figure, int]], *sentences: str, results: Mapping[str, Any]
    ) -> FigureOfResults:
        """Standalone figure of a comparison: its title names A, and its first sentence names B.

        figures: each with its height in pixels.
        results: what they are drawn from, by name.
        """
        first, second = self.comparison.a.prompt.text, self.comparison.b.prompt.text
        text = "the same sentence" if first == second else f"“{second}”"
        model = "" if self.model is self.other_model else f" in the model {self.other_model.name}"
        return standalone(
            [figure for figure, _ in figures],
            [height for _, height in figures],
            title=titled(title, first),
            sentences=[f"B is {text}{model}.", *sentences],
            results=results,
        )


def compared(
    model: LanguageModel, trace: Trace, position: int, compare: str | None, compare_model: ModelLike | None
) -> Pair | None:
    """What a sentence is compared with; None if neither a sentence nor a model is given for B.

    model, trace, position: those of A, which B has where nothing else is given.
    Raises: AnalysisError for a sentence or a model that cannot be shown.
    """
    if compare is None and compare_model is None:
        return None
    other = model if compare_model is None else compare_model
    sentence = trace.prompt.text if compare is None else compare
    with in_b():
        other_model, other_trace, _ = read_sentence(other, sentence, None, frames=3)
    return Pair(model, other_model, compare_traces(model, trace, other_model, other_trace), position)


@contextmanager
def in_b() -> Iterator[None]:
    """Let the message of an error say that it is about B."""
    try:
        yield
    except AnalysisError as problem:
        raise type(problem)(f"In B: {problem}") from problem


def activation_difference(
    pair: Pair, part: Selection, quantity: ActivationQuantity, listing: ActivationNeurons
) -> FigureOfResults:
    """The stream's lengths in A minus those in B, and neurons if both models have equally many of them."""
    comparison, block = pair.comparison, part.block
    result = compute_activation_difference(comparison, part, pair.position, quantity=quantity, listing=listing)
    figures = [(activation_figure(result), 280)]
    is_aligned = not comparison.missing_position(pair.position)
    if result.values is not None and (is_aligned or result.chosen):
        figures.append((activation_neuron_figure(result), 180))
    if result.values is not None and is_aligned:
        figures.append((activation_neurons_figure(result), 180))
    reason = comparison.unequal("n_neurons", "Neurons") or comparison.missing_block(block or 0)
    title = f"Activations · A − B · {part.part if block is None else f'block {block}'}"
    reading = activation_difference_reading(result)
    return pair.drawn(title, figures, reading, *([reason] if block is not None else []), results={"activation": result})


def attention_difference(pair: Pair, part: Selection, view: ShownView) -> FigureOfResults:
    """A head's attention in A minus that in B."""
    result = compute_attention_difference(pair.models, pair.comparison, part, pair.position, view=view)
    title = f"Attention · A − B · {attention_label(result)}"
    figures = [(attention_difference_figure(result), 560)]
    return pair.drawn(title, figures, attention_difference_reading(result), results={"difference": result})


def embedding_difference(
    pair: Pair,
    part: Selection,
    method: Projection,
    dimensions: Dimensions,
    scale: Scale,
    *,
    paths: Paths,
    areas: tuple[int, int],
) -> FigureOfResults:
    """The tokens of A and of B in one space. areas: of labels, in pixels."""
    result = compute_embedding_difference(
        pair.comparison, part, pair.position, method=method, dimensions=dimensions, scale=scale
    )
    figure = embedding_difference_figure(result, paths=paths, label_area=areas)
    where = "before block 0" if part.block is None else f"after block {part.block}"
    reading = embedding_difference_reading(result)
    return pair.drawn(f"Embeddings · A − B · {where}", [(figure, 520)], reading, results={"difference": result})


def logit_lens_difference(pair: Pair, part: Selection, pins: tuple[int, ...]) -> FigureOfResults:
    """How far the readings of A and B are apart, and the tokens that are followed in both."""
    cells = compute_lens_cells_difference(pair.comparison, *pair.models)
    result = compute_logit_lens_difference(
        pair.comparison, *pair.models, cells, part, position=pair.position, pins=pins
    )
    figures = [
        (logit_lens_difference_figure(result, width=720), 360),
        (logit_lens_difference_depth_figure(result, quantity="probability"), 180),
        (logit_lens_difference_depth_figure(result, quantity="rank"), 180),
    ]
    reading = logit_lens_difference_reading(result)
    return pair.drawn(f"Logit lens · A − B · {pair.place}", figures, reading, results={"difference": result})


def saliency_difference(
    pair: Pair, target: int | None, against: int | None, method: SaliencyMethod, baseline: Baseline
) -> FigureOfResults:
    """The attributions to the tokens of A, of B, and A − B, of the logit of the same token."""
    there = pair.check_logits()
    explained = pair.predicted() if target is None else target
    choices: dict[str, Any] = {"against": against, "method": method, "baseline": baseline}
    a = compute_saliency(pair.model, pair.comparison.a, pair.position, target=target, **choices)
    with in_b():
        b = compute_saliency(pair.other_model, pair.comparison.b, there, target=explained, **choices)
    result = compute_saliency_difference(pair.comparison, a, b)
    figures = [(saliency_difference_figure(result), 400)]
    figures += [] if result.depth is None else [(saliency_depth_figure(result, compared=True), 320)]
    warnings = [(side, saliency_warning(each)) for side, each in (("A", a), ("B", b))]
    return pair.drawn(
        f"Saliency · A − B · logit of {quoted(a.target.label)} after position {pair.position}",
        figures,
        saliency_difference_reading(result),
        *(f"{side}: {words}" for side, words in warnings if words),
        " · ".join(f"{name} {value}" for name, value in saliency_difference_numbers(result)),
        results={"saliency": result},
    )


def attribution_difference(pair: Pair, asked: Selection, against: int | None) -> FigureOfResults:
    """Direct attribution of A minus B: each part's share of the logit of the same token."""
    pair.check_logits()
    result = compute_attribution_difference(pair.comparison, *pair.models, asked, pair.position, against=against)
    draws = (attribution_figure, 340), (attribution_bars_figure, 260), (attribution_depth_figure, 200)
    figures = [(draw(result, compared=True), height) for draw, height in draws]
    title, reading = f"Direct attribution · A − B · {pair.place}", attribution_difference_reading(result)
    return pair.drawn(title, figures, reading, results={"attribution": result})


def sweep_difference(
    pair: Pair, replacement: Replacement, everywhere: bool, target: int | None, against: int | None
) -> FigureOfResults:
    """The effect of removing each head and each MLP alone in A minus that in B, on the logit of the same token."""
    there = pair.check_logits()
    followed = pair.predicted() if target is None else target
    choices: dict[str, Any] = {"replacement": replacement, "everywhere": everywhere, "against": against}
    choices["target"] = followed
    a = compute_sweep(pair.model, pair.comparison.a, pair.position, **choices)
    with in_b():
        b = compute_sweep(pair.other_model, pair.comparison.b, there, **choices)
    result = compute_sweep_difference(pair.comparison, a, b)
    return pair.drawn(
        f"What if · A − B · each part removed · position {pair.position}",
        [(effect_sweep_figure(result, Selection(Part.OUTPUT), compared=True), 340)],
        effect_sweep_difference_reading(result),
        effect_note([], replacement),
        results={"sweep": result},
    )


def removal_difference(
    pair: Pair, interventions: Sequence[Intervention], target: int | None, against: int | None
) -> FigureOfResults:
    """The predictions of A and of B with and without the same parts."""
    pair.check_logits()
    if problem := misfit_in_either(pair.comparison, interventions):
        raise SelectionError(problem)
    effects = compute_effect_difference(
        pair.comparison,
        *pair.models,
        position=pair.position,
        interventions=interventions,
        target=pair.predicted() if target is None else target,
        against=against,
    )
    return pair.drawn(
        f"What if · A − B · position {pair.position}",
        [(effect_difference_figure(*effects), 320)],
        effect_difference_reading(*effects),
        " · ".join(f"{name} {value}" for name, value in effect_difference_numbers(*effects)),
        effect_note([one.replacement for one in interventions], None),
        results={"a": effects[0], "b": effects[1]},
    )
