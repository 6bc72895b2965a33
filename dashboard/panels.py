"""List of the page's panels, one row each, in their order on the page. A panel is five files and a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import Dash, html

import callbacks.activation
import callbacks.architecture
import callbacks.attention
import callbacks.attribution
import callbacks.continuation
import callbacks.effect
import callbacks.embedding
import callbacks.logit_lens
import callbacks.overview
import callbacks.saliency
import callbacks.strip
import callbacks.summary
import layouts.activation
import layouts.architecture
import layouts.attention
import layouts.attribution
import layouts.continuation
import layouts.effect
import layouts.embedding
import layouts.logit_lens
import layouts.overview
import layouts.saliency
import layouts.strip
import layouts.summary
from analysis.task import Task
from callbacks.panel import PanelCallback
from callbacks.services import Services


@dataclass(frozen=True)
class Panel:
    """One panel of the page.

    Attributes
    ----------
    name
        The name of its files, and the beginning of its ids.
    layout, register
        From `layouts/<name>.py` and `callbacks/<name>.py`.
    clicks
        Ids of graphs whose points name selections, in their `customdata` or in their trace's `meta`.
    settings
        Ids of controls whose `value` is part of the page's address.
    dock
        The dock of the workspace (a key of `layouts.workspace.DOCKS`) that it is a tab of; empty for a panel outside.
    task
        For a panel with a job bar: makes the task that a background job computes, from services and a question.
    """

    name: str
    layout: Callable[[], html.Section]
    register: Callable[[Dash, Services], PanelCallback]
    clicks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    dock: str = "upper"
    task: Callable[[Services, Any], Task] | None = None


PANELS: tuple[Panel, ...] = (
    Panel("strip", layouts.strip.layout, callbacks.strip.register, settings=("strip-color",), dock=""),
    Panel(
        "architecture",
        layouts.architecture.layout,
        callbacks.architecture.register,
        settings=("architecture-color",),
        dock="scene",
    ),
    Panel(
        "overview",
        layouts.overview.layout,
        callbacks.overview.register,
        clicks=("overview-graph",),
        dock="scene",
    ),
    Panel("summary", layouts.summary.layout, callbacks.summary.register, clicks=("summary-graph",), dock="left"),
    Panel(
        "attention",
        layouts.attention.layout,
        callbacks.attention.register,
        clicks=("attention-graph", "attention-heads-graph"),
        settings=("attention-view",),
    ),
    Panel(
        "activation",
        layouts.activation.layout,
        callbacks.activation.register,
        clicks=(
            "activation-graph",
            "activation-neuron-graph",
            "activation-neurons-graph",
        ),
        settings=("activation-quantity", "activation-neurons"),
        dock="middle",
    ),
    Panel(
        "embedding",
        layouts.embedding.layout,
        callbacks.embedding.register,
        clicks=("embedding-graph",),
        settings=("embedding-method", "embedding-dimensions", "embedding-scale", "embedding-paths"),
        dock="right",
        task=callbacks.embedding.embedding_task,
    ),
    Panel(
        "logit_lens",
        layouts.logit_lens.layout,
        callbacks.logit_lens.register,
        clicks=("logit_lens-graph", "logit_lens-depth-graph", "logit_lens-rank-graph"),
        settings=("logit_lens-pins",),
        task=callbacks.logit_lens.logit_lens_task,
    ),
    Panel(
        "saliency",
        layouts.saliency.layout,
        callbacks.saliency.register,
        clicks=("saliency-graph", "saliency-depth-graph"),
        settings=("saliency-method", "saliency-baseline", "saliency-against"),
        dock="lower",
        task=callbacks.saliency.saliency_task,
    ),
    Panel(
        "attribution",
        layouts.attribution.layout,
        callbacks.attribution.register,
        clicks=("attribution-graph",),
        settings=("attribution-view", "attribution-against"),
    ),
    Panel(
        "effect",
        layouts.effect.layout,
        callbacks.effect.register,
        clicks=("effect-graph", "effect-sweep-graph"),
        settings=(
            "effect-grid",
            "effect-replacement",
            "effect-where",
            "effect-what",
            "effect-against",
            "effect-removed",
        ),
        dock="lower",
        task=callbacks.effect.effect_task,
    ),
    Panel(
        "continuation",
        layouts.continuation.layout,
        callbacks.continuation.register,
        settings=(
            "continuation-tokens",
            "continuation-how",
            "continuation-temperature",
            "continuation-top_k",
            "continuation-top_p",
            "continuation-seed",
        ),
        task=callbacks.continuation.continuation_task,
    ),
)
