"""Lesson 6: why the model said that. Three ways to ask, and where they differ."""

import numpy as np
import torch

from analysis.attribution import AttributionResult, compute_attribution
from analysis.causes.intervention import Intervention, write_interventions
from analysis.effect import EffectResult, compute_effect
from analysis.lessons.lesson import (
    A_STORY,
    Claim,
    Head,
    Lesson,
    LessonView,
    Subject,
    decimal,
    head_text,
    head_words,
    highest,
    percent,
    quoted,
)
from analysis.saliency_methods.baselines import DEFAULT_BASELINE, embeddings
from analysis.selection import Part, Selection
from analysis.tokens import Piece
from analysis.trace import Float, Trace

TITLE = "Why the model said that"
_WORD, _OTHER_WORD = "girl", "boy"
_ANSWERS = " She", " He"
_CLEAR = 1.0  # logits
_MOST = 0.5  # of the lead, or of a head's attention


def why_the_model_said_that(subject: Subject) -> Lesson:
    """‘·She’, and not ‘·He’: which token, another word, which part, what it read, and what is left without it."""
    trace = subject.trace(A_STORY)
    she, he = (subject.model.vocabulary.piece(subject.model.tokenize(word)[0]) for word in _ANSWERS)
    position = trace.n_positions - 1
    result = compute_attribution(subject.model, trace, Selection(Part.OUTPUT, target=she.id), position, against=he.id)
    head = highest(result.heads.astype(np.float32))
    return Lesson(
        TITLE,
        (
            _question(subject, trace, result),
            _which_token(subject, trace, result),
            _other_word(subject, trace, result),
            _which_part(trace, result, head),
            _what_it_read(trace, result, head),
            _without(subject, trace, result, head),
        ),
    )


def occlusions(subject: Subject, trace: Trace, target: Piece, against: Piece) -> Float:
    """(n_positions,): the loss of a difference of two logits when one token's embedding is replaced by the mean one."""
    # As `compute_saliency` gives it, which is not called here: it loads captum's 25 MB, which only jobs do.
    text, baseline = embeddings(subject.model, trace, trace.n_positions - 1, DEFAULT_BASELINE)
    texts = text.repeat(trace.n_positions + 1, 1, 1)  # the last one as it is
    for position in range(trace.n_positions):
        texts[position, position] = baseline[0, position]
    with torch.inference_mode():
        logits = subject.model.network(inputs_embeds=texts, use_cache=False, logits_to_keep=1).logits[:, -1]
    leads = (logits[:, target.id] - logits[:, against.id]).numpy()
    lost: Float = leads[-1] - leads[:-1]
    return lost


def _view(
    name: str,
    result: AttributionResult,
    part: str,
    panels: tuple[str, ...],
    *sentences: str | Claim,
    settings: dict[str, str] | None = None,
) -> LessonView:
    assert result.against is not None
    against = str(result.against.id)
    return LessonView(
        name,
        sentences,
        A_STORY,
        f"{part}@{result.position}~{result.target.id}",
        panels,
        {
            "attribution-against": against,
            "saliency-against": against,
            "saliency-method": "occlusion",
            "effect-against": against,
            "architecture-color": "attribution",
            **(settings or {}),
        },
    )


def _rivals(result: AttributionResult) -> tuple[str, str]:
    assert result.against is not None
    return quoted(result.target), quoted(result.against)


def _question(subject: Subject, trace: Trace, result: AttributionResult) -> LessonView:
    she, he = _rivals(result)
    shares = _probabilities(subject, trace, result)
    facts = f"{she} gets {percent(shares[0])} and {he} {percent(shares[1])}, a lead of {decimal(result.logit)} logits"
    return _view(
        "A question with two answers",
        result,
        "output",
        ("attribution", "summary"),
        "To ask why a model said something, name what it might have said instead.",
        Claim(
            result.logit > _CLEAR and subject.prediction(trace, result.position)[0].id == result.target.id,
            f"After the story’s first sentence, {facts}.",
            f"This model does not prefer {she}: {facts}.",
        ),
    )


def _which_token(subject: Subject, trace: Trace, result: AttributionResult) -> LessonView:
    assert result.against is not None
    lost = occlusions(subject, trace, result.target, result.against)
    most = int(lost.argmax())
    she, he = _rivals(result)
    facts = f"without {quoted(trace.tokens[most])}, the lead of {she} over {he} falls by {decimal(float(lost[most]))} "
    facts += "logits"
    return _view(
        "Which word?",
        result,
        "output",
        ("attribution", "saliency"),
        "Saliency asks which tokens the answer rests on; occlusion blanks each in turn and measures what is lost.",
        Claim(
            trace.tokens[most].label == f"·{_WORD}" and float(lost[most]) > _CLEAR,
            f"One token carries it: {facts}, more than without any other.",
            f"In this model it is not ‘·{_WORD}’: {facts}, more than without any other.",
        ),
    )


def _other_word(subject: Subject, trace: Trace, result: AttributionResult) -> LessonView:
    text = A_STORY.replace(_WORD, _OTHER_WORD)
    other = subject.trace(text)
    she, he = _rivals(result)
    shares = _probabilities(subject, other, result)
    facts = f"with ‘·{_OTHER_WORD}’ in its place, {he} gets {percent(shares[1])} and {she} {percent(shares[0])}"
    return _view(
        "Another word",
        result,
        "output",
        ("attribution", "summary"),
        f"The plainest test needs no method: B is the same sentence about a {_OTHER_WORD}.",
        Claim(
            shares[1] > shares[0] and shares[1] > 5 * _probabilities(subject, trace, result)[1],
            f"The answer follows the word: {facts}.",
            f"In this model the answer does not follow the word: {facts}.",
        ),
        settings={"compare-text": text, "compare-side": "b"},
    )


def _which_part(trace: Trace, result: AttributionResult, head: Head) -> LessonView:
    share = float(result.heads[head])
    she, he = _rivals(result)
    facts = f"of the lead of {she} over {he}, {decimal(result.logit)} logits, {head_words(head)} writes "
    facts += f"{decimal(share)}"
    return _view(
        "Which part?",
        result,
        head_text(head),
        ("attribution",),
        "Direct attribution asks which part wrote the answer; the shares of all parts sum to the whole.",
        Claim(
            share > max(_CLEAR, _MOST * result.logit) and result.logit > 0,
            f"One head stands out: {facts}.",
            f"In this model no head stands out: {facts}.",
        ),
    )


def _what_it_read(trace: Trace, result: AttributionResult, head: Head) -> LessonView:
    row = trace.attention(head[0], at=(head[1], result.position))
    key = int(row.argmax())
    facts = f"from {quoted(trace.tokens[result.position])} it gives {percent(float(row[key]))} of its attention to "
    facts += quoted(trace.tokens[key])
    return _view(
        "What did it read?",
        result,
        head_text(head),
        ("attention",),
        "A head can only write what it has read somewhere.",
        Claim(
            trace.tokens[key].label == f"·{_WORD}" and float(row[key]) > _MOST,
            f"This one read the same word that saliency named: {facts}.",
            f"In this model it did not read ‘·{_WORD}’: {facts}.",
        ),
    )


def _without(subject: Subject, trace: Trace, result: AttributionResult, head: Head) -> LessonView:
    itself = subject.best_head("self")
    one, other = (_effect(subject, trace, result, part) for part in (head, itself))
    facts = f"without {head_words(head)} the lead is {decimal(one.after.logit)} instead of {decimal(one.before.logit)}"
    more = f"without {head_words(itself)}, which writes {decimal(float(result.heads[itself]))} itself, it is "
    more += decimal(other.after.logit)
    return _view(
        "And without it?",
        result,
        head_text(head),
        ("effect",),
        "Removal asks what the answer would be without the part.",
        Claim(
            one.effect < -_CLEAR and other.effect < one.effect and float(result.heads[itself]) < _CLEAR / 2,
            f"It agrees about this one: {facts}; but {more}, as later parts build on it.",
            f"In this model it does not agree: {facts}; {more}.",
        ),
        settings={"effect-removed": write_interventions(_removed(head))},
    )


def _removed(head: Head) -> list[Intervention]:
    return [Intervention(head[0], "head", head[1], None, "mean")]


def _effect(subject: Subject, trace: Trace, result: AttributionResult, head: Head) -> EffectResult:
    assert result.against is not None
    return compute_effect(
        subject.model,
        trace,
        result.position,
        interventions=_removed(head),
        target=result.target.id,
        against=result.against.id,
        derived=subject.derived(trace),
    )


def _probabilities(subject: Subject, trace: Trace, result: AttributionResult) -> tuple[float, float]:
    """Those of both answers after a text."""
    assert result.against is not None
    logits = subject.model.logits(trace, trace.n_positions - 1).astype(np.float64)
    exponentials = np.exp(logits - logits.max())
    target, against = exponentials[[result.target.id, result.against.id]] / exponentials.sum()
    return float(target), float(against)
