"""Tokens, vocabulary, and the labels that make every token visible.

A space is shown as `·`, a newline as `↵`, a tab as `⇥`, other control characters by their pictures, and invisible
characters by their code points. Bytes that are not text on their own, such as a part of an emoji, are shown in
hexadecimal: `‹F0 9F›`.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from analysis.errors import SelectionError

_SHOWN = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\x7f": "␡", "\u00a0": "⍽"}
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co", "Cs"}
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_MAYBE_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_ISOLATE, _END = "\u2068", "\u2069"


@dataclass(frozen=True)
class Piece:
    """An entry of the vocabulary.

    Attributes
    ----------
    id
        The token id.
    label
        The visible form of the token, in plain text.
    """

    id: int
    label: str

    @property
    def markup(self) -> str:
        """The label for Plotly, which reads a subset of HTML in every text. Tokens are escaped only here."""
        return _markup(self.label)

    def short(self, most: int) -> str:
        """The label for Plotly, shortened to `most` characters with an ellipsis at the end."""
        return _short(self.label, most)


# Each figure writes the labels of all tokens at every click.
@lru_cache(maxsize=4096)
def _markup(label: str) -> str:
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@lru_cache(maxsize=4096)
def _short(label: str, most: int) -> str:
    isolated = label.startswith(_ISOLATE)
    seen = label[1:-1] if isolated else label
    if len(seen) <= most:
        return _markup(label)
    cut = f"{seen[: most - 1]}…"
    return _markup(f"{_ISOLATE}{cut}{_END}" if isolated else cut)


@dataclass(frozen=True)
class Token(Piece):
    """A token of a text.

    Attributes
    ----------
    position
        The number of tokens before it.
    group
        The position of the first token of the same character; its own position if it starts a character.
    template
        Whether the model's chat template has added it to the text.
    written
        Whether it follows the text, as one of `Prompt.written`.
    """

    position: int
    group: int
    template: bool = False
    written: bool = False


class Vocabulary:
    """The tokens of a tokenizer, as bytes and as labels.

    Parameters
    ----------
    pieces
        The tokenizer's own string for each token id.
    byte_level
        Whether these strings use the byte alphabet of GPT-2 (Radford et al. 2019). Otherwise they are SentencePiece's
        (`▁` for a space, `<0x0A>` for a byte).
    literal
        The ids of special and added tokens, whose strings do not use the byte alphabet.
    n_scored
        The number of tokens that the model gives a logit; the others are never found by a search. By default all.
    """

    def __init__(
        self, pieces: Sequence[str], *, byte_level: bool, literal: frozenset[int], n_scored: int | None = None
    ) -> None:
        self._pieces = pieces
        self._n_scored = len(pieces) if n_scored is None else min(n_scored, len(pieces))
        self._literal = literal
        self._alphabet = _byte_alphabet() if byte_level else None

    def __len__(self) -> int:
        return len(self._pieces)

    def same_as(self, other: "Vocabulary") -> bool:
        """Whether another vocabulary has the same tokens under the same ids."""
        return self._key == other._key and self._pieces == other._pieces

    @property
    def _key(self) -> tuple[int, frozenset[int], bool]:
        return self._n_scored, self._literal, self._alphabet is not None

    def bytes(self, token_id: int) -> bytes:
        """The UTF-8 bytes that the token adds to the text, which may be only a part of a character."""
        if token_id >= len(self._pieces):  # an unused row of the embedding, which pads it to a round size
            return b""
        piece = self._pieces[token_id]
        if self._alphabet is not None:
            if token_id in self._literal:
                return piece.encode()
            spaced = piece.replace("Ġ", " ")
            if spaced.isascii():  # as most are
                return spaced.encode()
            return b"".join(self._alphabet.get(c, c.encode()) for c in piece)
        if len(piece) == 6 and piece.startswith("<0x"):
            return bytes([int(piece[3:5], 16)])
        return piece.replace("▁", " ").encode()

    def piece(self, token_id: int) -> Piece:
        """The entry of a token id; its label is never empty."""
        if token_id >= len(self._pieces):
            return Piece(token_id, f"‹unused {token_id}›")
        return Piece(token_id, shown(self.bytes(token_id)) or "‹empty›")

    def ids(self, text: str) -> list[int]:
        """The ids of the tokens whose text or label equals this text."""
        raw = text.encode()
        return [n for n, label in enumerate(self._labels) if label == text or self.bytes(n) == raw]

    def only_id(self, text: str) -> int:
        """The id of the one token that has exactly this text.

        Raises: SelectionError if none has it, or several; it names them, or tokens that contain the text.
        """
        found = self.ids(text)
        if len(found) == 1:
            return found[0]
        if found:
            raise SelectionError(
                f"{len(found)} tokens have the text {text!r}: ids {', '.join(map(str, found))}. Choose one by its id."
            )
        near = ", ".join(f"'{piece.label}' ({piece.id})" for piece in self.search(text.strip(), most=3))
        tip = f"These tokens contain it: {near}" if near else "No token contains it"
        raise SelectionError(
            f"No single token of this model has the text {text!r}. {tip}. A token after a space includes the space."
        )

    def search(self, text: str, *, most: int) -> list[Piece]:
        """At most `most` entries whose label contains the text (a space matches `·`), shortest first, then by id."""
        wanted = text.replace(" ", _SHOWN[" "])
        found = [token_id for token_id, label in enumerate(self._labels) if wanted in label]
        found.sort(key=lambda token_id: len(self._labels[token_id]))
        return [Piece(token_id, self._labels[token_id]) for token_id in found[:most]]

    @cached_property
    def _labels(self) -> list[str]:
        # 262,144 labels would only push those of the text out of the cache.
        return [shown.__wrapped__(self.bytes(token_id)) or "‹empty›" for token_id in range(self._n_scored)]


@lru_cache(maxsize=4096)
def shown(raw: bytes) -> str:
    """A visible form of bytes: signs for invisible characters, hexadecimal for bytes that are not text."""
    try:
        text = raw.decode()
        if text.isprintable():  # at once, since the first search labels a whole vocabulary
            return text.replace(" ", "·") if text.isascii() else _isolated(text.replace(" ", "·"))
    except UnicodeDecodeError:
        pass
    label, bad = "", b""
    while raw:
        try:
            good, next_bad, raw = raw.decode(), b"", b""
        except UnicodeDecodeError as error:
            good, next_bad, raw = raw[: error.start].decode(), raw[error.start : error.end], raw[error.end :]
        if good:
            label, bad = label + _hexadecimal(bad) + "".join(_character(c) for c in good), b""
        bad += next_bad
    return _isolated(label + _hexadecimal(bad))


def _isolated(label: str) -> str:
    """Put a combining mark on a dotted circle, and isolate right-to-left text from the text around it."""
    if unicodedata.category(label[:1] or " ").startswith("M"):
        label = f"◌{label}"
    if _MAYBE_RIGHT_TO_LEFT.search(label) and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in label):
        label = f"{_ISOLATE}{label}{_END}"
    return label


def _hexadecimal(raw: bytes) -> str:
    return f"‹{raw.hex(' ').upper()}›" if raw else ""


def _character(c: str) -> str:
    if c in _SHOWN:
        return _SHOWN[c]
    if ord(c) < 32:
        return chr(0x2400 + ord(c))
    return f"‹U+{ord(c):04X}›" if unicodedata.category(c) in _INVISIBLE else c


def _byte_alphabet() -> dict[str, bytes]:
    """GPT-2's printable character for each byte: the byte itself if it is printable, else the next from U+0100."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [b for b in range(256) if b not in printable]
    alphabet = {chr(b): bytes([b]) for b in printable}
    return alphabet | {chr(256 + n): bytes([b]) for n, b in enumerate(others)}
