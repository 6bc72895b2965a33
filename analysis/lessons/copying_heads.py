"""Lesson 3: two heads that copy.

Source: Elhage et al. 2021, "A mathematical framework for transformer circuits"; Olsson et al. 2022, "In-context
learning and induction heads".
"""

import numpy as np

from analysis.attribution import compute_attribution
from analysis.causes.intervention import Intervention, write_interventions
from analysis.causes.shares import Logits
from analysis.effect import EffectResult, compute_effect
from analysis.lessons.lesson import (
    COPIES,
    TWICE,
    Claim,
    Head,
    Lesson,
    LessonView,
    Subject,
    decimal,
    head_text,
    head_words,
    percent,
    quoted,
)
from analysis.selection import Part, Selection
from analysis.strip import compute_strip
from analysis.trace import Trace

TITLE = "Two heads that copy"
POSITION = 14  # ‘·red’ the second time; ‘·apple’ follows
_EASIER = 0.5  # surprisal the second time, as a share of the first
_ALWAYS = 0.8  # share of attention that makes a habit
_MUCH = 0.3  # of one token's attention
_CLEAR = 1.0  # logits
_MORE = 2  # times the effect of one head


def two_heads_that_copy(subject: Subject) -> Lesson:
    """A text that says the same twice; the two heads that continue it; and what happens without them."""
    trace = subject.trace(TWICE)
    return Lesson(
        TITLE,
        (
            _second_time(subject, trace),
            _previous(subject, trace),
            _induction(subject, trace),
            _written(subject, trace),
            _together(subject, trace),
            _costlier(subject, trace),
        ),
    )


def second_times(trace: Trace) -> list[tuple[int, int]]:
    """The positions of each token that comes twice: in the first half of the text, and in the second."""
    ids, half = trace.token_ids, (trace.n_positions + 1) // 2
    return [(n - half, n) for n in range(half + 1, trace.n_positions) if ids[n] == ids[n - half]]


def induction_heads(subject: Subject) -> list[Head]:
    """The heads that copy on the probe; if there are none, the best of all."""
    scores = subject.head_scores()["induction"]
    found = [(int(block), int(head)) for block, head in np.argwhere(scores >= COPIES)]
    return found or [subject.best_head("induction")]


def without(subject: Subject, trace: Trace, heads: list[Head]) -> EffectResult:
    """Mean ablation: the repeated token’s prediction with some heads replaced by their means over the text."""
    return compute_effect(
        subject.model,
        trace,
        POSITION,
        interventions=_removed(heads),
        target=int(trace.token_ids[POSITION + 1]),
        derived=subject.derived(trace),
    )


def _shares(subject: Subject, trace: Trace) -> Logits:
    """The direct attribution of each head to the repeated token, (n_blocks, n_heads)."""
    selection = Selection(Part.OUTPUT, target=int(trace.token_ids[POSITION + 1]))
    return compute_attribution(subject.model, trace, selection, POSITION).heads


def _removed(heads: list[Head]) -> list[Intervention]:
    return [Intervention(block, "head", head, None, "mean") for block, head in heads]


def _first(trace: Trace) -> int:
    """The first position of the token that comes again at `POSITION`."""
    return int((trace.token_ids == trace.token_ids[POSITION]).argmax())


def _select(head: Head, trace: Trace) -> str:
    """The head at the position, with the token that follows in the text as the target."""
    return f"{head_text(head)}@{POSITION}~{trace.token_ids[POSITION + 1]}"


def _second_time(subject: Subject, trace: Trace) -> LessonView:
    bits = compute_strip(subject.model, trace, derived=subject.derived(trace)).surprisal
    pairs = np.array(second_times(trace))
    before, after = (float(bits[column].mean()) for column in pairs.T)
    facts = f"a token costs {decimal(before)} bits the first time and {decimal(after)} the second"
    return LessonView(
        "The second time is easy",
        (
            "This sentence says the same words twice, and nobody has told the model to repeat them.",
            Claim(
                after < _EASIER * before,
                f"Still it expects them, as the colour of the tokens shows: on average {facts}.",
                f"This model does not expect them: on average {facts}.",
            ),
        ),
        TWICE,
        f"output@{POSITION}",
        ("logit_lens", "summary"),
        {"strip-color": "surprisal"},
        marked="strip",
    )


def _previous(subject: Subject, trace: Trace) -> LessonView:
    head = subject.best_head("previous")
    after = _first(trace) + 1
    share = float(trace.attention(head[0], at=(head[1], after, after - 1)))
    here, before = quoted(trace.tokens[after]), quoted(trace.tokens[after - 1])
    facts = f"from the first {here} it gives {percent(share)} to {before}"
    return LessonView(
        "Head one: what came before me?",
        (
            f"The first of two heads works early: {head_words(head)} notes in each token which one came before it.",
            Claim(share > _ALWAYS, f"Here {facts}.", f"In this model it does not: here {facts}."),
        ),
        TWICE,
        f"{head_text(head)}@{after}",
        ("attention",),
        {"architecture-color": "previous"},
    )


def _induction(subject: Subject, trace: Trace) -> LessonView:
    head = subject.best_head("induction")
    row = trace.attention(head[0], at=(head[1], POSITION))
    after = _first(trace) + 1
    here, there = quoted(trace.tokens[POSITION]), quoted(trace.tokens[after])
    facts = f"from the second {here}, {head_words(head)} gives {percent(float(row[after]))} to {there}"
    return LessonView(
        "Head two: what came after me?",
        (
            "The second head, in a later block, looks for the token whose note names the word it is at: induction.",
            Claim(
                float(row[after]) > _MUCH and int(row.argmax()) == after,
                f"So it finds what came after that word the first time: {facts}.",
                f"In this model it does not find it: {facts}.",
            ),
        ),
        TWICE,
        _select(head, trace),
        ("attention",),
        {"architecture-color": "induction"},
    )


def _written(subject: Subject, trace: Trace) -> LessonView:
    heads = induction_heads(subject)
    target = int(trace.token_ids[POSITION + 1])
    shares = _shares(subject, trace)
    strongest = max(heads, key=lambda head: float(shares[head]))
    total = float(sum(shares[head] for head in heads))
    best, share = subject.prediction(trace, POSITION)
    facts = f"{_count(heads)} together write {decimal(total)} logits towards {quoted(trace.tokens[POSITION + 1])}"
    return LessonView(
        "What they write",
        (
            "What a head copies into the residual stream is a vote for the next token: its direct attribution.",
            Claim(
                total > _CLEAR and best.id == target,
                f"Here {facts}, which gets {percent(share)}.",
                f"In this model {facts}, and its first choice is {quoted(best)} with {percent(share)}.",
            ),
        ),
        TWICE,
        _select(strongest, trace),
        ("attribution",),
        {"architecture-color": "attribution"},
    )


def _together(subject: Subject, trace: Trace) -> LessonView:
    heads, best = induction_heads(subject), subject.best_head("induction")
    one, all_of_them = without(subject, trace, [best]), without(subject, trace, heads)
    facts = f"without {head_words(best)}, the logit of {quoted(one.target)} changes by {decimal(one.effect)}; without "
    facts += f"{_count(heads)}, by {decimal(all_of_them.effect)}, from {percent(all_of_them.before.probability)} "
    facts += f"to {percent(all_of_them.after.probability)}"
    return LessonView(
        "They stand in for each other",
        (
            "When one is removed, the others do its work.",
            Claim(
                one.effect < 0 and all_of_them.effect < min(-_CLEAR, _MORE * one.effect),
                f"So one alone says little: {facts}.",
                f"In this model that is not so: {facts}.",
            ),
        ),
        TWICE,
        _select(best, trace),
        ("effect",),
        {"effect-removed": write_interventions(_removed(heads))},
    )


def _costlier(subject: Subject, trace: Trace) -> LessonView:
    itself = subject.best_head("self")
    scores = subject.head_scores()
    effect = without(subject, trace, [itself]).effect
    share = float(_shares(subject, trace)[itself])
    theirs = without(subject, trace, induction_heads(subject)).effect
    facts = f"without {head_words(itself)}, which gives {percent(float(scores['self'][itself]))} of its attention to "
    facts += f"the token itself, the logit changes by {decimal(effect)}; its own vote is {decimal(share)}"
    return LessonView(
        "Costly is not the same as copying",
        (
            "The costliest head need not be one that copies.",
            Claim(
                effect < min(theirs, -_CLEAR) and float(scores["induction"][itself]) < COPIES and share < -0.5 * effect,
                f"It is one that later parts build on: {facts}.",
                f"In this model it is no other one: {facts}.",
            ),
        ),
        TWICE,
        _select(itself, trace),
        ("effect",),
        {"effect-removed": write_interventions(_removed([itself]))},
    )


def _count(heads: list[Head]) -> str:
    return "this head" if len(heads) == 1 else f"all {len(heads)} heads that copy"
