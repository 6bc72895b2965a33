"""Glossary: the page's terms, each explained in one plain line, and the markup of terms in texts.

A marked term has a dotted line under it; `assets/glossary.js` shows its explanation, with a way to the glossary. The
explanations are on the page once, in the glossary's dialog, each under the id that `term_id` gives; terms refer to them
as their descriptions.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from dash import html

from layouts.dialog import dialog
from layouts.figures.text import QUOTED

DIALOG = "glossary"
GLOSSARY = {
    "A − B": "Numbers of your question, A, minus those of a second one, B, at tokens that stand for each other.",
    "activation": "What comes out of a neuron for one token: its value, which scales what it writes.",
    "attention": "How a head reads other tokens: each token shares out 100% among itself and the tokens before it.",
    "attribution": "A token’s signed share of the explained logit: above 0 it pushes the logit up, below 0 down.",
    "bias": "A vector that a part adds whatever it reads.",
    "baseline": "The input that stands for “no information”, which the text’s tokens are compared with.",
    "bit": "The unit of surprisal and entropy: 0 bits is certain, 1 bit is the toss of a coin.",
    "block": "The unit that the model repeats: attention, then an MLP. Blocks count from 0.",
    "certificate": "A bound on the error of integrated gradients: the errors of all segments of the path, added up.",
    "cosine similarity": "How far two vectors point the same way: 1 the same, 0 at right angles, −1 opposite.",
    "counterpart": "The token or the part of B that stands for one of A. What has none is grey, and never 0.",
    "δ": "What is missing from the sum of the attributions, F(x) − F(x′). The nearer to 0, the better.",
    "direct attribution": "What a part itself adds to the explained logit, with the final norm’s scale held as it was.",
    "embedding": "The vector that stands for a token inside the model.",
    "entropy": "How widely probabilities are spread, in bits: 0 if one of them is 100%.",
    "F(x)": "The explained logit for this text.",
    "F(x′)": "The explained logit for a text of baselines.",
    "final norm": "The norm after the last block, before the output head.",
    "gradient": "The slope of the logit: how fast it changes with a small change of the input.",
    "gradient norm": "The length of the gradient: how strongly a small change of a token would move the logit.",
    "head": "A unit of attention: it decides where each token looks, and copies information from there.",
    "induction": "Copying by example: after “A B … A”, a head looks back at the B that followed the first A.",
    "input × gradient": "The token’s vector times the logit’s slope there: a quick estimate of its attribution.",
    "integrated gradients": "Attributions that add up: slopes averaged on the path from the baseline to the text.",
    "key": "The token that is looked at.",
    "KL divergence": "How far one prediction is from another, in bits: 0 if both are the same.",
    "L2 norm": "The length of a vector: the square root of the sum of its squared entries.",
    "logit": "The model’s raw score for a token, before the scores are turned into probabilities.",
    "logit lens": "Reads an inner block as if the model ended there: which token would it predict next?",
    "MLP": "The part of a block that works on each token alone, by way of its neurons.",
    "neuron": "A unit of an MLP; it adds its own vector to the residual stream, in proportion to its value.",
    "norm": "A layer that scales vectors to a common size before they are read.",
    "occlusion": "Replaces one token by the baseline, and measures how far the logit drops.",
    "output head": "The model’s last linear map, from a vector to a logit for every token of the vocabulary.",
    "parameter": "A number that was set in training.",
    "PCA": "Principal component analysis: the view in few dimensions that keeps the most variance.",
    "perplexity": "About how many neighbours of each point t-SNE tries to keep near.",
    "position": "A token’s place in the text, counted from 0.",
    "probability": "How likely the model takes a token to be the next one; those of all tokens add up to 100%.",
    "query": "The token that looks.",
    "rank": "The place in the model’s list of next tokens; the most probable has rank 1.",
    "residual stream": "The vector of a token that every block reads and adds to.",
    "rollout": "Attention followed through all blocks so far, each counted as half attention and half residual stream.",
    "saliency": "Which tokens of the text a prediction rests on.",
    "softmax": "Turns logits into probabilities, which sum to 100%.",
    "surprisal": "How unexpected a token was: −log₂ of its probability, in bits.",
    "t-SNE": "A view in few dimensions that keeps neighbours together and nothing else.",
    "tile": "A box of the 3D scene that stands for several neighbouring neurons.",
    "token": "A piece of text that the model reads as a unit: a word, a part of a word, or a sign.",
    "variance": "How widely the points are spread; its share says how much of the spread the plot keeps.",
    "vector": "A list of numbers, such as the one that stands for a token inside the model.",
    "vocabulary": "All tokens that the model knows.",
    "·": "Stands for a space, which belongs to the token that it begins.",
}
_OTHER_WORDS = {
    "attend": "attention",
    "biases": "bias",
    "probabilities": "probability",
    "attention head": "head",
    "MLP neuron": "neuron",
    "token embedding": "embedding",
    "position embedding": "embedding",
    "queries": "query",
}
_TERMS = {term.casefold(): term for term in GLOSSARY if re.search(r"\w", term)}
_TERMS |= {words.casefold(): term for words, term in _OTHER_WORDS.items()}


def _any_of(words: Iterable[str]) -> str:
    """A regular expression for any of the words, the longest that fits; by first letters, which is twice as fast."""
    rests: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        rests.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(those)})" for first, those in rests.items())


# Quoted tokens are matched first, and so skipped; of terms that begin alike, the longest is meant. A look at the next
# letter rules most places out, and is faster without regard to case.
_LETTERS = "".join(sorted({letter for term in _TERMS for letter in (term[0], term[0].upper())}))
_PATTERN = re.compile(rf"{QUOTED}|(?<![\w-])(?=[{re.escape(_LETTERS)}])(?i:(?P<words>{_any_of(_TERMS)})s?)(?![\w-])")


def term_id(term: str) -> str:
    """The id of a term's explanation on the page."""
    return f"term-{term.replace(' ', '-')}"


def glossary_dialog() -> html.Dialog:
    """The explanations of all terms in alphabetical order, closed; also for the terms that refer to them."""
    terms = sorted(GLOSSARY, key=str.casefold)
    entries = [part for term in terms for part in _entry(term, id=term_id(term))]
    return dialog(DIALOG, "Glossary", html.Dl(entries, className="words glossary-words"), is_static=True)


def explained(words: str, term: str) -> html.Span:
    """Words with a dotted line under them, and a term's explanation."""
    named = {"aria-describedby": term_id(term)}
    # The page's script makes the first term of a panel a tab stop. Of a title around it, the term shows nothing.
    return html.Span(words, className="term", role="button", tabIndex=-1, title="", **named)


@lru_cache(maxsize=512)
def explained_json(words: str, term: str) -> dict[str, Any]:
    """`explained`, as it is sent to the page. To write thirty terms anew was a tenth of a click's server time."""
    written: dict[str, Any] = explained(words, term).to_plotly_json()
    return written


def marked(
    text: str, seen: set[str] | None = None, *, mark: Callable[[str, str], html.Span | dict[str, Any]] = explained
) -> list[Any]:
    """The text in pieces, with each term marked where it first appears.

    Tokens in quotation marks (`quoted`) are left as they are. seen: terms that are marked already; others are added.
    mark: `explained` or `explained_json`.
    """
    seen = set() if seen is None else seen
    parts: list[Any] = []
    end = 0
    for match in _PATTERN.finditer(text):
        term = _TERMS.get((match["words"] or "").casefold())
        if term is None or term in seen:
            continue
        seen.add(term)
        parts += [text[end : match.start()], mark(match[0], term)]
        end = match.end()
    return [part for part in (*parts, text[end:]) if part]


def terms_in(text: str) -> list[str]:
    """The terms that a text contains, in their order."""
    found = (_TERMS.get((match["words"] or "").casefold()) for match in _PATTERN.finditer(text))
    return list(dict.fromkeys(term for term in found if term))


def word_list(text: str) -> html.Dl:
    """The terms that a text contains with their explanations, in alphabetical order."""
    terms = sorted(terms_in(text), key=str.casefold)
    return html.Dl([part for term in terms for part in _entry(term)], className="words")


def _entry(term: str, **marks: str) -> tuple[html.Dt, html.Dd]:
    return html.Dt(term), html.Dd(GLOSSARY[term], **marks)
