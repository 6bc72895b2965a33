"""Lesson 2: attention looks back."""

from analysis.attention import find_opening
from analysis.lessons.lesson import (
    A_STORY,
    COPIES,
    Claim,
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
from analysis.trace import Trace

TITLE = "Attention looks back"
_ALWAYS = 0.8  # share of attention that makes a habit
_MUCH = 0.5  # of one token's attention
_WIDER = 2  # bits


def attention_looks_back(subject: Subject) -> Lesson:
    """A head that looks one token back, one that finds a word, one that finds nothing, and the widest."""
    trace = subject.trace(A_STORY)
    return Lesson(
        TITLE, (_one_back(subject, trace), _one_word(trace), _nothing(subject, trace), _widest(subject, trace))
    )


def _one_back(subject: Subject, trace: Trace) -> LessonView:
    head = subject.best_head("previous")
    share = float(subject.head_scores(trace)["previous"][head])
    facts = f"{head_words(head)} gives {percent(share)} of it to the token just before, on average"
    return LessonView(
        "One step back",
        (
            "Each row of the picture shares out 100% of one token’s attention over the columns: itself and those "
            "before it, never what comes later.",
            Claim(
                share > _ALWAYS,
                f"Whatever the words are, {facts}.",
                f"In this model no head always looks one step back: {facts}.",
            ),
        ),
        A_STORY,
        f"{head_text(head)}@{trace.n_positions - 1}",
        ("attention",),
        {"architecture-color": "previous"},
    )


def _one_word(trace: Trace) -> LessonView:
    opening = find_opening(trace)
    assert opening is not None  # which only shorter texts have none of
    head = opening.block, opening.head
    facts = f"from {quoted(opening.query)}, {head_words(head)} gives {percent(opening.share)} to {quoted(opening.key)}"
    n_back = opening.query.position - opening.key.position
    return LessonView(
        "A word that matters",
        (
            "Other heads choose by what the tokens are, and not by where they stand.",
            Claim(
                opening.share > _MUCH,
                f"At the end of the sentence, {facts}, {n_back} tokens back.",
                f"In this model no head looks at one word at the end of the sentence: {facts}.",
            ),
        ),
        A_STORY,
        f"{head_text(head)}@{opening.query.position}",
        ("attention",),
    )


def _nothing(subject: Subject, trace: Trace) -> LessonView:
    scores = subject.head_scores(trace)["first"]
    head = highest(scores)
    share, copies = float(scores[head]), float(subject.head_scores()["induction"][head])
    facts = f"{head_words(head)} gives {percent(share)} of its attention to the first token, on average"
    return LessonView(
        "Nothing to find",
        (
            "Attention always sums to 100%, also where a head finds nothing.",
            Claim(
                share > _ALWAYS and copies > COPIES,
                f"Here {facts}: it is there for words that come twice (next lesson), and here are none.",
                f"In this model no head that copies rests on the first token: {facts}.",
            ),
        ),
        A_STORY,
        f"{head_text(head)}@{trace.n_positions - 1}",
        ("attention",),
        {"architecture-color": "first"},
    )


def _widest(subject: Subject, trace: Trace) -> LessonView:
    entropy = subject.head_scores(trace)["entropy"]
    wide, narrow = highest(entropy), highest(-entropy)
    bits = {head: float(entropy[head]) for head in (wide, narrow)}
    facts = f"{head_words(wide)} spreads its attention over {2 ** bits[wide]:.0f} tokens ({decimal(bits[wide])} bits), "
    facts += f"and {head_words(narrow)} over {decimal(2 ** bits[narrow])} ({decimal(bits[narrow])} bits)"
    return LessonView(
        "Wide and narrow",
        (
            "How widely a head looks is its entropy: the bits that it takes to say at which token.",
            Claim(
                bits[wide] - bits[narrow] > _WIDER,
                f"On average, {facts}.",
                f"In this model all heads look about as widely: {facts}.",
            ),
        ),
        A_STORY,
        f"{head_text(wide)}@{trace.n_positions - 1}",
        ("attention",),
        {"architecture-color": "entropy"},
    )
