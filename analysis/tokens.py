"""Tokens: how a text is cut, and how a piece is shown.

A leading space is shown as `·`, a newline as `↵`, a tab as `⇥`, other control characters as their pictures, invisible
characters as their numbers; bytes that are no text on their own (a part of an emoji, say) are shown as hexadecimal,
`‹F0 9F›`.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

_SHOWN = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\x7f": "␡", "\u00a0": "⍽"}
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co", "Cs"}
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_ISOLATE, _END = "\u2068", "\u2069"


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary. id: its number. label: how it is shown, in plain text."""

    id: int
    label: str

    @property
    def markup(self) -> str:
        """The label for Plotly, which reads a subset of HTML in every text: the one place where a token is escaped."""
        return self.label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def short(self, most: int) -> str:
        """The label for Plotly in at most `most` characters, the last an ellipsis where some are left out."""
        isolated = self.label.startswith(_ISOLATE)
        seen = self.label[1:-1] if isolated else self.label
        if len(seen) <= most:
            return self.markup
        cut = f"{seen[: most - 1]}…"
        return replace(self, label=f"{_ISOLATE}{cut}{_END}" if isolated else cut).markup


@dataclass(frozen=True)
class Token(Piece):
    """One piece of the text.

    position: its place in the text, from 0. group: the position of the first token of the character that this token is
    a part of; its own position otherwise.
    """

    position: int
    group: int


class Vocabulary:
    """The tokens of a tokenizer as bytes.

    pieces: the tokenizer's own string for each token id. byte_level: whether these strings use the byte alphabet of
    GPT-2 (Radford et al. 2019); otherwise they are SentencePiece's (`▁` for a space, `<0x0A>` for a byte).
    literal: ids whose string is not in the byte alphabet (special and added tokens).
    """

    def __init__(self, pieces: Sequence[str], *, byte_level: bool, literal: frozenset[int]) -> None:
        self._pieces = pieces
        self._literal = literal
        self._alphabet = _byte_alphabet() if byte_level else None

    def __len__(self) -> int:
        return len(self._pieces)

    def bytes(self, token_id: int) -> bytes:
        """What the token adds to the text, in UTF-8; may be only a part of a character."""
        if token_id >= len(self._pieces):  # a row of the embedding that no token uses (padding to a round size)
            return b""
        piece = self._pieces[token_id]
        if self._alphabet is not None:
            if token_id in self._literal:
                return piece.encode()
            return b"".join(self._alphabet.get(c, c.encode()) for c in piece)
        if len(piece) == 6 and piece.startswith("<0x"):
            return bytes([int(piece[3:5], 16)])
        return piece.replace("▁", " ").encode()

    def piece(self, token_id: int) -> Piece:
        """The token as it is shown; its label is never empty."""
        if token_id >= len(self._pieces):
            return Piece(token_id, f"‹unused {token_id}›")
        return Piece(token_id, shown(self.bytes(token_id)) or "‹empty›")

    def ids(self, text: str) -> list[int]:
        """Ids of the tokens that are exactly this text, or are shown so."""
        raw = text.encode()
        return [n for n, label in enumerate(self._labels) if label == text or self.bytes(n) == raw]

    def search(self, text: str, *, most: int) -> list[Piece]:
        """Entries whose label holds the text, a space being the same as `·`: the shortest first, then by id."""
        wanted = text.replace(" ", _SHOWN[" "])
        found = [token_id for token_id, label in enumerate(self._labels) if wanted in label]
        found.sort(key=lambda token_id: len(self._labels[token_id]))
        return [Piece(token_id, self._labels[token_id]) for token_id in found[:most]]

    @cached_property
    def _labels(self) -> list[str]:
        return [self.piece(token_id).label for token_id in range(len(self))]


def shown(raw: bytes) -> str:
    """Bytes as a person can see them: invisible characters as signs, bytes that are no text as hexadecimal."""
    label, bad = "", b""
    while raw:
        try:
            good, next_bad, raw = raw.decode(), b"", b""
        except UnicodeDecodeError as error:
            good, next_bad, raw = raw[: error.start].decode(), raw[error.start : error.end], raw[error.end :]
        if good:
            label, bad = label + _hexadecimal(bad) + "".join(_character(c) for c in good), b""
        bad += next_bad
    return _standing_alone(label + _hexadecimal(bad))


def _standing_alone(label: str) -> str:
    """A mark that combines is given a circle to sit on; right-to-left text is isolated from the sentence around it."""
    if unicodedata.category(label[:1] or " ").startswith("M"):
        label = f"◌{label}"
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in label):
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
    """GPT-2's printable stand-in for each byte: itself where printable, else the next free one from U+0100."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [b for b in range(256) if b not in printable]
    alphabet = {chr(b): bytes([b]) for b in printable}
    return alphabet | {chr(256 + n): bytes([b]) for n, b in enumerate(others)}
