"""The ledger: identities that must hold for every text and model, checked with the numbers that the page shows.

Both sides of a line are computed in different ways, so a line that fails is an error of this program, or of the model's
files, and never a property of the text. A new line is one function, and one row of `LINES`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.attribution import compute_attribution
from analysis.causes.run import run_with
from analysis.causes.values import block_part, head_values
from analysis.models.forward import capture
from analysis.models.language_model import LanguageModel
from analysis.saliency import SaliencyResult
from analysis.selection import Part, Selection
from analysis.summary import compute_summary
from analysis.trace import Trace

MOST_SECONDS = 10.0
_MOST_TOKENS = 256  # of a text that is run a second time
_MOST_POSITIONS = 16  # whose logits are computed a second time
_SINGLE, _HALF = 1e-4, 1e-2  # relative tolerances, by the precision in which attention and neurons are kept


@dataclass(frozen=True)
class LedgerLine:
    """One identity.

    Attributes
    ----------
    name
        What must be equal, as a sentence.
    left, right
        The two sides, in words.
    difference
        The largest absolute difference of the two sides; NaN if one is not finite, None if it was not computed.
    tolerance
        The largest difference that rounding explains.
    """

    name: str
    left: str
    right: str
    difference: float | None
    tolerance: float

    @property
    def fails(self) -> bool:
        """Whether the two sides differ by more than rounding explains."""
        return self.difference is not None and not self.difference <= self.tolerance


Line = Callable[[LanguageModel, Trace], tuple[float, float] | None]


def compute_ledger(model: LanguageModel, trace: Trace, *, seconds: float = MOST_SECONDS) -> tuple[LedgerLine, ...]:
    """All identities that this text and model have, in the order of `LINES`.

    Each costs at most about a forward pass. seconds: when they have passed, no further line is computed.
    """
    end = time.monotonic() + seconds
    found = []
    for name, left, right, line in LINES:
        if time.monotonic() >= end:
            found.append(LedgerLine(name, left, right, None, 0))
            continue
        with np.errstate(invalid="ignore", over="ignore"), torch.inference_mode():
            measured = line(model, trace)
        if measured is not None:
            found.append(LedgerLine(name, left, right, *measured))
    return tuple(found)


def integrated_line(result: SaliencyResult) -> LedgerLine:
    """The identity of integrated gradients: the error of their sum is at most their certificate, and rounding."""
    assert result.certificates is not None
    rounding = 1e-5 * max(abs(result.value), abs(result.base))
    bound = float(result.certificates[0]) + rounding
    name = "Integrated gradients keep to their certificate"
    return LedgerLine(name, "the attributions, summed", "F(x) − F(x′)", abs(result.delta), bound)


def _tokens(model: LanguageModel, trace: Trace) -> tuple[float, float]:
    own = [token for token in trace.tokens if not token.template and not token.written]
    if trace.prompt.start or model.adds_start:
        own = own[1:] if own and own[0].id == model.start_id else own
    written, text = b"".join(model.vocabulary.bytes(token.id) for token in own), trace.prompt.text.encode()
    if trace.prompt.chat:  # templates cut off spaces at both ends
        written, text = written.strip(), text.strip()
    if not text.startswith(b" "):  # SentencePiece puts a space before the first word
        written = written.removeprefix(b" ")
    differing = sum(one != other for one, other in zip(written, text, strict=False))
    return float(differing + abs(len(written) - len(text))), 0.0


def _parameters(model: LanguageModel, _trace: Trace) -> tuple[float, float]:
    s = compute_summary(model.network, model.family)
    parts = s.token_embedding + s.position_embedding + s.n_blocks * s.block + s.final_norm + s.output
    return float(abs(parts - sum(weight.numel() for weight in model.network.parameters()))), 0.0


def _attention(_model: LanguageModel, trace: Trace) -> tuple[float, float]:
    def worst(block: int, head: int) -> float:
        weights = trace.attention(block, at=head)
        later = float(np.abs(np.triu(weights, 1)).max())
        return max(later, float(np.abs(weights.sum(axis=1, dtype=np.float64) - 1).max()))

    heads = [worst(block, head) for block in range(trace.info.n_blocks) for head in range(trace.info.n_heads)]
    return float(np.max(heads)), 2e-3 if trace.precision == "half" else 1e-5


def _heads(model: LanguageModel, trace: Trace) -> tuple[float, float]:
    worst, largest = [], []
    for block in range(trace.info.n_blocks):
        values, outputs = head_values(model, trace, block), trace.head_outputs(block)
        for head in range(trace.info.n_heads):
            worst.append(np.abs(trace.attention(block, at=head) @ values[:, head] - outputs[:, head]).max())
        largest.append(np.abs(outputs).max())
    return float(np.max(worst)), _relative(trace) * float(np.max(largest))


def _stream(model: LanguageModel, trace: Trace) -> tuple[float, float]:
    total = trace.residual(0).astype(np.float64)
    for block in range(trace.info.n_blocks):
        total += model.attention_output(block, torch.from_numpy(np.array(trace.head_outputs(block)))).numpy()
        total += _mlp_output(model, trace, block).numpy()
    last = trace.residual(trace.info.n_blocks)
    return float(np.abs(total - last).max()), _relative(trace) * float(np.abs(last).max())


def _mlp_output(model: LanguageModel, trace: Trace, block: int) -> Tensor:
    written: Tensor = block_part(model, block, model.family.mlp_out)(torch.from_numpy(np.array(trace.neurons(block))))
    return written if model.family.mlp_norm is None else block_part(model, block, model.family.mlp_norm)(written)


def _logits(model: LanguageModel, trace: Trace) -> tuple[float, float] | None:
    if not trace.keeps_logits:  # then the page computes them in this way
        return None
    at = np.unique(np.linspace(0, trace.n_positions - 1, _MOST_POSITIONS, dtype=int))
    kept = trace.logits()[at]
    difference = np.abs(model.lens_logits(trace.residual(trace.info.n_blocks)[at]) - kept).max()
    return float(difference), _SINGLE * float(np.abs(kept).max())


def _attribution(model: LanguageModel, trace: Trace) -> tuple[float, float]:
    result = compute_attribution(model, trace, Selection(Part.OUTPUT), trace.n_positions - 1)
    return abs(result.difference), 1e-3 * float(max(np.abs(result.heads).max(), np.abs(result.tiles).max(), 1))


def _removing_nothing(model: LanguageModel, trace: Trace) -> tuple[float, float] | None:
    if trace.n_positions > _MOST_TOKENS:
        return None
    last = trace.residual(trace.info.n_blocks)
    return float(np.abs(run_with(model, trace, ()) - last).max()), _SINGLE * float(np.abs(last).max())


def _hooks(model: LanguageModel, trace: Trace) -> tuple[float, float]:
    def count() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.network.modules())

    before = count()
    capture(model, trace.tokens[:1], {})
    return float(abs(count() - before)), 0.0


def _relative(trace: Trace) -> float:
    return _HALF if trace.precision == "half" else _SINGLE


LINES: tuple[tuple[str, str, str, Line], ...] = (
    ("The tokens spell the text", "the tokens, joined", "the text, in bytes", _tokens),
    ("The parameters of all parts add up", "the table of parameters, summed", "all weights, counted", _parameters),
    ("Attention adds up, and never looks ahead", "each row of attention, summed", "1", _attention),
    ("A head’s output is its weighted sum of values", "values, weighted by attention", "the head’s output", _heads),
    ("The residual stream is the sum of its parts", "all parts, summed", "the last stream", _stream),
    ("The output reads the last residual stream", "output head (final norm (stream))", "the network’s logits", _logits),
    ("Direct attribution adds up", "the shares of all parts, summed", "the most probable token’s logit", _attribution),
    ("Removing nothing changes nothing", "the last stream, with no part removed", "the last stream", _removing_nothing),
    ("A pass leaves no hooks behind", "hooks in the network after a pass", "hooks before it", _hooks),
)
