"""What is clicked: one value that all panels follow, and its one text form.

`embedding` | `block.B.attention` | `block.B.attention.head.H` | `block.B.mlp` | `block.B.mlp.neuron.K` | `norm` |
`output`, each optionally followed by `@P` (position) and then `~T` (target token id). What a click names is merged into
the current selection on the page: a text without a part (`@5`) keeps the part, one without `@` or `~` keeps position
and target.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from analysis.errors import SelectionError
from analysis.model_info import ModelInfo


class Part(StrEnum):
    """The kinds of part that can be selected."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    MLP = "mlp"
    NORM = "norm"
    OUTPUT = "output"


_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_TEXT = re.compile(
    rf"(?:(?P<whole>embedding|norm|output)"
    rf"|block\.(?P<block>{_NUMBER})\."
    rf"(?:attention(?:\.head\.(?P<head>{_NUMBER}))?|(?P<mlp>mlp)(?:\.neuron\.(?P<neuron>{_NUMBER}))?))"
    rf"(?:@(?P<position>{_NUMBER}))?(?:~(?P<target>{_NUMBER}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Selection:
    """A part of the network, and optionally a position of the text and a target token id.

    Raises: SelectionError for numbers that do not go with the part, such as a block of the final norm.
    """

    part: Part
    block: int | None = None
    head: int | None = None
    neuron: int | None = None
    position: int | None = None
    target: int | None = None

    def __post_init__(self) -> None:
        _read(str(self))  # what exists can be written and read back

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
        """The selection that `str()` wrote as `text`.

        Raises: SelectionError if the text is of another form.
        """
        match = _read(text)
        part = match["whole"] or match["mlp"] or "attention"
        names = ("block", "head", "neuron", "position", "target")
        return cls(Part(part), **{name: int(match[name]) for name in names if match[name] is not None})

    def checked(self, info: ModelInfo, n_positions: int) -> "Selection":
        """This selection, if it exists in the model and the text.

        Raises: SelectionError naming what does not exist and what does.
        """
        for word, number, count in (
            ("block", self.block, info.n_blocks),
            ("head", self.head, info.n_heads),
            ("neuron", self.neuron, info.n_neurons),
            ("position", self.position, n_positions),
            ("token id", self.target, info.n_vocab),
        ):
            if number is not None and number >= count:
                raise SelectionError(
                    f"The selection names {word} {number}; here they run from 0 to {count - 1}. Choose one of these."
                )
        return self


def _read(text: str) -> re.Match[str]:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise SelectionError(
            f"'{text[:60]}' is not a selection. One looks like 'block.3.attention.head.5@4', 'block.0.mlp' or 'output'."
        )
    return match
