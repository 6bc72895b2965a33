"""Lesson 1: what a token is."""

import numpy as np

from analysis.lessons.lesson import A_STORY, Claim, Lesson, LessonView, Subject, decimal, percent, quoted
from analysis.strip import compute_strip
from analysis.tokens import Piece
from analysis.trace import Float, Trace

TITLE = "What a token is"
_RARE_WORDS = (
    "The shepherdess was astonished at the extraordinary wickedness of the enchantress, and her bewilderment grew."
)
_PAIRS = (("king", "queen"), ("boy", "girl"), ("river", "stream"), ("red", "white"), ("two", "three"))
_PAIRS_TEXT = "The " + ", the ".join(f"{one} and the {other}" for one, other in _PAIRS) + "."
_SURE = 0.5  # probability
_FEW = 0.5  # of the surprisal at the beginning of a word


def what_a_token_is(subject: Subject) -> Lesson:
    """Pieces of words, their surprisal, their vectors, and the token that is predicted."""
    trace = subject.trace(_RARE_WORDS)
    return Lesson(
        TITLE,
        (_pieces(subject, trace), _surprise(subject, trace), _vectors(subject), _answer(subject)),
    )


def words_of(trace: Trace) -> list[list[int]]:
    """The positions of each word's tokens, in order; signs of punctuation are no words."""
    words: list[list[int]] = []
    for token in trace.tokens:
        if token.label.isalpha() and words and words[-1][-1] == token.position - 1:
            words[-1].append(token.position)
        elif token.label.removeprefix("·").isalpha():
            words.append([token.position])
    return words


def _surprisal(subject: Subject, trace: Trace) -> Float:
    return compute_strip(subject.model, trace, derived=subject.derived(trace)).surprisal


def _pieces(subject: Subject, trace: Trace) -> LessonView:
    chances = np.exp2(-_surprisal(subject, trace))
    word = max((word for word in words_of(trace) if len(word) > 2), key=lambda word: float(chances[word[1:]].min()))
    start, *rest = word
    label = "".join(trace.tokens[n].label for n in word)
    steps = [f"{quoted(trace.tokens[n])} {percent(float(chances[n]))}" for n in rest]
    facts = f"after {quoted(trace.tokens[start])} comes {', then '.join(steps)}"
    return LessonView(
        "Text in pieces",
        (
            f"A model reads tokens: pieces of text from a list of {trace.info.n_vocab:,}; “·” stands for a space.",
            Claim(
                float(chances[rest].min()) > _SURE,
                f"‘{label}’ is rare and comes in {len(word)} pieces, which the model puts together: {facts}.",
                f"‘{label}’ comes in {len(word)} pieces, which this model does not put together: {facts}.",
            ),
        ),
        _RARE_WORDS,
        f"output@{start}",
        ("logit_lens", "summary"),
        {"strip-color": "surprisal"},
        marked="strip",
    )


def _surprise(subject: Subject, trace: Trace) -> LessonView:
    bits = _surprisal(subject, trace)
    words = words_of(trace)
    first = float(np.nanmean(bits[[word[0] for word in words]]))
    later = float(np.mean(bits[[n for word in words for n in word[1:]]]))
    facts = f"tokens that begin a word cost {decimal(first)} bits on average, and those that go on with one "
    facts += f"{decimal(later)}"
    return LessonView(
        "Surprise",
        (
            "The colour in the row of tokens is surprisal: how unexpected each was to the model, in bits.",
            Claim(
                later < _FEW * first,
                f"Most of a word’s surprise is in its beginning: here {facts}.",
                f"In this model the beginning of a word does not stand out: here {facts}.",
            ),
        ),
        _RARE_WORDS,
        f"output@{int(np.nanargmax(bits)) - 1}",
        ("logit_lens", "summary"),
        {"strip-color": "surprisal"},
        marked="strip",
    )


def _vectors(subject: Subject) -> LessonView:
    trace = subject.trace(_PAIRS_TEXT)
    at = {token.label.strip("·"): token.position for token in trace.tokens}
    names = [name for pair in _PAIRS for name in pair]
    table = subject.model.network.get_input_embeddings().weight.detach().numpy()  # type: ignore[operator]
    vectors = table[[int(trace.token_ids[at[name]]) for name in names]]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    nearest = [names[n] for n in cosines.argmax(axis=1)]
    partner = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
    hits = sum(partner[name] == near for name, near in zip(names, nearest, strict=True))
    king, queen = _PAIRS[0]
    facts = f"for {hits} of these {len(names)} words, the other of the pair is nearest"
    cosine = decimal(float(cosines[names.index(king), names.index(queen)]))
    return LessonView(
        "A vector for each token",
        (
            f"Inside the model a token is a vector of {trace.info.d_model} numbers; “Embeddings” flattens it to two.",
            Claim(
                hits >= 0.8 * len(names),
                f"Like words have like vectors: {facts} (cosine similarity of ‘·{king}’ and ‘·{queen}’: {cosine}).",
                f"In this model like words do not have like vectors: {facts}.",
            ),
        ),
        _PAIRS_TEXT,
        f"embedding@{at[king]}",
        ("logit_lens", "embedding"),
    )


def _answer(subject: Subject) -> LessonView:
    trace = subject.trace(A_STORY)
    position = 2
    best: Piece
    best, share = subject.prediction(trace, position)
    said = "".join(token.label.replace("·", " ") for token in trace.tokens[: position + 1])
    facts = f"after “{said}”, {quoted(best)} gets {percent(share)}"
    return LessonView(
        "The answer is a token, too",
        (
            f"A model’s answer is a probability for each of the {trace.info.n_vocab:,} tokens to be the next one.",
            Claim(
                share > _SURE,
                f"Sometimes nearly all of it goes to one: {facts}, and all others share the rest.",
                f"This model is not sure of one here: {facts}.",
            ),
        ),
        A_STORY,
        f"output@{position}",
        ("logit_lens", "summary"),
    )
