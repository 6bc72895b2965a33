"""Calls of `visualize` that draw what a panel shows: which function, with which arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.generation.sampling import read_sampling
from analysis.logit_lens import pinned_ids
from analysis.saliency import read_token_id
from analysis.selection import Part
from dashboard.snapshot.address import PageQuestion
from layouts import (
    activation,
    architecture,
    attention,
    attribution,
    continuation,
    effect,
    embedding,
    logit_lens,
    overview,
    saliency,
    summary,
)
from layouts.continuation import USUAL

COLORED = (architecture.NAME, overview.NAME)  # panels whose colours may come from another panel's job


@dataclass(frozen=True)
class Call:
    """A call of a function of `visualize`, whose first argument is the text.

    Attributes
    ----------
    function
        Its name.
    arguments
        By keyword, plain values; those that are None are left out.
    results
        The names of the panel's results that its figure has, too.
    name
        What the figure is called.
    from_job
        Whether a job has computed them, perhaps with more than one thread.
    patches
        Whether the second argument is the other text.
    """

    function: str
    arguments: Mapping[str, Any]
    results: tuple[str, ...]
    name: str
    from_job: bool = False
    patches: bool = False


@dataclass(frozen=True)
class Drawn:
    """What a panel shows. n_blocks: of the model. results: what its figures are drawn from, by name."""

    question: PageQuestion
    n_blocks: int
    results: Mapping[str, Any]

    @property
    def explained(self) -> dict[str, Any]:
        """The position and the target whose logit is explained."""
        chosen = self.question.selection
        return {"position": chosen.position, "target": chosen.target}

    def setting(self, id: str) -> Any:
        """The value of a setting, None for an empty one."""
        return self.question.settings[id] or None

    def token(self, id: str) -> int | None:
        """The token of a setting, by its id."""
        return read_token_id(self.setting(id) or "")


def _figure(function: str, arguments: Mapping[str, Any], name: str, drawn: Drawn, **more: Any) -> Call:
    """The call for a panel whose result has the panel's name, and in A − B is the difference."""
    return Call(function, arguments, (name if drawn.question.other is None else "difference",), name, **more)


def calls_of(panel: str, drawn: Drawn) -> list[Call]:
    """The calls for a panel; none if `visualize` has no function for what it shows."""
    made = _CALLS[panel](drawn) if panel in _CALLS and drawn.results else []
    return [call for call in made if not call.results or set(call.results) & drawn.results.keys()]


def _attention(drawn: Drawn) -> list[Call]:
    chosen = drawn.question.selection
    about = {"layer": chosen.block, "position": chosen.position, "view": drawn.setting(attention.VIEW)}
    return [_figure("plot_attention", {**about, "head": _Given(chosen.head)}, "attention", drawn)]


def _activation(drawn: Drawn) -> list[Call]:
    chosen = drawn.question.selection
    about = {
        "layer": str(chosen.part) if chosen.block is None else chosen.block,
        "neuron": chosen.neuron,
        "position": chosen.position,
        "quantity": drawn.setting(activation.QUANTITY),
        "neurons": drawn.setting(activation.NEURONS),
    }
    return [Call("plot_token_activations", about, ("activation",), "activation")]


def _embedding(drawn: Drawn) -> list[Call]:
    chosen = drawn.question.selection
    ends = {Part.NORM: drawn.n_blocks - 1, Part.OUTPUT: drawn.n_blocks - 1}
    about = {
        "layer": ends.get(chosen.part, chosen.block),
        "position": chosen.position,
        "method": drawn.setting(embedding.METHOD),
        "dimensions": int(drawn.setting(embedding.DIMENSIONS)),
        "scale": drawn.setting(embedding.SCALE),
        "paths": drawn.setting(embedding.PATHS),
    }
    return [_figure("plot_token_embeddings", about, "embedding", drawn, from_job=True)]


def _logit_lens(drawn: Drawn) -> list[Call]:
    pins = list(pinned_ids(drawn.setting(logit_lens.PINS) or ""))
    about = {"select": str(drawn.question.selection), "pins": pins or None}
    return [_figure("plot_logit_lens", about, "logit_lens", drawn, from_job=True)]


def _saliency(drawn: Drawn) -> list[Call]:
    about = {
        **drawn.explained,
        "against": drawn.token(saliency.AGAINST),
        "method": drawn.setting(saliency.METHOD),
        "baseline": drawn.setting(saliency.BASELINE),
    }
    return [Call("plot_gradients", about, ("saliency",), "saliency", from_job=True)]


def _attribution(drawn: Drawn) -> list[Call]:
    about = {"select": str(drawn.question.selection), "against": drawn.token(attribution.AGAINST)}
    return [Call("plot_logit_attribution", about, ("attribution",), "attribution")]


def _summary(drawn: Drawn) -> list[Call]:
    if drawn.question.other is not None:
        return []
    return [Call("plot_prediction", {"select": str(drawn.question.selection)}, ("summary",), "summary")]


def _effect(drawn: Drawn) -> list[Call]:
    grid, logit = drawn.setting(effect.GRID), {**drawn.explained, "against": drawn.token(effect.AGAINST)}
    if grid != "removals":
        del logit["position"]
        return [
            Call("plot_patching", {"carried": grid, **logit}, ("patching",), "patching", from_job=True, patches=True)
        ]
    removed = {"remove": drawn.question.settings[effect.REMOVED] or ""}
    return [
        Call(
            "plot_ablation", {**removed, **logit}, ("effect",) if drawn.question.other is None else ("a", "b"), "effect"
        ),
        Call("plot_ablation", {**_removal(drawn), **logit}, ("sweep",), "sweep", from_job=True),
    ]


def _removal(drawn: Drawn) -> dict[str, Any]:
    everywhere = None if drawn.setting(effect.WHERE) == "all" else False
    return {"replacement": drawn.setting(effect.REPLACEMENT), "everywhere": everywhere}


def _scene(function: str, name: str, *texts: str) -> Callable[[Drawn], list[Call]]:
    """The call of the scene, or of the overview, which has the same colours."""

    def calls(drawn: Drawn) -> list[Call]:
        result = drawn.results.get(name)
        if result is None:
            return []
        color_by = getattr(result, "parts", result).color_by
        if color_by == "kind" and drawn.question.other is not None:  # nothing can be compared
            return []
        about = {"select": str(drawn.question.selection), "color_by": color_by}
        if color_by == "attribution":
            about["against"] = drawn.token(attribution.AGAINST)
        if color_by == "effect":
            about |= {**_removal(drawn), "against": drawn.token(effect.AGAINST)}
        return [Call(function, about, (name, *texts), name, from_job=color_by == "effect")]

    return calls


def _continuation(drawn: Drawn) -> list[Call]:
    typed = [drawn.setting(id) or USUAL[id] for id in USUAL]
    sampling = read_sampling(drawn.setting(continuation.HOW), *typed)
    more = {} if sampling.greedy else asdict(sampling)
    return [Call("continue_text", {"n_tokens": int(drawn.setting(continuation.TOKENS)), **more}, (), "continuation")]


@dataclass(frozen=True)
class _Given:
    """An argument that is written even if it is None, because that is not its default."""

    value: Any


def argument(value: Any) -> Any:
    """The value of an argument; `...` for one that is left out."""
    if isinstance(value, _Given):
        return value.value
    return ... if value is None else value


_CALLS: dict[str, Callable[[Drawn], list[Call]]] = {
    architecture.NAME: _scene("enhanced_3d_visualization", "architecture", "tokens", "predictions"),
    overview.NAME: _scene("plot_overview", "overview"),
    summary.NAME: _summary,
    attention.NAME: _attention,
    activation.NAME: _activation,
    embedding.NAME: _embedding,
    logit_lens.NAME: _logit_lens,
    saliency.NAME: _saliency,
    attribution.NAME: _attribution,
    effect.NAME: _effect,
    continuation.NAME: _continuation,
}
