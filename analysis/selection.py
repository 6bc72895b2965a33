"""Selection: the part, position and target that all panels show, and the grammar of its text form.

::

    selection  =  part [ "@" position ] [ "~" target ]
    part       =  "embedding" | "norm" | "output"
               |  "block." block ".attention" [ ".head." head ]
               |  "block." block ".mlp" [ ".neuron." neuron ]
    change     =  [ part | "block." block ] [ "@" position ] [ "~" target ]      (not empty)

Every number is decimal, at most 999,999,999 and without leading zeros, so a selection has exactly one text.

A *selection* is complete and is what `Selection.parse` reads. A *change* is what a click or a link names. It may leave
parts out, and the page merges it into the current selection: `@5` keeps the part, a text without `@` or `~` keeps
position and target, and `block.3` keeps the selected head or neuron and moves it to block 3. Where the current
selection is not in a block, `block.3` selects the part that was selected last in a block, or else the attention.

`GRAMMAR` is the regular expression of a change. The page's script (`dashboard/assets/selection_text.js`) compiles the
same string, which the server sends with the page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from analysis.errors import SelectionError
from analysis.model_info import ModelInfo


class Part(StrEnum):
    """A kind of part of the network."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    MLP = "mlp"
    NORM = "norm"
    OUTPUT = "output"


_NUMBER = "(?:0|[1-9][0-9]{0,8})"
# In JavaScript's syntax. Only the spelling of named groups differs between the two languages.
GRAMMAR = (
    r"^(?=.)"  # not empty
    r"(?:(?<end>embedding|norm|output)"
    rf"|block\.(?<block>{_NUMBER})(?:\."
    rf"(?:(?<attention>attention)(?:\.head\.(?<head>{_NUMBER}))?|(?<mlp>mlp)(?:\.neuron\.(?<neuron>{_NUMBER}))?))?)?"
    rf"(?:@(?<position>{_NUMBER}))?(?:~(?<target>{_NUMBER}))?$"
)
_PATTERN = re.compile(GRAMMAR.replace("(?<", "(?P<"))
_NUMBERS = ("block", "head", "neuron", "position", "target")


@dataclass(frozen=True)
class Selection:
    """A part of the network, and optionally a position of the text and a target token id.

    Raises: SelectionError for numbers that do not fit the part, such as a block with the final norm.
    """

    part: Part
    block: int | None = None
    head: int | None = None
    neuron: int | None = None
    position: int | None = None
    target: int | None = None

    def __post_init__(self) -> None:
        _read(str(self))  # only a selection that has a text form can be made

    def __str__(self) -> str:
        text = self.part if self.block is None else f"block.{self.block}.{self.part}"
        for mark, number in (
            (".head.", self.head),
            (".neuron.", self.neuron),
            ("@", self.position),
            ("~", self.target),
        ):
            if number is not None:
                text = f"{text}{mark}{number}"
        return str(text)

    @classmethod
    def parse(cls, text: str) -> "Selection":
        """The selection that `str()` wrote as `text`; the inverse of `str()`.

        Raises: SelectionError if the text has another form. Changes without a part, such as `@5` and `block.3`, are
        refused too: only the page can merge them.
        """
        return cls(**_read(text))

    def changed(self, text: str) -> "Selection":
        """This selection, in a block, with the parts that a change names, as the page merges them.

        Raises: SelectionError if the text is no change.
        """
        match = _PATTERN.fullmatch(text)
        if not match:
            raise SelectionError(f"‘{text[:60]}’ names no part and no position.")
        named = {name: None if match[name] is None else int(match[name]) for name in _NUMBERS}
        stays = {name: getattr(self, name) if named[name] is None else named[name] for name in ("position", "target")}
        if part := match["end"] or match["attention"] or match["mlp"]:
            return Selection(Part(part), **{**named, **stays})
        block = self.block if named["block"] is None else named["block"]
        return replace(self, block=block, position=stays["position"], target=stays["target"])

    def checked(self, info: ModelInfo, n_positions: int) -> "Selection":
        """This selection, if the model and the text have all that it names.

        Raises: SelectionError that names what is out of range, and the range.
        """
        for word, number, count in (
            ("block", self.block, info.n_blocks),
            ("head", self.head, info.n_heads),
            ("neuron", self.neuron, info.n_neurons),
            ("position", self.position, n_positions),
            ("token id", self.target, info.n_vocab),
        ):
            if number is not None and number >= count:
                whole = "text" if word == "position" else "model"
                raise SelectionError(
                    f"There is no {word} {number}: this {whole} has {word}s 0–{count - 1}. Select one of these."
                )
        return self


@lru_cache(maxsize=256)  # a click reads one text about eight times
def _read(text: str) -> Mapping[str, Any]:
    match = _PATTERN.fullmatch(text)  # not `match`: Python's `$` accepts a newline after it
    part = match and (match["end"] or match["attention"] or match["mlp"])
    if not match or not part:
        raise SelectionError(
            f"'{text[:60]}' is not a selection. One looks like 'block.3.attention.head.5@4', 'block.0.mlp' or 'output'."
        )
    numbers = {name: match[name] for name in _NUMBERS}
    return {"part": Part(part)} | {name: int(digits) for name, digits in numbers.items() if digits is not None}
