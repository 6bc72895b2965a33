"""A network without the project's hooks, on which tests do by their own what interventions do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from analysis.causes.intervention import Unit
from analysis.models.language_model import LanguageModel
from tests.analysis.parts import Parts

Change = Callable[[Tensor], None]  # of values (n_positions, width), in place


class Bare:
    """A copy of a model's network, with hooks of the tests' own only."""

    def __init__(self, model: LanguageModel) -> None:
        self.network: Any = deepcopy(model.network)
        for module in self.network.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
            # Transformers' own, which record attentions, are gone too; without the mark they are installed again.
            module.__dict__.pop("_output_capturing_hooks_installed", None)
        self.parts, self.info = Parts(self.network), model.info

    def logits(self, ids: Any) -> Tensor:
        with torch.no_grad():
            return self.network(torch.tensor(ids)[None]).logits[0]

    @contextmanager
    def changing(self, unit: Unit, block: int, change: Change) -> Iterator[None]:
        """While a function changes the values of a unit of a block."""

        def changed(values: Tensor) -> Tensor:
            own = values.reshape(-1, values.shape[-1]).clone()
            change(own)
            return own.reshape(values.shape)

        parts = self.parts
        if unit == "stream":

            def stream(_block: Any, args: Any, kwargs: Any) -> Any:
                if args:
                    return (changed(args[0]), *args[1:]), kwargs
                return args, kwargs | {"hidden_states": changed(kwargs["hidden_states"])}

            handle = parts.blocks[block].register_forward_pre_hook(stream, with_kwargs=True)
        elif unit in ("attention", "mlp"):
            module = (parts.attention_written if unit == "attention" else parts.mlp_written)[block]

            def written(_module: Any, _args: Any, output: Any) -> Any:
                # An attention's output comes with its weights.
                return (changed(output[0]), *output[1:]) if isinstance(output, tuple) else changed(output)

            handle = module.register_forward_hook(written)
        else:
            module = (parts.attention_out if unit == "head" else parts.mlp_out)[block]
            handle = module.register_forward_pre_hook(lambda _m, args: (changed(args[0]), *args[1:]))
        try:
            yield
        finally:
            handle.remove()

    def columns(self, unit: Unit, index: int | None) -> slice:
        """Which of a unit's values are those of one head, tile or neuron."""
        width = {"head": self.info.d_head, "tile": -(-self.info.n_neurons // 64), "neuron": 1}.get(unit)
        return slice(None) if width is None or index is None else slice(index * width, (index + 1) * width)

    def values(self, unit: Unit, block: int, ids: Any) -> Tensor:
        seen = []
        with self.changing(unit, block, lambda values: seen.append(values.clone())):
            self.logits(ids)
        return seen[0]
