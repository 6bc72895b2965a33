"""Checks of tokens, weights, traces and the logit lens."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from analysis.logit_lens import LensCells, compute_lens_cells
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.truth.check import Check, apart, apart_relatively
from tests.truth.reference import Pass, Reference

MARY = "After John and Mary went to the store, John gave a bottle of milk to"
EIFFEL = "The Eiffel Tower is in the city of"
MIXED = "In 2024, she said: “naïve”\n\n\tdef f(x): return x<b> 🧀 don't <|im_start|>"


@dataclass
class Numbers:
    """The same texts, computed by our code and by transformers. load: loads the reference when it is first needed."""

    model: LanguageModel
    load: Callable[[], Reference]

    @cached_property
    def reference(self) -> Reference:
        """transformers' network and tokenizer."""
        return self.load()

    @cached_property
    def traces(self) -> list[Trace]:
        """Ours of two texts."""
        return [compute_trace(self.model, Prompt("any", text)) for text in (MARY, EIFFEL)]

    @cached_property
    def passes(self) -> list[Pass]:
        """transformers' of the same texts."""
        return [self.reference.run(text) for text in (MARY, EIFFEL)]

    @cached_property
    def cells(self) -> LensCells:
        """The logit lens of the first text."""
        return compute_lens_cells(self.model, self.traces[0])

    def probability(self, word: str, of: int = 0) -> float:
        """Of the next token after a text."""
        logits = self.traces[of].logits()[-1].astype(np.float64)
        shares = np.exp(logits - logits.max())
        return float(shares[self.model.vocabulary.only_id(word)] / shares.sum())


def _tokens(both: Numbers) -> float:
    return max(apart(both.model.tokenize(text), both.reference.ids(text)) for text in (MARY, EIFFEL, MIXED))


def _weights(both: Numbers) -> float:
    ours, theirs = both.model.network.state_dict(), both.reference.network.state_dict()
    return float(sum(not torch.equal(ours[name], theirs[name]) for name in ours.keys() | theirs.keys()))


def _sizes(both: Numbers) -> float:
    info = both.model.info
    sizes = (info.n_parameters, info.n_blocks, info.n_heads, info.d_model, info.n_neurons, info.n_vocab)
    return apart(sizes, (134_515_008, 30, 9, 576, 1536, 49_152))


def _logits(both: Numbers) -> float:
    return max(apart(trace.logits(), right.logits) for trace, right in zip(both.traces, both.passes, strict=True))


def _attention(both: Numbers) -> float:
    return max(
        apart(trace.attention(block), attention)
        for trace, right in zip(both.traces, both.passes, strict=True)
        for block, attention in enumerate(right.attentions)
    )


def _residuals(both: Numbers) -> float:
    return max(
        apart(trace.residual(depth), residual)
        for trace, right in zip(both.traces, both.passes, strict=True)
        for depth, residual in enumerate(right.residuals)
    )


def _family_row(both: Numbers) -> float:
    """Whether each block adds what the modules write that the family's row names: 30 equations."""
    trace, right = both.traces[0], both.passes[0]
    found = []
    for block in range(trace.info.n_blocks):
        written = right.outputs["heads"][block] + right.outputs["neurons"][block]
        found.append(apart_relatively(trace.residual(block) + written.numpy(), trace.residual(block + 1)))
    return max(found)


def _head_norms(both: Numbers) -> float:
    trace, right = both.traces[0], both.passes[0]
    ours = np.stack([trace.head_norms(block) for block in range(trace.info.n_blocks)])
    theirs = right.norms("heads", trace.info.d_head).numpy()
    return float((np.abs(ours - theirs) / theirs).max())


def _tile_norms(both: Numbers) -> float:
    trace, right = both.traces[0], both.passes[0]
    ours = np.stack([trace.tile_norms(block) for block in range(trace.info.n_blocks)])
    theirs = right.norms("neurons", trace.info.tile_width).numpy()
    return float((np.abs(ours - theirs) / theirs).max())


def _lens_tokens(both: Numbers) -> float:
    return float((both.cells.top != both.passes[0].lens().argmax(-1).numpy()).sum())


def _lens_probabilities(both: Numbers) -> float:
    return apart(both.cells.probabilities, both.passes[0].lens().amax(-1))


def _lens_known(both: Numbers) -> float:
    space = both.model.vocabulary.only_id(" ")
    assert both.cells.top[16, -1] == space
    return abs(float(both.cells.probabilities[16, -1]) - 0.979)


def _sink(both: Numbers) -> float:
    trace = both.traces[0]
    norms = np.array([np.linalg.norm(trace.residual(depth), axis=1) for depth in range(trace.info.n_blocks + 1)])
    assert norms[:, 1:].max() < 970
    return abs(float(norms[:, 0].max()) / 20_457 - 1)


def _first(word: str, probability: float, of: int = 0) -> Check[Numbers]:
    what = f"probability of “{word}” after “… {' '.join((MARY, EIFFEL)[of].split()[-4:])}”"
    return Check(what, f"{probability:.3f}", 0.0005, lambda both: abs(both.probability(word, of) - probability))


BY_TRANSFORMERS = "transformers’ own load of the file"
CHECKS: list[Check[Numbers]] = [
    Check("parameters, blocks, heads, widths, vocabulary", "134,515,008; 30; 9; 576 and 1,536; 49,152", 0, _sizes),
    Check("token ids of three texts", BY_TRANSFORMERS, 0, _tokens),
    Check("all weights", BY_TRANSFORMERS, 0, _weights),
    Check("logits", BY_TRANSFORMERS, 0, _logits),
    Check("attention of all 270 heads", BY_TRANSFORMERS, 0, _attention),
    Check("residual stream before and after all blocks", BY_TRANSFORMERS, 0, _residuals),
    _first(" Mary", 0.898),
    _first(" the", 0.021),
    _first(" John", 0.020),
    _first(" his", 0.010),
    _first(" each", 0.005),
    _first(" Paris", 0.656, of=1),
    Check(
        "stream after each block", "before it + what the parts in the family’s row write, relatively", 1e-6, _family_row
    ),
    Check("norms of what the heads write", "the same in float64, relatively", 1e-5, _head_norms),
    Check("norms of what the tiles of neurons write", "the same in float64, relatively", 1e-5, _tile_norms),
    Check("logit lens: most probable tokens", "transformers’ norm and head on its own residuals", 0, _lens_tokens),
    Check(
        "logit lens: their probabilities", "transformers’ norm and head on its own residuals", 1e-4, _lens_probabilities
    ),
    Check("logit lens after block 15, last token: “ ”", "0.979", 0.0005, _lens_known),
    Check("largest norm of the first token (others below 970)", "20,457, relatively", 1e-3, _sink),
]
