"""The role of the selected head or neuron, in words and a table of scores."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from layouts.element import element
from layouts.figures.head_scores import SCORE_MEANINGS, SCORE_NAMES, score_words, signed
from layouts.figures.text import percent, quoted
from layouts.glossary import explained_json, marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analysis.causes.role import RoleResult
    from analysis.tokens import Piece, Token


def role_words(role: RoleResult | None) -> list[dict[str, Any]]:
    """What a head or a neuron does at the position, in one line each; nothing for other parts."""
    if role is None:
        return []
    lines = [["Attends most to ", *_listed(map(_key, role.keys)), "."]] if role.keys else []
    if role.value is not None:
        value = f"{role.value:.3g}".replace("-", "−", 1)
        lines = [[f"Its value at {quoted(role.token.label)} is {value}."]]
    for verb, changes in (("Raises the logits of ", role.raised), ("Lowers the logits of ", role.lowered)):
        if changes:
            lines.append([verb, *_listed([_changed(piece, change) for piece, change in changes]), "."])
    return [element("P", line) for line in lines]


def _key(key: tuple[Token, float]) -> list[Any]:
    token, share = key
    what = f"Select {quoted(token.label)} at position {token.position}"
    return [_link(quoted(token.label), what, f"@{token.position}"), f" ({percent(share)})"]


def _changed(piece: Piece, change: float) -> list[Any]:
    what = f"Explain the logit of {quoted(piece.label)}"
    return [_link(quoted(piece.label), what, f"~{piece.id}"), f" ({signed(change)})"]


def _link(words: str, title: str, select: str) -> dict[str, Any]:
    marks = {"data-select": select, "aria-label": title}
    return element("Button", words, type="button", className="role-token", title=title, **marks)


def _listed(parts: Iterable[list[Any]]) -> list[Any]:
    words: list[Any] = []
    for part in parts:
        words += [", ", *part] if words else part
    return words


def score_table(role: RoleResult | None, probe: Mapping[Any, float]) -> list[dict[str, Any]]:
    """The scores of a head, on the text and on the probe; nothing for other parts.

    probe: its scores on the probe, and its copying score.
    """
    if role is None or not role.scores:
        return []
    here: Mapping[Any, float] = role.scores
    head, names = _headings()
    rows = [
        element(
            "Tr",
            [
                named,
                _cell(score_words(name, here[name]) if name in here else ""),
                _cell(score_words(name, probe[name])),
            ],
        )
        for name, named in names.items()
    ]
    return [element("Table", [head, element("Tbody", rows)], className="summary-table role-scores")]


def _cell(words: str) -> dict[str, Any]:
    return element("Td", words, className="number")


@cache
def _headings() -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
    """The table's head, and the heading of each row: the same for all heads of all models."""
    columns = ("attention to, in the mean", "this text", "repeated random tokens")
    cells = [element("Th", words, scope="col", className="number" if n else "") for n, words in enumerate(columns)]
    seen: set[str] = set()
    names = {
        name: element("Th", marked(words, seen, mark=explained_json), scope="row", title=SCORE_MEANINGS[name])
        for name, words in SCORE_NAMES.items()
    }
    return element("Thead", element("Tr", cells)), names
