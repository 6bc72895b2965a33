"""Tokens: how a text is cut, and how a piece is shown.

A leading space is shown as `·`, a newline as `↵`, a tab as `⇥`, other control characters as their pictures, invisible
characters as their numbers; bytes that are no text on their own (a part of an emoji, say) are shown as hexadecimal,
`‹F0 9F›`.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from analysis.errors import TextError

if TYPE_CHECKING:
    from analysis.model import LanguageModel

MAX_CHARACTERS = 20_000  # tokenizing more would only delay the message that says so
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


def encode(
    model: "LanguageModel",
    text: str,
    *,
    start: bool = False,
    max_tokens: int | None = None,
    max_characters: int = MAX_CHARACTERS,
) -> tuple[Token, ...]:
    """The text as the model's own tokenizer cuts it; with `start`, the end-of-text token stands in front.

    Nothing is added that the tokenizer does not add. A special token that is typed out (`<|endoftext|>`) is that token
    where the tokenizer says so, as in the model's own training texts.
    Raises: TextError for an empty text, one that is no text, or one longer than `max_characters`, than
    `max_tokens` or than the model reads.
    """
    if not text:
        raise TextError("The text is empty. Type a sentence, or choose one of the examples.")
    if len(text) > max_characters:
        raise TextError(f"The text has {len(text):,} characters; at most {max_characters:,} are read. Shorten it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(
            f"Character {error.start} of the text is half a character (a lone surrogate). Remove it."
        ) from None
    ids = model.tokenize(text)
    if start:
        if model.start_id is None:
            raise TextError("This model has no end-of-text token to start with. Switch that off.")
        if ids[:1] != [model.start_id]:  # some tokenizers put it there themselves
            ids = [model.start_id, *ids]
    if not ids:
        raise TextError("The model's tokenizer finds no token in this text. Type a sentence.")
    limit = min(model.info.max_positions, max_tokens or model.info.max_positions)
    excess = len(ids) - limit
    if excess > 0:
        reader = "this server" if limit == max_tokens else "this model"
        raise TextError(
            f"The text has {len(ids):,} tokens; {reader} reads at most {limit:,}. "
            f"Shorten it by {excess:,} token{'s' if excess > 1 else ''}."
        )
    groups: list[int] = []
    for position, token_id in enumerate(ids):
        continues = position > 0 and _continues_character(model.vocabulary.bytes(token_id))
        groups.append(groups[-1] if continues else position)
    return tuple(
        Token(token_id, model.vocabulary.piece(token_id).label, position, group)
        for position, (token_id, group) in enumerate(zip(ids, groups, strict=True))
    )


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


def _continues_character(raw: bytes) -> bool:
    """Whether the bytes start in the middle of a character: UTF-8 marks all but a character's first byte."""
    return raw[:1] != b"" and raw[0] & 0b1100_0000 == 0b1000_0000


def _byte_alphabet() -> dict[str, bytes]:
    """GPT-2's printable stand-in for each byte: itself where printable, else the next free one from U+0100."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [b for b in range(256) if b not in printable]
    alphabet = {chr(b): bytes([b]) for b in printable}
    return alphabet | {chr(256 + n): bytes([b]) for n, b in enumerate(others)}
