"""Lesson 4: where the answer forms.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from analysis.lessons.copying_heads import POSITION, induction_heads
from analysis.lessons.lesson import TWICE, Claim, Lesson, LessonView, Subject, percent, quoted
from analysis.logit_lens import LensCells, compute_lens_cells
from analysis.trace import Trace

TITLE = "Where the answer forms"
_NEARLY_ALL = 0.9  # probability
_FAR = 0.02  # of the vocabulary: a rank that is no candidate
_LATE = 0.5  # of the blocks
_MOST = 0.75  # of the positions


def where_the_answer_forms(subject: Subject) -> Lesson:
    """The logit lens at one token: at the start, halfway, and where the answer appears; and at all tokens."""
    trace = subject.trace(TWICE)
    cells = compute_lens_cells(subject.model, trace, derived=subject.derived(trace))
    return Lesson(
        TITLE,
        (
            _at_the_start(subject, trace, cells),
            _halfway(subject, trace, cells),
            _appears(subject, trace, cells),
            _everywhere(trace, cells),
        ),
    )


def settled(cells: LensCells, position: int) -> int:
    """The number of blocks after which the lens reads what the model answers in the end, and keeps to it."""
    tops = cells.top[:, position]
    others = [depth for depth, top in enumerate(tops) if top != tops[-1]]
    return max(others, default=-1) + 1


def _view(name: str, trace: Trace, after: int, *sentences: str | Claim) -> LessonView:
    """A view of the logit lens. after: the number of blocks passed."""
    part = f"block.{after - 1}.mlp" if after else "embedding"
    return LessonView(name, sentences, TWICE, f"{part}@{POSITION}", ("logit_lens",), {"large": "upper"})


def _at_the_start(subject: Subject, trace: Trace, cells: LensCells) -> LessonView:
    top, here = int(cells.top[0, POSITION]), trace.tokens[POSITION]
    piece, share = subject.model.vocabulary.piece(top), float(cells.probabilities[0, POSITION])
    facts = f"at {quoted(here)} it reads {quoted(piece)} with {percent(share)}"
    return _view(
        "At the start",
        trace,
        0,
        "The logit lens reads the residual stream as if the model ended there: which token would it predict next?",
        Claim(
            top == here.id and share > _NEARLY_ALL,
            f"Before the first block there is only the token itself: {facts}.",
            f"In this model it is unsure before the first block: {facts}.",
        ),
    )


def _halfway(subject: Subject, trace: Trace, cells: LensCells) -> LessonView:
    half = trace.info.n_blocks // 2
    rank = int(cells.output_ranks[half, POSITION])
    answer = quoted(subject.model.vocabulary.piece(int(cells.top[-1, POSITION])))
    facts = f"after block {half - 1}, {answer}, the model’s answer, has rank {rank:,} of {trace.info.n_vocab:,}"
    return _view(
        "Halfway",
        trace,
        half,
        "Each block adds to the stream, and what the lens reads changes from row to row.",
        Claim(
            rank > _FAR * trace.info.n_vocab,
            f"Half of the way is not half of the answer: {facts}.",
            f"In this model the answer is close halfway: {facts}.",
        ),
    )


def _appears(subject: Subject, trace: Trace, cells: LensCells) -> LessonView:
    after = settled(cells, POSITION)
    answer = quoted(subject.model.vocabulary.piece(int(cells.top[-1, POSITION])))
    before, share, last = (
        float(cells.output_probabilities[depth, POSITION]) for depth in (max(after - 1, 0), after, -1)
    )
    copying = [head for block, head in induction_heads(subject) if block == after - 1]
    words = f"{len(copying)} of the heads that copy are" if len(copying) > 1 else "a head that copies is"
    facts = f"{answer} goes from {percent(before)} to {percent(share)} in block {after - 1}"
    return _view(
        "The answer appears",
        trace,
        after,
        "Then, within one block, it is there.",
        Claim(
            bool(copying) and share > 10 * before and last > share,
            f"{facts}, where {words} (lesson 3), and what follows makes it surer: {percent(last)} in the end.",
            f"In this model no such step is seen: {answer} ends with {percent(last)}.",
        ),
    )


def _everywhere(trace: Trace, cells: LensCells) -> LessonView:
    half = _LATE * trace.info.n_blocks
    n_late = sum(settled(cells, position) > half for position in range(trace.n_positions))
    facts = f"at {n_late} of {trace.n_positions} tokens the answer is there only in the second half of the blocks"
    return _view(
        "At every token",
        trace,
        trace.info.n_blocks,
        "The picture shows this for every token at once: follow each column to where its last word comes.",
        Claim(
            n_late > _MOST * trace.n_positions,
            f"Most answers are late: {facts}.",
            f"In this model they are not late: {facts}.",
        ),
    )
