"""Forward passes under interventions: the text as it is, with the values of some parts replaced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.causes.intervention import Intervention, Replacement, misfit
from analysis.errors import SelectionError
from analysis.model_info import ModelInfo
from analysis.models.hooks import Edit, editing, recording
from analysis.models.language_model import LanguageModel
from analysis.trace import Float, Trace

REFERENCE_TOKENS = 128  # of the reference text that are read
MOST_WORK = 4e6  # token passes of one grid: as many as gpt2-medium's grid of patches in 560 tokens
_REFERENCE = Path(__file__).parent.parent / "bundled" / "heldout.txt"  # stories that the bundled model never saw
_REFERENCE_CHARACTERS = 4000

_SITES = {"stream": "residual", "head": "head_outputs", "tile": "neurons", "neuron": "neurons"}

_Change = tuple[list[int] | slice, slice, Tensor]  # positions and columns of the values that are replaced, and by what


@dataclass(frozen=True, eq=False)
class OtherText:
    """A text whose values replace those of another.

    Attributes
    ----------
    token_ids : int64, (n_other_positions,)
        Its tokens.
    aligned : int64, (n_positions,)
        For each position of the text whose values are replaced, the position of this text that stands for it; -1 where
        there is none.
    """

    token_ids: NDArray[np.int64]
    aligned: NDArray[np.int64]

    def digest(self) -> str:
        """A digest of the text and its alignment, for the names of arrays that depend on it."""
        told = repr((self.token_ids.tolist(), self.aligned.tolist()))
        return blake2b(told.encode(), digest_size=16).hexdigest()


def run_with(
    model: LanguageModel, trace: Trace, interventions: Sequence[Intervention], *, other: OtherText | None = None
) -> Float:
    """The residual stream after the last block under interventions, (n_positions, d_model).

    The whole text is run again, so that without interventions, or with the text itself as the other one, every number
    is the trace's to the last bit. Of interventions on the same values, the last one counts.

    other: the text that values are patched from. Its alignment is that of the interventions' text.
    Raises: SelectionError for what the model or the text does not have, and for a patch without a text to take it from.
    """
    if problem := misfit(interventions, trace.info, trace.n_positions):
        raise SelectionError(problem)
    edits = _edits(interventions, _replacing(model, trace, interventions, other), trace.info, other)
    last = _LastStream(f"residual.{trace.info.n_blocks}")
    with torch.inference_mode(), editing(edits), recording(last):
        model.network(input_ids=torch.from_numpy(trace.token_ids[None]), use_cache=False, logits_to_keep=1)
    result: Float = last.array.numpy()
    return result


def read_values(model: LanguageModel, token_ids: NDArray[np.int64], sites: Iterable[str]) -> dict[str, Tensor]:
    """The values at sites (see `editing`) of a text, (n_positions, width) each."""
    values: dict[str, Tensor] = {}

    def reader(site: str) -> Edit:
        def read(value: Tensor) -> Tensor:
            values[site] = value.reshape(-1, value.shape[-1])
            return value

        return read

    with torch.inference_mode(), editing({site: reader(site) for site in sites}):
        model.network(input_ids=torch.from_numpy(token_ids[None]), use_cache=False, logits_to_keep=1)
    return values


def reference_ids(model: LanguageModel) -> NDArray[np.int64]:
    """The first tokens of the reference text, at most 128 and at most as many as the model reads."""
    text = _REFERENCE.read_text(encoding="utf-8")[:_REFERENCE_CHARACTERS]
    known = [token_id for token_id in model.tokenize(text) if token_id < model.n_readable]
    return np.array(known[: min(REFERENCE_TOKENS, model.info.max_positions)], dtype=np.int64)


def check_work(work: float) -> None:
    """Refuse a grid before it is begun if it is too large. work: in token passes through all blocks.

    Raises: SelectionError that says so.
    """
    if work > MOST_WORK:
        raise SelectionError(
            f"This grid would need the work of {work:,.0f} tokens; at most {MOST_WORK:,.0f} are computed for one. "
            "Shorten the text, or choose another grid."
        )


def site_of(one: Intervention) -> str:
    """The site (see `editing`) at which an intervention replaces values."""
    return f"{_SITES.get(one.unit, one.unit)}.{one.block}"


def columns_of(one: Intervention, info: ModelInfo) -> slice:
    """Which of the values at its site an intervention replaces."""
    widths = {"head": info.d_head, "tile": info.tile_width, "neuron": 1}
    if one.index is None:
        return slice(None)
    width = widths[one.unit]
    return slice(one.index * width, (one.index + 1) * width)


def _replacing(
    model: LanguageModel, trace: Trace, interventions: Sequence[Intervention], other: OtherText | None
) -> dict[Replacement, dict[str, Tensor]]:
    """What values at each site are replaced by: (1, width), or of another text (n_other_positions, width)."""
    sites: dict[Replacement, set[str]] = {}
    for one in interventions:
        sites.setdefault(one.replacement, set()).add(site_of(one))
    found: dict[Replacement, dict[str, Tensor]] = {}
    if "mean" in sites:
        found["mean"] = means(read_values(model, trace.token_ids, sites["mean"]))
    if "reference" in sites:
        found["reference"] = means(read_values(model, reference_ids(model), sites["reference"]))
    if "other" in sites:
        if other is None:
            raise SelectionError("There is no other text to take values from. Give one.")
        found["other"] = read_values(model, other.token_ids, sites["other"])
    return found


def means(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean over positions at each site, (1, width)."""
    return {site: value.mean(0, keepdim=True) for site, value in values.items()}


def _edits(
    interventions: Sequence[Intervention],
    replacing: dict[Replacement, dict[str, Tensor]],
    info: ModelInfo,
    other: OtherText | None,
) -> dict[str, Edit]:
    """What interventions do at each site."""
    by_site: dict[str, list[_Change]] = {}
    for one in interventions:
        site, columns = site_of(one), columns_of(one, info)
        rows: list[int] | slice = slice(None) if one.position is None else [one.position]
        value = torch.zeros(()) if one.replacement == "zero" else replacing[one.replacement][site][:, columns]
        if one.replacement == "other":
            assert other
            rows = _aligned_rows(one, other)
            value = value[other.aligned[rows]]
        by_site.setdefault(site, []).append((rows, columns, value))
    return {site: _edit(changes) for site, changes in by_site.items()}


def _aligned_rows(one: Intervention, other: OtherText) -> list[int]:
    """The positions at which a patch has a value of the other text."""
    wanted = range(len(other.aligned)) if one.position is None else [one.position]
    rows = [position for position in wanted if other.aligned[position] >= 0]
    if not rows:
        raise SelectionError(f"The other text has no token for position {one.position}. Choose another position.")
    return rows


def _edit(changes: list[_Change]) -> Edit:
    def edit(values: Tensor) -> Tensor:
        changed = values.clone(memory_format=torch.contiguous_format)
        flat = changed.view(-1, values.shape[-1])
        for rows, columns, value in changes:
            flat[rows, columns] = value
        return changed

    return edit


class _LastStream:
    """A recorder that keeps one array."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __setitem__(self, name: str, array: Tensor, /) -> None:
        if name == self._name:
            self.array = array
