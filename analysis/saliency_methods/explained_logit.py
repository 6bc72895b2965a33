"""The logit explained as a function of what enters the network or one of its blocks, and captum's methods on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from captum.attr import FeatureAblation, IntegratedGradients, LayerGradientXActivation
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from analysis.models.fuse import fuse_activations, fuse_attention
from analysis.models.language_model import LanguageModel
from analysis.trace import Float

RECOMPUTE_ABOVE = 256  # tokens: from there on, what all blocks keep for the gradient would be gigabytes
BATCH_TOKENS = 960  # of all texts in one pass: fewer leave cores waiting, more do not fit their caches


class Explained(nn.Module):
    """The logit of `target` after the last position, minus that of `against` if there is one.

    A function of the vectors at a place, (batch, n_positions, d_model): at place 0 of the token embeddings, at place
    k of what enters block k-1, where the blocks before are not run. The modules are copies that share the model's
    weights, so that captum's hooks are seen by no other thread.
    """

    def __init__(self, model: LanguageModel, target: int, against: int | None) -> None:
        super().__init__()
        self._count: Callable[[int], None] = lambda _n: None
        weights = [*model.network.parameters(), *model.network.buffers()]
        network: Any = deepcopy(model.network, {id(weight): weight for weight in weights})
        fuse_activations(network)
        fuse_attention(network)
        network.set_output_embeddings(
            _rows(network.get_output_embeddings(), [target] if against is None else [target, against])
        )
        self._network = network
        self._entry = _Entry()
        self._ports = [nn.Identity()]
        blocks = self._network.get_submodule(model.family.blocks)
        assert isinstance(blocks, nn.ModuleList)
        for index, block in enumerate(blocks):
            gate = _Gate(block, index + 1, self._entry)
            blocks[index] = gate
            self._ports.append(gate.port)
        mlp = model.family.mlp_out.rpartition(".")[0]
        if mlp:  # where it is a module of its own
            block.set_submodule(mlp, _LastPosition(block.get_submodule(mlp)))

    def forward(self, vectors: Tensor) -> Tensor:
        """(batch,)"""
        self._count(len(vectors))
        self._entry.vectors = vectors
        embeddings = vectors if self._entry.place else self._ports[0](vectors)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._entry.bfloat16):
            logits = self._network(inputs_embeds=embeddings, use_cache=False, logits_to_keep=1).logits[:, -1]
        explained: Tensor = logits[:, 0]
        return explained if logits.shape[-1] == 1 else explained - logits[:, 1]

    @contextmanager
    def counting(self, tell: Callable[[int], None]) -> Iterator[None]:
        """Within it, `tell` is given the number of texts done before each pass."""
        done = 0

        def count(batch: int) -> None:
            nonlocal done
            tell(done)
            done += batch

        self._count = count
        try:
            yield
        finally:
            self._count = lambda _n: None

    def read(self, embeddings: Tensor) -> tuple[float, list[Tensor]]:
        """The logit of one text, and its vectors at every place, from one pass in float32."""
        self._entry.place, self._entry.seen = 0, [embeddings]
        try:
            with torch.no_grad():
                return float(self(embeddings)), self._entry.seen
        finally:
            self._entry.seen = []

    def integrate(self, place: int, vectors: Tensor, baseline: Tensor, steps: int, *, bfloat16: bool) -> Float:
        """Integrated gradients by Gauss-Legendre quadrature, (n_positions,)."""
        self._entry.place, self._entry.bfloat16 = place, bfloat16
        try:
            # Not LayerIntegratedGradients: the vectors are given, so no pass is needed to find them.
            attributions = IntegratedGradients(self).attribute(
                vectors,
                baselines=baseline,
                n_steps=steps,
                method="gausslegendre",
                internal_batch_size=_batch(vectors),
            )
        finally:
            self._entry.place, self._entry.bfloat16 = 0, False
        return _per_position(attributions)

    def gradients(self, embeddings: Tensor, *, times_input: bool) -> list[Float]:
        """At every place, (n_positions,): gradient times vector, or else the gradient's L2 norm; one pass."""
        method = LayerGradientXActivation(self, self._ports, multiply_by_inputs=times_input)
        found = method.attribute(embeddings.clone())  # captum makes what it is given require gradients
        return [_per_position(one) if times_input else one[0].norm(dim=-1).numpy() for one in found]

    def occlude(self, embeddings: Tensor, baseline: Tensor) -> Float:
        """What the logit loses when one token's embedding is replaced by the baseline, (n_positions,)."""
        lost = FeatureAblation(self).attribute(
            embeddings,
            baselines=baseline,
            feature_mask=torch.arange(embeddings.shape[1])[None, :, None],
            perturbations_per_eval=_batch(embeddings),
        )
        same = (embeddings == baseline).all(-1)  # nothing is replaced, though batches of other sizes round differently
        found: Float = lost[..., 0].masked_fill(same, 0)[0].numpy()
        return found


@dataclass
class _Entry:
    """Where a function's vectors enter, in which precision the network then runs, and what has entered the blocks."""

    place: int = 0
    seen: list[Tensor] = field(default_factory=list)
    vectors: Tensor = field(default_factory=lambda: torch.empty(0))
    bfloat16: bool = False


class _Gate(nn.Module):
    """A block whose input passes a port; at the place of entry that is the function's vectors, before it nothing."""

    def __init__(self, block: nn.Module, place: int, entry: _Entry) -> None:
        super().__init__()
        self.block, self.port = block, nn.Identity()
        self._place, self._entry = place, entry

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> object:
        if self._place < self._entry.place:
            return (hidden_states,)  # nobody reads it; but some families take a block's output apart
        entering = self._entry.vectors if self._place == self._entry.place else hidden_states
        if self._entry.seen:  # wanted
            self._entry.seen.append(entering)
        entering = self.port(entering)
        if torch.is_grad_enabled() and entering.shape[1] > RECOMPUTE_ABOVE:
            # Each block is computed again when its gradient is: then only what one block keeps is in memory.
            again: object = checkpoint(
                self.block, entering, *args, use_reentrant=False, preserve_rng_state=False, **kwargs
            )
            return again
        return self.block(entering, *args, **kwargs)


class _LastPosition(nn.Module):
    """The MLP of the last block, which says something to the explained logit at the last position only."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, hidden_states: Tensor) -> Tensor:
        last: Tensor = self.mlp(hidden_states[:, -1:])
        return nn.functional.pad(last, (0, 0, hidden_states.shape[1] - 1, 0))


def _rows(head: nn.Linear, tokens: list[int]) -> nn.Linear:
    """The output head for these tokens only: the gradient of the others' logits is nothing, and costs as much."""
    rows = nn.Linear(head.in_features, len(tokens), bias=head.bias is not None)
    rows.weight = nn.Parameter(head.weight[tokens], requires_grad=False)
    if head.bias is not None:
        rows.bias = nn.Parameter(head.bias[tokens], requires_grad=False)
    return rows


def _batch(vectors: Tensor) -> int:
    _, n_positions, d_model = vectors.shape
    # With as many tokens as d_model, what a pass keeps for the gradient takes about as much memory as the weights do.
    return max(1, min(BATCH_TOKENS, d_model) // n_positions)


def _per_position(attributions: Tensor) -> Float:
    total: Float = attributions[0].detach().double().sum(-1).numpy().astype(np.float32)
    return total
