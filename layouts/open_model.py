"""The dialog "Open another model" of a local server: a field, what was found under its text, and the opening button."""

from __future__ import annotations

from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts.models import parameters, size, title

DIALOG = "open-model"
SOURCE = "open-model-source"
LOOK = "open-model-look"
FOUND = "open-model-found"
OPEN = "open-model-open"
LOOKED = "open-model-looked"  # the text that FOUND is about
_TITLE = "open-model-title"


def dialog() -> dbc.Modal:
    """The dialog, closed. assets/open_model.js opens it and clears what was found when the text changes."""
    return dbc.Modal(
        [
            dbc.ModalHeader(dbc.ModalTitle("Open another model", id=_TITLE, tag="h2")),
            dbc.ModalBody(
                [
                    dcc.Store(id=LOOKED),
                    html.Label("A folder, a .gguf file, or an id on the Hugging Face hub", htmlFor=SOURCE),
                    html.Div(
                        [
                            dbc.Input(
                                id=SOURCE,
                                value="",
                                placeholder="~/checkpoints/run-3 or owner/name",
                                autocomplete="off",
                                autofocus=True,
                            ),
                            dbc.Button("Look it up", id=LOOK, color="light", type="button"),
                        ],
                        className="open-model-field",
                    ),
                    html.P(
                        "Only its configuration is read now. Weights are read or downloaded when you open it.",
                        className="open-model-hint",
                    ),
                    html.Div(id=FOUND, role="status", className="open-model-found"),
                ]
            ),
            dbc.ModalFooter(
                [
                    html.Button("Cancel", type="button", className="quiet-button", **{"data-close-dialog": DIALOG}),
                    dbc.Button("Open", id=OPEN, color="primary", type="button", disabled=True),
                ]
            ),
        ],
        id=DIALOG,
        is_open=False,
        labelledby=_TITLE,
        scrollable=True,
        autofocus=False,
    )


def found_words(found: Any) -> list[Any]:
    """What was found, or why the model cannot be opened."""
    if found.problem:
        return [html.P(found.problem, className="open-model-problem")]
    info, summary = found.outline.info, found.outline.summary
    weights = f"{size(found.download_bytes)} to download" if found.download_bytes else "On this machine"
    if info.weights_note:
        weights += f": {info.weights_note}"
    facts = {
        "Architecture": f"{info.family}: {info.n_blocks} blocks, {info.n_heads} heads each, width {info.d_model:,}",
        "Parameters": f"{parameters(info.n_parameters)} ({info.n_parameters:,})".replace(" parameters", ""),
        "Longest text": f"{info.max_positions:,} tokens",
        "Weights": weights,
        "Memory": f"{size(summary.memory_bytes)} needed. This machine has {size(found.total_bytes)}, of which "
        f"{size(found.free_bytes)} are free.",
    }
    if found.where:
        facts["Read from"] = found.where
    rows = [part for term, words in facts.items() for part in (html.Dt(term), html.Dd(words))]
    heading = html.H3(title(found.name))
    remark = _remark(found)
    return [heading, html.Dl(rows), *([html.P(remark, className="open-model-problem")] if remark else [])]


def button_words(found: Any) -> str:
    """What the button that opens the model does."""
    if found.problem:
        return "Open"
    if not found.fits:
        return "Show its architecture"
    return f"Download {size(found.download_bytes)} and open" if found.download_bytes else "Open"


def _remark(found: Any) -> str:
    needed = found.outline.summary.memory_bytes
    if not found.fits:
        limit = (
            "than this machine has"
            if needed > found.total_bytes
            else f"than the {size(found.allowed_bytes)} that the server may use for it (MODEL_MEMORY_MB)"
        )
        return f"Its weights need more memory {limit}, so only its architecture and sizes can be shown."
    if needed > found.free_bytes:
        return "It needs more memory than is free now: close other programs first, or loading it may take very long."
    return ""
