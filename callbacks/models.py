"""Callback of the model menu and its bar: shows the chosen model's state, and starts and cancels downloads."""

from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from analysis.numerics.nonfinite import find_nonfinite
from callbacks.panel import Values
from callbacks.services import Services
from layouts import compare, ids
from layouts.models import (
    BAR,
    CANCEL,
    CHANGED,
    DOWNLOAD,
    FILL,
    IN_PROGRESS,
    MODEL,
    POLL,
    WORDS,
    bar_words,
    download_words,
    options,
)


def register(app: Dash, services: Services) -> None:
    """Register the callback, which runs when a model is chosen, and regularly while it is downloaded or loaded."""

    @app.callback(
        {
            "words": Output(WORDS, "children"),
            "bar": Output(BAR, "className"),
            "fill": Output(FILL, "style"),
            "download": Output(DOWNLOAD, "children"),
            "download_class": Output(DOWNLOAD, "class_name"),
            "cancel_class": Output(CANCEL, "class_name"),
            "options": Output(MODEL, "options"),
            "other_options": Output(compare.MODEL, "options"),
            "idle": Output(POLL, "disabled"),
            "changed": Output(CHANGED, "data"),
        },
        Input(ids.PROMPT, "data"),
        Input(POLL, "n_intervals"),
        Input(DOWNLOAD, "n_clicks"),
        Input(CANCEL, "n_clicks"),
        Input(ids.OTHER, "data"),
        State(CHANGED, "data"),
        prevent_initial_call=True,
    )
    def follow(prompt: Any, _polls: Any, _downloads: Any, _cancels: Any, other: Any, before: Any) -> Values:
        missing = other if isinstance(other, dict) and not other.get("n_positions") else None
        prompt = missing or prompt  # the bar is about the model that the page waits for
        asked = services.prompt(prompt)
        if ctx.triggered_id == DOWNLOAD:
            services.menu.start_download(asked.model)
        if ctx.triggered_id == CANCEL:
            services.menu.cancel_download(asked.model)
        values = draw_models(services, prompt, polled=ctx.triggered_id == POLL)
        count = before if isinstance(before, int) else 0
        return {**values, "changed": count + 1 if values["changed"] else no_update}

    app.clientside_callback(
        ClientsideFunction("explorer", "modelNews"), Input(CHANGED, "data"), prevent_initial_call=True
    )


def draw_models(services: Services, prompt: dict[str, Any], *, polled: bool = False) -> Values:
    """The bar's text, class and fill, its two buttons, the entries of the menu (`options`), whether to stop polling
    (`idle`), and whether the page has to read its prompt again (`changed`).

    prompt: the page's store. polled: whether the model was being downloaded or loaded at the last call.
    """
    entry = services.menu.entry(prompt["model"])
    values = _values_problem(services, prompt) if entry.state == "ready" else ""
    words, download = bar_words(entry, values=values), entry.download
    in_progress = entry.state in IN_PROGRESS
    share = download.done / download.total if entry.state == "downloading" and download.total else 0
    changed = entry.state == "on disk" or (polled and not in_progress and entry.state != "to download")
    if entry.state == "ready" and not prompt.get("n_positions"):
        changed = True
    if entry.n_parameters and not prompt.get("n_blocks"):
        changed = True  # its configuration has arrived
    mood = " job-busy" if in_progress else " job-failed" if entry.problem or values else ""
    return {
        "words": words,
        "bar": f"model-bar{mood}" if words else "model-bar job-hidden",
        "fill": {"width": f"{100 * share:.1f}%"},
        "download": download_words(entry),
        "download_class": "" if entry.state == "to download" else "job-hidden",
        "cancel_class": "" if entry.state == "downloading" else "job-hidden",
        "options": options(services.menu.entries(), opens_models=services.opener is not None),
        "other_options": compare.model_options(services.menu.entries()),
        "idle": not in_progress,
        "changed": changed,
    }


def _values_problem(services: Services, prompt: dict[str, Any]) -> str:
    """What is wrong with the values of the analysed text; empty if nothing is, or they are not known yet."""
    asked = services.prompt(prompt)
    if not prompt.get("n_positions") or not services.loaded(asked):
        return ""
    trace = services.trace(asked)
    found = find_nonfinite(services.model(asked), trace, derived=partial(services.derived, trace))
    return found.sentence if found else ""
