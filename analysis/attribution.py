"""Direct attribution: each part's signed share of a logit through the residual stream.

Source: Elhage et al. 2021, "A mathematical framework for transformer circuits"; the name direct logit attribution is
from Nanda's TransformerLens.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.causes.shares import Logits, Question, direct_shares, neuron_shares
from analysis.families import logit_cap
from analysis.model_info import ModelInfo
from analysis.models.language_model import LanguageModel
from analysis.saliency import read_token_id
from analysis.selection import Part, Selection
from analysis.task import Arrays
from analysis.tokens import Piece, Token
from analysis.trace import Trace

AttributionView = Literal["map", "bars", "neurons", "depth"]


@dataclass(frozen=True, eq=False)
class AttributionResult:
    """The shares of all parts in one logit, or in the difference of two logits; float64, in logits.

    Every share is signed: above 0 it raises the logit. Shares are not finite where the logit is not.

    Attributes
    ----------
    info : ModelInfo
        Sizes of the model.
    tokens : tuple of n_positions tokens
        The text.
    selection : Selection
        The selected part.
    position : int
        The position after which the logit is explained, from 0.
    target : Piece
        The token whose logit is explained.
    against : Piece or None
        The token whose logit is subtracted; None if a single logit is explained.
    chosen : bool
        Whether the target was selected; otherwise it is the most probable next token.
    embedding : float
        The share of the token's embedding.
    positions : float or None
        That of the learned position embedding; None in models without one.
    heads : array (n_blocks, n_heads)
        Those of the heads.
    attention_biases : array (n_blocks,) or None
        Those of the bias that a block's attention adds after its heads; None in models without one.
    tiles : array (n_blocks, n_tiles)
        Those of the neurons of each MLP tile together.
    mlp_biases : array (n_blocks,) or None
        Those of the bias that a block's MLP adds after its neurons; None in models without one.
    norm_bias, head_bias : float or None
        Those of the biases of the final norm and of the output head; None in models without one.
    neurons : array (n_neurons,) or None
        Those of the neurons of the selected MLP; None if no MLP is selected.
    logit : float
        What is explained, as the network computed it: the logit of `target`, minus that of `against`. In a model that
        caps its logits, the value before the cap.
    cap : float or None
        The bound of that cap; None in models without one.
    """

    info: ModelInfo
    tokens: tuple[Token, ...]
    selection: Selection
    position: int
    target: Piece
    against: Piece | None
    chosen: bool
    embedding: float
    positions: float | None
    heads: Logits
    attention_biases: Logits | None
    tiles: Logits
    mlp_biases: Logits | None
    norm_bias: float | None
    head_bias: float | None
    neurons: Logits | None
    logit: float
    cap: float | None

    @property
    def mlps(self) -> Logits:
        """(n_blocks,), the share of all neurons of each MLP."""
        return np.asarray(self.tiles.sum(axis=1))

    @property
    def total(self) -> float:
        """The sum of the shares of all parts."""
        return float(self.cumulated[-1] + (self.norm_bias or 0) + (self.head_bias or 0))

    @property
    def difference(self) -> float:
        """The sum minus the logit: 0 but for rounding."""
        return self.total - self.logit

    @property
    def cumulated(self) -> Logits:
        """(2 · n_blocks + 1,): the sum of the shares of all that is in the stream before block 0, after its attention,
        after its MLP, after the attention of block 1, …; without the biases of the final norm and the output head.
        """
        attention = self.heads.sum(axis=1) + (0 if self.attention_biases is None else self.attention_biases)
        mlp = self.mlps + (0 if self.mlp_biases is None else self.mlp_biases)
        added = np.stack([attention, mlp], axis=1).ravel()
        return np.cumsum([self.embedding + (self.positions or 0), *added])


def compute_attribution(
    model: LanguageModel, trace: Trace, selection: Selection, position: int, *, against: int | None = None
) -> AttributionResult:
    """Each part's share of the logit of the selection's target after a position; without a target, of the most
    probable next token. The logit of `against` is subtracted.

    share_c = γ ⊙ (x_c − mean x_c) / σ · (W_U[target] − W_U[against]), where x_c is what part c adds to the residual
    stream at the position, and γ and σ are the final norm's gains and its scale there (RMSNorm subtracts no mean).
    Where a norm follows attention or MLP, x_c is what is left after it, with its scale at the position, too. A head's
    share includes that of the biases of its values. Shares are direct: what a part does by way of later parts counts
    as theirs.

    Raises: SelectionError for a token or a position that does not exist.
    """
    for token_id in (selection.target, against):
        Selection(Part.OUTPUT, position=position, target=token_id).checked(trace.info, trace.n_positions)
    target = int(model.logits(trace, position).argmax()) if selection.target is None else selection.target
    question = Question(position, target, against)
    arrays = direct_shares(model, trace, question)
    neurons = None
    if selection.part is Part.MLP:
        assert selection.block is not None
        neurons = neuron_shares(model, trace, question, selection.block)
    return AttributionResult(
        info=trace.info,
        tokens=trace.tokens,
        selection=selection,
        position=position,
        target=model.vocabulary.piece(target),
        against=None if against is None else model.vocabulary.piece(against),
        chosen=selection.target is not None,
        embedding=float(arrays["embedding"]),
        positions=_number(arrays, "positions"),
        heads=arrays["heads"],
        attention_biases=arrays.get("attention_biases"),
        tiles=arrays["tiles"],
        mlp_biases=arrays.get("mlp_biases"),
        norm_bias=_number(arrays, "norm_bias"),
        head_bias=_number(arrays, "head_bias"),
        neurons=neurons,
        logit=float(arrays["value"]),
        cap=logit_cap(model.network.config, model.family),
    )


def second_target(text: object, info: ModelInfo) -> int | None:
    """The token to subtract, which the page sends as the text of its id; None for none, and for one that this model
    does not have, as after a change of the model.

    Raises: SelectionError for a text that is no id.
    """
    token = read_token_id(text)
    return token if token is not None and token < info.n_vocab else None


def _number(arrays: Arrays, name: str) -> float | None:
    return float(arrays[name]) if name in arrays else None
