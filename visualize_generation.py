"""Notebook interface to predictions and generation: the next token, and a text that the model continues."""

from __future__ import annotations

from analysis.causes.role import compute_prediction_and_role
from analysis.generation.continuation import compute_continuation
from analysis.generation.sampling import Sampling
from analysis.models.open import ModelLike, chosen_model
from analysis.models.sentence import read_part, read_sentence
from analysis.prediction import compute_prediction
from analysis.selection import Part, Selection
from layouts.figures.continuation_table import ContinuationTable
from layouts.figures.standalone import FigureOfResults, standalone, titled
from layouts.figures.summary import summary_figure, summary_reading


def continue_text(
    sentence: str,
    n_tokens: int = 20,
    *,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    model: ModelLike | None = None,
) -> ContinuationTable:
    """Let the model write on after a sentence: at most `n_tokens` tokens, up to 200, or until it ends the text.

    temperature: 0 always takes the most probable token (greedy); above 0, tokens are drawn, with equal seeds alike.
    top_k: the number of most probable tokens that may be drawn (0: all); top_p: of these the fewest whose probabilities
    add up to this share (1: all). The result's `text` is what was written; it has each token's probability and rank.
    Raises: AnalysisError for a sentence, a number or a model that cannot be used.
    """
    shown, trace, _ = read_sentence(chosen_model(model), sentence, None)
    sampling = Sampling(temperature, top_k, top_p, seed)
    result = compute_continuation(shown, trace, n_tokens=n_tokens, sampling=sampling)
    raw = b"".join(shown.vocabulary.bytes(piece.id) for piece in result.written)
    return ContinuationTable(f"{shown.name} · “{sentence}”", raw.decode(errors="replace"), result)


def plot_prediction(
    sentence: str, *, select: str | None = None, position: int | None = None, model: ModelLike | None = None
) -> FigureOfResults:
    """The most probable next tokens after `position` (by default the last).

    select: what the model would predict if it stopped at this part's block (the logit lens); by default, what it does.
    Raises: AnalysisError for a sentence, a part, a number or a model that cannot be shown.
    """
    shown, trace, _ = read_sentence(chosen_model(model), sentence, position)
    part, here = read_part(trace, select, position)
    result, _ = compute_prediction_and_role(shown, trace, part, here)  # to the bit as on the page
    end = compute_prediction(shown, trace, Selection(Part.OUTPUT), here)
    return standalone(
        [summary_figure(result)],
        [260],
        title=titled(f"Selection · {part.part if part.block is None else f'block {part.block}'}", sentence),
        sentences=[summary_reading(result, end)],
        results={"summary": result},
    )
