"""The model menu, and the bar below the header that reports loading and offers a download."""

from __future__ import annotations

import re
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import dcc, html

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL = "prompt-model"
BAR = "model-bar"
WORDS = "model-words"
FILL = "model-fill"
DOWNLOAD = "model-download"
CANCEL = "model-cancel"
POLL = "model-poll"  # runs while a model is being downloaded or loaded
# Two stores that change with the model's state, so that the panels are drawn again. The prompt's callback reads NEWS,
# which only the page's script writes: reading CHANGED would make a circle of callbacks.
CHANGED = "model-changed"
NEWS = "model-news"

POLL_MS = 700
_MOST_LETTERS = 100  # of the reason in the menu why a model cannot be used
IN_PROGRESS = ("loading", "on disk", "downloading")
BUNDLED = "bundled"
OPEN_ANOTHER = "/open-another"  # no model has this name; assets/open_model.js opens the dialog when it is chosen


def choice(offers: Iterable[Any], *, opens_models: bool = False) -> dbc.Select:
    """The menu of models; the first one is selected. opens_models: whether it ends with "Open another…"."""
    offers = list(offers)
    entries = options(offers, opens_models=opens_models)
    return dbc.Select(id=MODEL, options=entries, value=offers[0].name, size="sm", className="model-choice")


def bar() -> html.Div:
    """One line under the header, hidden while it has no message."""
    return html.Div(
        [
            dcc.Interval(id=POLL, interval=POLL_MS, disabled=True),
            dcc.Store(id=CHANGED),
            dcc.Store(id=NEWS),
            html.Div(id=FILL, className="job-fill"),
            html.Span(id=WORDS, className="job-words", role="status"),
            dbc.Button("Download", id=DOWNLOAD, color="primary", size="sm", class_name="job-hidden"),
            dbc.Button("Cancel", id=CANCEL, color="light", size="sm", class_name="job-hidden"),
        ],
        id=BAR,
        className="model-bar job-hidden",
    )


def options(offers: Iterable[Any], *, opens_models: bool = False) -> list[dict[str, str]]:
    """The menu's entries: name, family, parameters, memory and state of each model; then, perhaps, "Open another…"."""
    entries = [{"value": offer.name, "label": _label(offer)} for offer in offers]
    return [*entries, {"value": OPEN_ANOTHER, "label": "Open another…"}] if opens_models else entries


def size(n_bytes: int) -> str:
    """A size in MB or GB with three digits."""
    return f"{n_bytes / 1e9:.3g} GB" if n_bytes >= 999.5e6 else f"{n_bytes / 1e6:.3g} MB"


def title(name: str) -> str:
    """A model's name on the page."""
    return "Bundled story model" if name == BUNDLED else name


def state_words(offer: Any) -> str:
    """A model's state in a few words, for the menu."""
    if offer.state == "downloading" and offer.download.total:
        return f"downloading, {100 * offer.download.done // offer.download.total}%"
    if offer.state == "to download":
        return f"{size(offer.download_bytes)} to download" if offer.download_bytes else "to download"
    words = {
        "too large": "too large for this machine",
        "forbidden": "download not allowed",
        "unusable": f"cannot be used: {_brief(offer.problem)}",
    }
    notes = ["untrained"] * offer.untrained + [offer.weights_note] * bool(offer.weights_note)
    return ", ".join([str(words.get(offer.state, offer.state)), *notes])


def bar_words(offer: Any, *, values: str = "") -> str:
    """The bar's message on the selected model; empty if there is none. values: what is wrong with its values."""
    name = title(offer.name)
    memory = f" ({size(offer.memory_bytes)})" if offer.memory_bytes else ""
    known = "Only its architecture and sizes are shown" if offer.n_parameters else "Nothing else is known about it yet"
    missing = f"The weights of {name} are not on this machine. {known}."
    loading = f"Loading {name} into memory{memory}."
    untrained = f"Untrained model: the weights of {name} are random, and so are its predictions."
    note = f"{name}: {offer.weights_note}." if offer.weights_note else ""
    messages: dict[str, str] = {
        "ready": " ".join(filter(None, [values, untrained if offer.untrained else "", note])),
        "on disk": loading,
        "loading": loading,
        "downloading": _progress(name, offer.download),
        "to download": offer.problem or f"{missing} To see values, download {_cost(offer)}.",
        "forbidden": f"{missing} This server does not download models; its operator can allow it (ALLOW_DOWNLOADS).",
        "too large": f"{name} needs more memory{memory} than this server has for models. {known}. The server’s "
        "operator can raise the limit (MODEL_MEMORY_MB).",
        "unusable": offer.problem,
    }
    return messages[offer.state]


def download_words(offer: Any) -> str:
    """The label of the download button."""
    if offer.download and offer.download.done:
        return "Resume download"
    return f"Download {size(offer.download_bytes)}" if offer.download_bytes else "Download"


def _brief(problem: str) -> str:
    """The first clause of a message, as the end of a sentence."""
    clause = re.split(r"\. |: |, such as|\.$", problem, maxsplit=1)[0]
    return shorten(clause[:1].lower() + clause[1:], _MOST_LETTERS, placeholder=" …")


def _progress(name: str, download: Any) -> str:
    if not download or not download.total:
        return f"Looking up {name} on the Hugging Face hub."
    if download.done == download.total:
        return f"Checking the downloaded files of {name}."
    return f"Downloading {name}: {size(download.done)} of {size(download.total)}."


def _cost(offer: Any) -> str:
    download = f"about {size(offer.download_bytes)}" if offer.download_bytes else "them"
    return download + (f" (needs {size(offer.memory_bytes)} of memory)" if offer.memory_bytes else "")


def _label(offer: Any) -> str:
    facts = [] if offer.family is None else [offer.family, parameters(offer.n_parameters)]
    if offer.memory_bytes:
        facts.append(f"{size(offer.memory_bytes)} in memory")
    known = f" ({', '.join(facts)})" if facts else ""
    return f"{title(offer.name)}{known} · {state_words(offer)}"


def parameters(count: int) -> str:
    """A number of parameters with three digits."""
    if count >= 999.5e6:
        return f"{count / 1e9:.3g} billion parameters"
    return f"{count / 1e6:.3g} million parameters"
