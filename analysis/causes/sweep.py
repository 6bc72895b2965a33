"""Sweep: the effect of removing each head and each MLP, one at a time, and its estimate from one gradient."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.causes.intervention import Replacement
from analysis.causes.run import check_work, means, read_values, reference_ids
from analysis.errors import SelectionError, check_choice
from analysis.models.hooks import Edit, editing
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency import default_target
from analysis.selection import Part, Selection
from analysis.task import Arrays, Progress, Task
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_VERSION = 1  # raised when the computation changes, so that arrays of older code are not read
_ESTIMATE_PASSES = 4  # about what the estimate costs, in forward passes


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The effects of removing each head and each MLP alone.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    position : int
        The position after which the logit is read.
    target, against : Piece, Piece or None
        The token whose logit is read, and the token whose logit is subtracted.
    replacement : "zero", "mean" or "reference"
        What a removed part is replaced by.
    everywhere : bool
        Whether parts are removed at all positions, or at `position` only.
    base : float
        The logit, or difference of two, with every part in place.
    effects : float32, (n_blocks, n_heads + 1)
        The logit, or difference, without a part minus `base`; the last column is the MLP. NaN where it is not computed
        yet.
    estimates : float32, (n_blocks, n_heads + 1)
        The effects, estimated from the logit's gradient: gradient times change, summed.
    """

    tokens: tuple[Token, ...]
    position: int
    target: Piece
    against: Piece | None
    replacement: Replacement
    everywhere: bool
    base: float
    effects: Float
    estimates: Float

    @property
    def complete(self) -> bool:
        """Whether all effects are computed."""
        return not np.isnan(self.effects).any()

    @property
    def shown(self) -> Float:
        """Effects, or where there are none yet, estimates."""
        return np.where(np.isnan(self.effects), self.estimates, self.effects)

    @property
    def correlations(self) -> tuple[float, float]:
        """Pearson's correlation of effects and estimates, −1 to 1, over all parts and over heads alone; NaN while
        effects are missing or all are equal.
        """
        return _correlation(self.effects, self.estimates), _correlation(self.effects[:, :-1], self.estimates[:, :-1])


def compute_sweep(model: LanguageModel, trace: Trace, position: int, **choices: Any) -> SweepResult:
    """The result of `plan_sweep`, computed at once."""
    result: SweepResult = plan_sweep(model, trace, position, **choices).run_now()
    return result


def plan_sweep(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    replacement: Replacement = "mean",
    everywhere: bool = True,
    target: int | None = None,
    against: int | None = None,
) -> Task:
    """The effect of removing each head and each MLP on the target's logit, as a task whose result is a SweepResult.

    The estimates are there first; effects follow from the last block to the first. To remove a part of a block, only
    this block and later ones are run, on the tokens up to the position, from the stream that the trace has.

    The target is by default the most probable next token; the logit of `against` is subtracted.
    Raises: SelectionError for a choice, a position or a token that does not exist, and where logits are not finite.
    Source: Nanda 2023, "Attribution patching" (the estimate); Zhang and Nanda 2024, "Towards best practices of
    activation patching" (replacements and metrics).
    """
    check_choice(replacement, Replacement, "the replacement")
    if replacement == "other":
        raise SelectionError("A sweep of removals has no other text. Choose zero or a mean as the replacement.")
    for token_id in (target, against):
        Selection(Part.OUTPUT, position=position, target=token_id).checked(trace.info, trace.n_positions)
    if reason := unexplainable(model, trace, position):
        raise SelectionError(reason)
    explained = default_target(model, trace, position) if target is None else target
    n_blocks, n_units = trace.info.n_blocks, trace.info.n_heads + 1

    work = (position + 1) * (_ESTIMATE_PASSES + _n_block_passes(n_blocks, n_units) / n_blocks)
    check_work(work)

    def compute(report: Progress) -> Arrays:
        sweep = _Sweep(model, trace, position, (explained, against), replacement, everywhere=everywhere)
        effects = np.full((n_blocks, n_units), np.nan, dtype=np.float32)
        arrays = {"base": np.array(sweep.base), "estimates": sweep.estimates(), "effects": effects}
        n_total = _n_block_passes(n_blocks, n_units)
        done = n_blocks * _ESTIMATE_PASSES
        report(done / (n_total + n_blocks * _ESTIMATE_PASSES), arrays)
        for block in reversed(range(n_blocks)):
            for units, values in sweep.without(block):
                effects[block, units] = values - sweep.base
                done += (n_blocks - block) * len(units)
                report(done / (n_total + n_blocks * _ESTIMATE_PASSES), {})
            report(done / (n_total + n_blocks * _ESTIMATE_PASSES), arrays)
        return arrays

    def result(arrays: Arrays) -> SweepResult:
        return SweepResult(
            trace.tokens,
            position,
            model.vocabulary.piece(explained),
            None if against is None else model.vocabulary.piece(against),
            replacement,
            everywhere,
            float(arrays["base"]),
            arrays["effects"],
            arrays["estimates"],
        )

    return Task(
        trace,
        name=f"sweep {replacement} {'everywhere' if everywhere else 'here'} {position} {explained} {against}",
        version=_VERSION,
        kind="sweep",
        work=work,
        compute=compute,
        result=result,
    )


def _correlation(some: Float, others: Float) -> float:
    if np.isnan(some).any() or not some.std() or not others.std():
        return float("nan")
    return float(np.corrcoef(some.ravel(), others.ravel())[0, 1])


def _n_block_passes(n_blocks: int, n_units: int) -> int:
    """How many blocks are run to remove every unit of every block."""
    return n_units * n_blocks * (n_blocks + 1) // 2


class _Sweep:
    """The passes of one sweep."""

    def __init__(
        self,
        model: LanguageModel,
        trace: Trace,
        position: int,
        tokens: tuple[int, int | None],
        replacement: Replacement,
        *,
        everywhere: bool,
    ) -> None:
        from analysis.saliency_methods.explained_logit import ExplainedLogit  # captum takes 25 MB: only in jobs

        self._info, self._trace, self._n = trace.info, trace, position + 1
        self._rows = slice(None) if everywhere else slice(-1, None)  # the last block's MLP has the last position only
        self._logit = ExplainedLogit(model, *tokens)
        embed: Any = model.network.get_input_embeddings()  # type: ignore[operator]
        self._text: Tensor = embed(torch.from_numpy(trace.token_ids[None, : self._n]))
        widths = {"head_outputs": self._info.n_heads * self._info.d_head, "mlp": self._info.d_model}
        blocks = range(self._info.n_blocks)
        zeros = {f"{kind}.{block}": torch.zeros(1, width) for kind, width in widths.items() for block in blocks}
        self._values = zeros if replacement == "zero" else self._means(model, replacement, zeros)
        last = self._info.n_blocks - 1
        self.base = float(self._logit.values(last + 1, self._stream(last))[0])

    def _means(self, model: LanguageModel, replacement: Replacement, sites: Iterable[str]) -> dict[str, Tensor]:
        ids = self._trace.token_ids if replacement == "mean" else reference_ids(model)
        # Clones, since tensors of inference mode cannot be used in a pass with gradients.
        return {site: mean.clone() for site, mean in means(read_values(model, ids, sites)).items()}

    def estimates(self) -> Float:
        """Gradient times change for each unit, (n_blocks, n_heads + 1), from one forward and one backward pass."""
        found: dict[str, Tensor] = {}

        def reader(site: str) -> Edit:
            # With gradient checkpointing, a block is run a second time for its gradient.
            return lambda values: found.setdefault(site, values) if site not in found else values

        with torch.enable_grad(), editing({site: reader(site) for site in self._values}):
            value = self._logit(self._text.detach().clone().requires_grad_())
            gradients = torch.autograd.grad(value.sum(), list(found.values()))
        estimates = np.zeros((self._info.n_blocks, self._info.n_heads + 1), dtype=np.float32)
        for (site, values), gradient in zip(found.items(), gradients, strict=True):
            width = values.shape[-1]
            change = self._values[site] - values.detach().reshape(-1, width)[self._rows]
            products = (gradient.reshape(-1, width)[self._rows] * change).double().sum(0)
            kind, _, block = site.rpartition(".")
            if kind == "mlp":
                estimates[int(block), -1] = float(products.sum())
            else:
                estimates[int(block), :-1] = products.reshape(self._info.n_heads, -1).sum(-1).numpy()
        return estimates

    def without(self, block: int) -> Iterator[tuple[list[int], np.ndarray[Any, Any]]]:
        """The units of a block that one pass removes, one in each of its texts, and the logit without each."""
        stream = self._stream(block)
        size, units = self._logit.batch_size(stream), list(range(self._info.n_heads + 1))
        for first in range(0, len(units), size):
            some = units[first : first + size]
            with editing(self._edits(block, some)):
                found = self._logit.values(block + 1, stream.expand(len(some), -1, -1))
            yield some, found

    def _stream(self, block: int) -> Tensor:
        return torch.from_numpy(self._trace.residual(block)[None, : self._n].copy())

    def _edits(self, block: int, units: list[int]) -> dict[str, Edit]:
        n_heads, d_head = self._info.n_heads, self._info.d_head
        heads, mlp = f"head_outputs.{block}", f"mlp.{block}"

        def without_heads(values: Tensor) -> Tensor:
            changed = values.clone()
            for text, unit in enumerate(units):
                if unit < n_heads:
                    columns = slice(unit * d_head, (unit + 1) * d_head)
                    changed[text, self._rows, columns] = self._values[heads][:, columns]
            return changed

        def without_mlp(values: Tensor) -> Tensor:
            changed = values.clone()
            if units[-1] == n_heads:
                changed.view(len(units), -1, values.shape[-1])[-1, self._rows] = self._values[mlp]
            return changed

        return {heads: without_heads, mlp: without_mlp}
