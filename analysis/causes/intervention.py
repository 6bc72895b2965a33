"""Intervention: which part of the network is replaced, where and by what; and the grammar of its text form.

::

    interventions  =  intervention { "," intervention }                            (at most 16, none twice)
    intervention   =  "block." block "." part [ "@" position ] "=" replacement
    part           =  "attention" [ ".head." head ]
                   |  "mlp" [ ".tile." tile | ".neuron." neuron ]
                   |  "stream"                                                     (with a position)
    replacement    =  "zero" | "mean" | "reference" | "other"

Numbers are as in a selection (`analysis/selection.py`), so an intervention has exactly one text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from analysis.errors import SelectionError, check_choice
from analysis.model_info import ModelInfo
from analysis.selection import Part, Selection

MOST_INTERVENTIONS = 16
_MOST_SHOWN = 60  # characters of a text that is refused

Unit = Literal["stream", "attention", "head", "mlp", "tile", "neuron"]
Replacement = Literal["zero", "mean", "reference", "other"]
What = Literal["part", "tile", "stream"]
Where = Literal["all", "one"]  # positions

_NUMBER = "(?:0|[1-9][0-9]{0,8})"
_PATTERN = re.compile(
    rf"block\.(?P<block>{_NUMBER})\."
    rf"(?:(?P<attention>attention)(?:\.head\.(?P<head>{_NUMBER}))?"
    rf"|(?P<mlp>mlp)(?:\.tile\.(?P<tile>{_NUMBER})|\.neuron\.(?P<neuron>{_NUMBER}))?"
    r"|(?P<stream>stream)(?=@))"
    rf"(?:@(?P<position>{_NUMBER}))?=(?P<replacement>{'|'.join(get_args(Replacement))})"
)
_PATHS = {"head": "attention.head", "tile": "mlp.tile", "neuron": "mlp.neuron"}


@dataclass(frozen=True)
class Intervention:
    """A part whose values are replaced.

    Attributes
    ----------
    block
        The block, from 0.
    unit
        What is replaced: the residual stream that enters the block; all that its attention or its MLP adds to the
        stream; or a head, an MLP tile or a neuron, whose values enter the last linear map of attention or MLP.
    index
        The number of the head, tile or neuron; None for the other units.
    position
        Where it is replaced; None for all positions.
    replacement
        By zero, by its mean over the positions of this text ("mean") or of the reference text ("reference"), or by its
        value in another text ("other").

    Raises: SelectionError for what has no text form, such as a stream at all positions.
    """

    block: int
    unit: Unit
    index: int | None = None
    position: int | None = None
    replacement: Replacement = "zero"

    def __post_init__(self) -> None:
        _match(str(self))

    def __str__(self) -> str:
        index = "" if self.index is None else f".{self.index}"
        at = "" if self.position is None else f"@{self.position}"
        return f"block.{self.block}.{_PATHS.get(self.unit, self.unit)}{index}{at}={self.replacement}"

    @classmethod
    def parse(cls, text: str) -> "Intervention":
        """The intervention that `str()` wrote as `text`; the inverse of `str()`.

        Raises: SelectionError if the text has another form.
        """
        match = _match(text)
        # The last group before the position is the most special of those that matched.
        unit = next(u for u in ("head", "tile", "neuron", "attention", "mlp", "stream") if match[u] is not None)
        index = int(match[unit]) if unit in _PATHS else None
        position = None if match["position"] is None else int(match["position"])
        return cls(int(match["block"]), unit, index, position, match["replacement"])  # type: ignore[arg-type]

    @property
    def selection(self) -> str:
        """The change of a selection (`analysis/selection.py`) that selects what is replaced.

        A tile is selected by its whole MLP, and a stream by the attention that reads it.
        """
        part = {"head": f"attention.head.{self.index}", "neuron": f"mlp.neuron.{self.index}", "tile": "mlp"}
        at = "" if self.position is None else f"@{self.position}"
        return f"block.{self.block}.{part.get(self.unit, self.unit.replace('stream', 'attention'))}{at}"


def removal_of(
    selection: Selection, position: int, *, what: What, replacement: Replacement, everywhere: bool, info: ModelInfo
) -> Intervention | None:
    """The intervention that removes what is selected; None if there is nothing to remove, as for the final norm.

    what: the selected part, the tile of the selected neuron, or the stream at the position that enters the block.
    everywhere: at all positions, which does not apply to the stream.
    """
    check_choice(what, What, "what is removed")
    check_choice(replacement, Replacement, "the replacement")
    at = None if everywhere else position
    if what == "stream" or selection.part is Part.EMBEDDING:
        in_network = selection.block is not None or selection.part is Part.EMBEDDING
        return Intervention(selection.block or 0, "stream", None, position, replacement) if in_network else None
    if selection.block is None:
        return None
    if selection.head is not None:
        return Intervention(selection.block, "head", selection.head, at, replacement)
    if selection.neuron is not None and what == "tile":
        return Intervention(selection.block, "tile", selection.neuron // info.tile_width, at, replacement)
    if selection.neuron is not None:
        return Intervention(selection.block, "neuron", selection.neuron, at, replacement)
    return Intervention(
        selection.block, "attention" if selection.part is Part.ATTENTION else "mlp", None, at, replacement
    )


def added(interventions: Sequence[Intervention], one: Intervention) -> tuple[Intervention, ...]:
    """Interventions with another one, instead of what they do to the same part at the same position so far."""

    def values(some: Intervention) -> tuple[object, ...]:
        return some.block, some.unit, some.index, some.position

    return (*(some for some in interventions if values(some) != values(one)), one)


def read_interventions(text: object) -> tuple[Intervention, ...]:
    """The interventions that `write_interventions` wrote; none for an empty text.

    Raises: SelectionError for anything else.
    """
    if not text:
        return ()
    parts = text.split(",") if isinstance(text, str) else [""]
    if len(parts) > MOST_INTERVENTIONS:
        raise SelectionError(f"At most {MOST_INTERVENTIONS} parts can be removed at once. Take some back.")
    found = tuple(map(Intervention.parse, parts))
    if len(set(found)) < len(found):
        raise SelectionError("A part is removed twice. Take one of them back.")
    return found


def read_removals(text: object, *, replacement: Replacement, position: int | None = None) -> tuple[Intervention, ...]:
    """Interventions whose text may leave out replacements and positions, and may have spaces after commas.

    replacement, position: of the parts that name none; None for all positions.
    Raises: SelectionError as `read_interventions`, and for a replacement that there is not.
    """
    check_choice(replacement, Replacement, "the replacement")
    if not text or not isinstance(text, str):
        return read_interventions(text)

    def completed(part: str) -> str:
        name, equals, own = part.strip().partition("=")
        at = "" if position is None or "@" in name else f"@{position}"
        return f"{name}{at}={own if equals else replacement}"

    return read_interventions(",".join(map(completed, text.split(","))))


def write_interventions(interventions: Sequence[Intervention]) -> str:
    """The text form of interventions."""
    return ",".join(map(str, interventions))


def misfit(interventions: Sequence[Intervention], info: ModelInfo, n_positions: int) -> str:
    """What a model and a text do not have of all that interventions name, and the range; empty if they have it all."""
    counts = {"head": info.n_heads, "tile": info.n_tiles, "neuron": info.n_neurons}
    for one in interventions:
        for word, number, count in (
            ("block", one.block, info.n_blocks),
            (one.unit, one.index, counts.get(one.unit, 0)),
            ("position", one.position, n_positions),
        ):
            if number is not None and number >= count:
                whole = "text" if word == "position" else "model"
                return f"There is no {word} {number} to remove: this {whole} has {word}s 0–{count - 1}."
    return ""


def _match(text: str) -> re.Match[str]:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise SelectionError(
            f"'{text[:_MOST_SHOWN]}' does not say what to remove. One looks like 'block.3.attention.head.5@4=mean' or "
            "'block.0.mlp=zero'."
        )
    return match
