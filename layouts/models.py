"""The choice of a model: what the list says of each, and the bar that says what is missing and offers it."""

from __future__ import annotations

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
POLL = "model-poll"  # runs while a model is on its way
# Stores: both change when what is shown has to be asked for again, as its model's state has changed. The second is
# written by the page's script alone: what asks would otherwise depend on what it asks for.
CHANGED = "model-changed"
NEWS = "model-news"

POLL_MS = 700
ON_ITS_WAY = ("loading", "on disk", "downloading")
BUNDLED = "bundled"


def choice(offers: Iterable[Any]) -> dbc.Select:
    """The list of models."""
    offers = list(offers)
    return dbc.Select(id=MODEL, options=options(offers), value=offers[0].name, size="sm", className="model-choice")


def bar() -> html.Div:
    """One line under the header, hidden while there is nothing to say."""
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


def download_button() -> html.Button:
    """The same offer, from within a panel."""
    return html.Button("Download it", type="button", className="quiet-button", **{"data-press": DOWNLOAD})


def options(offers: Iterable[Any]) -> list[dict[str, str]]:
    """The list's entries in words: name, family, parameters, memory, state."""
    return [{"value": offer.name, "label": _label(offer)} for offer in offers]


def size(n_bytes: int) -> str:
    """In MB or GB, three digits."""
    return f"{n_bytes / 1e9:.3g} GB" if n_bytes >= 999.5e6 else f"{n_bytes / 1e6:.3g} MB"


def title(name: str) -> str:
    """What a model is called on the page."""
    return "Bundled story model" if name == BUNDLED else name


def state_words(offer: Any) -> str:
    """How a model stands, in a few words."""
    if offer.state == "downloading" and offer.download.total:
        return f"downloading, {100 * offer.download.done // offer.download.total} %"
    if offer.state == "to download":
        return f"{size(offer.download_bytes)} to download" if offer.download_bytes else "to download"
    words = {"too large": "too large for this machine", "forbidden": "not allowed here", "unusable": "cannot be used"}
    return str(words.get(offer.state, offer.state)) + (", never trained" if offer.untrained else "")


def bar_words(offer: Any) -> str:
    """What the bar says of the chosen model; empty if there is nothing to say."""
    name = title(offer.name)
    memory = f" ({size(offer.memory_bytes)})" if offer.memory_bytes else ""
    known = "Its architecture and sizes are shown without them" if offer.n_parameters else "Nothing is known of it yet"
    away = f"The weights of {name} are not on this machine. {known}"
    loading = f"{name} is being loaded into memory{memory}."
    return {
        "ready": f"The weights of {name} were never trained: they are random numbers." if offer.untrained else "",
        "on disk": loading,
        "loading": loading,
        "downloading": _progress(name, offer.download),
        "to download": offer.problem or f"{away}; values need a download{_cost(offer)}.",
        "forbidden": f"{away}; this server does not download models. Its host may allow it (ALLOW_DOWNLOADS).",
        "too large": f"{name} needs more memory{memory} than this server has for models. {known}; its host may allow "
        "more (MODEL_MEMORY_MB).",
        "unusable": offer.problem,
    }[offer.state]


def download_words(offer: Any) -> str:
    """The words of the button that downloads."""
    if offer.download and offer.download.done:
        return "Go on downloading"
    return f"Download {size(offer.download_bytes)}" if offer.download_bytes else "Download"


def _progress(name: str, download: Any) -> str:
    if not download or not download.total:
        return f"Asking the hub for {name}."
    if download.done == download.total:
        return f"Checking {name}."
    return f"Downloading {name}: {size(download.done)} of {size(download.total)}."


def _cost(offer: Any) -> str:
    costs = []
    if offer.download_bytes:
        costs.append(f" of about {size(offer.download_bytes)}")
    if offer.memory_bytes:
        costs.append(f" and {size(offer.memory_bytes)} of memory")
    return "".join(costs)


def _label(offer: Any) -> str:
    facts = [] if offer.family is None else [offer.family, f"{offer.n_parameters / 1e6:,.3g} M parameters"]
    if offer.n_parameters and offer.n_parameters >= 999.5e6:
        facts[1] = f"{offer.n_parameters / 1e9:.3g} G parameters"
    if offer.memory_bytes:
        facts.append(f"{size(offer.memory_bytes)} in memory")
    known = f" ({', '.join(facts)})" if facts else ""
    return f"{title(offer.name)}{known} · {state_words(offer)}"
