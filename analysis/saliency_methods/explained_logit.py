"""The explained logit as a function of the input of the network or of one of its blocks, with captum's methods."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from captum.attr import FeatureAblation, IntegratedGradients, LayerGradientXActivation
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from analysis.models.fuse import fuse_activations, fuse_attention
from analysis.models.language_model import LanguageModel
from analysis.trace import Float

RECOMPUTE_ABOVE = 256  # tokens; for longer texts, all blocks' activations for the gradient would take gigabytes
BATCH_TOKENS = 960  # in all texts of one pass: fewer leave cores idle, more do not fit into their caches


class ExplainedLogit(nn.Module):
    """The logit of `target` after the last position, minus that of `against` if there is one.

    A function of the vectors at a depth, (batch, n_positions, d_model): depth 0 is the token embeddings, depth k the
    input of block k-1, for which the blocks before it are not run. The modules are copies that share the model's
    weights, so that no other thread sees captum's hooks.
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
        self._entry = _EntryPoint()
        self._ports = [nn.Identity()]
        blocks = self._network.get_submodule(model.family.blocks)
        assert isinstance(blocks, nn.ModuleList)
        for index, block in enumerate(blocks):
            gate = _Gate(block, index + 1, self._entry)
            blocks[index] = gate
            self._ports.append(gate.port)
        mlp = model.family.mlp_out.rpartition(".")[0]
        if mlp:  # some families have no module for it
            block.set_submodule(mlp, _LastPosition(block.get_submodule(mlp)))

    @staticmethod
    def batch_size(vectors: Tensor) -> int:
        """How many texts like these, (batch, n_positions, d_model), go through the network in one pass."""
        _, n_positions, d_model = vectors.shape
        # With d_model tokens, the activations of a pass take about as much memory as the weights.
        return max(1, min(BATCH_TOKENS, d_model) // n_positions)

    def forward(self, vectors: Tensor) -> Tensor:
        """The logit of each text, (batch,)."""
        self._count(len(vectors))
        self._entry.vectors = vectors
        embeddings = vectors if self._entry.depth else self._ports[0](vectors)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._entry.bfloat16):
            logits = self._network(inputs_embeds=embeddings, use_cache=False, logits_to_keep=1).logits[:, -1]
        explained: Tensor = logits[:, 0]
        return explained if logits.shape[-1] == 1 else explained - logits[:, 1]

    @contextmanager
    def counting(self, report: Callable[[int], None]) -> Iterator[None]:
        """Call `report` before each pass within the context, with the number of texts that are done."""
        done = 0

        def count(batch: int) -> None:
            nonlocal done
            report(done)
            done += batch

        self._count = count
        try:
            yield
        finally:
            self._count = lambda _n: None

    def read(self, *texts: Tensor) -> tuple[list[float], list[Tensor]]:
        """The logit of each text, and their vectors at every depth, (number of texts, n_positions, d_model), from one
        pass in float32.
        """
        embeddings = torch.cat(texts)
        self._entry.depth, self._entry.recorded = 0, [embeddings]
        try:
            with torch.no_grad():
                return self(embeddings).tolist(), self._entry.recorded
        finally:
            self._entry.recorded = []

    def values(self, depth: int, vectors: Tensor) -> NDArray[np.float64]:
        """The logit for each of some vectors at a depth, (batch,), from passes in float32."""
        self._entry.depth = depth
        try:
            with torch.no_grad():
                logits = [self(some) for some in vectors.split(self.batch_size(vectors))]
        finally:
            self._entry.depth = 0
        values: NDArray[np.float64] = torch.cat(logits).double().numpy()
        return values

    def integrate(
        self, depth: int, vectors: Tensor, baselines: Tensor, points: int, *, bfloat16: bool
    ) -> NDArray[np.float64]:
        """Integrated gradients at a depth by Gauss-Legendre quadrature, (batch, n_positions), in logits.

        From each baseline to its vectors, in one pass if so many texts fit into it.
        """
        self._entry.depth, self._entry.bfloat16 = depth, bfloat16
        try:
            # Not LayerIntegratedGradients, which would need another pass to find the vectors.
            attributions = IntegratedGradients(self).attribute(
                vectors,
                baselines=baselines,
                n_steps=points,
                method="gausslegendre",
                internal_batch_size=max(len(vectors), self.batch_size(vectors)),
            )
        finally:
            self._entry.depth, self._entry.bfloat16 = 0, False
        sums: NDArray[np.float64] = attributions.detach().double().sum(-1).numpy()
        return sums

    def gradients(self, embeddings: Tensor, *, times_input: bool) -> list[Float]:
        """At every depth, (n_positions,): gradient times vector, or else the gradient's L2 norm; from one pass."""
        method = LayerGradientXActivation(self, self._ports, multiply_by_inputs=times_input)
        found = method.attribute(embeddings.clone())  # captum sets requires_grad on its argument
        return [_per_position(one) if times_input else one[0].norm(dim=-1).numpy() for one in found]

    def occlude(self, embeddings: Tensor, baseline: Tensor) -> Float:
        """The loss of the logit when one token's embedding is replaced by the baseline, (n_positions,), in logits."""
        losses = FeatureAblation(self).attribute(
            embeddings,
            baselines=baseline,
            feature_mask=torch.arange(embeddings.shape[1])[None, :, None],
            perturbations_per_eval=self.batch_size(embeddings),
        )
        # Exactly 0 where nothing is replaced, though batches of different sizes round differently.
        unchanged = (embeddings == baseline).all(-1)
        result: Float = losses[..., 0].masked_fill(unchanged, 0)[0].numpy()
        return result


@dataclass
class _EntryPoint:
    """The depth at which the function's vectors enter, and the precision of the pass.

    recorded: the vectors at every depth; empty unless they are to be recorded.
    """

    depth: int = 0
    recorded: list[Tensor] = field(default_factory=list)
    vectors: Tensor = field(default_factory=lambda: torch.empty(0))
    bfloat16: bool = False


class _Gate(nn.Module):
    """A block whose input passes through a port: the function's vectors at the entry point; not run before it."""

    def __init__(self, block: nn.Module, depth: int, entry: _EntryPoint) -> None:
        super().__init__()
        self.block, self.port = block, nn.Identity()
        self._depth, self._entry = depth, entry

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> object:
        if self._depth < self._entry.depth:
            return (hidden_states,)  # never read, but some families unpack a block's output
        entering = self._entry.vectors if self._depth == self._entry.depth else hidden_states
        if self._entry.recorded:
            self._entry.recorded.append(entering)
        entering = self.port(entering)
        if torch.is_grad_enabled() and entering.shape[1] > RECOMPUTE_ABOVE:
            # Gradient checkpointing: each block is run again for its gradient, and its activations are not kept.
            again: object = checkpoint(
                self.block, entering, *args, use_reentrant=False, preserve_rng_state=False, **kwargs
            )
            return again
        return self.block(entering, *args, **kwargs)


class _LastPosition(nn.Module):
    """The MLP of the last block, run at the last position only: the explained logit depends on no other."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, hidden_states: Tensor) -> Tensor:
        last: Tensor = self.mlp(hidden_states[:, -1:])
        return nn.functional.pad(last, (0, 0, hidden_states.shape[1] - 1, 0))


def _rows(head: nn.Linear, tokens: list[int]) -> nn.Linear:
    """The output head for these tokens only: the other logits would cost time and contribute no gradient."""
    rows = nn.Linear(head.in_features, len(tokens), bias=head.bias is not None)
    rows.weight = nn.Parameter(head.weight[tokens], requires_grad=False)
    if head.bias is not None:
        rows.bias = nn.Parameter(head.bias[tokens], requires_grad=False)
    return rows


def _per_position(attributions: Tensor) -> Float:
    total: Float = attributions[0].detach().double().sum(-1).numpy().astype(np.float32)
    return total
