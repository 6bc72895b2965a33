"""The choice of a model: what the list and the bar say, and what happens while a model is on its way."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from layouts import ids
from layouts.models import (
    BAR,
    CANCEL,
    CHANGED,
    DOWNLOAD,
    FILL,
    MODEL,
    ON_ITS_WAY,
    POLL,
    WORDS,
    bar_words,
    download_words,
    options,
)


def register(app: Dash, services: Any) -> None:
    """Tell how the chosen model stands, when it is chosen and as long as it is on its way."""

    @app.callback(
        Output(WORDS, "children"),
        Output(BAR, "className"),
        Output(FILL, "style"),
        Output(DOWNLOAD, "children"),
        Output(DOWNLOAD, "class_name"),
        Output(CANCEL, "class_name"),
        Output(MODEL, "options"),
        Output(POLL, "disabled"),
        Output(CHANGED, "data"),
        Input(ids.PROMPT, "data"),
        Input(POLL, "n_intervals"),
        Input(DOWNLOAD, "n_clicks"),
        Input(CANCEL, "n_clicks"),
        State(CHANGED, "data"),
        prevent_initial_call=True,
    )
    def follow(prompt: Any, _polls: Any, _downloads: Any, _cancels: Any, before: Any) -> tuple[Any, ...]:
        model = services.prompt(prompt).model
        if ctx.triggered_id == DOWNLOAD:
            services.menu.start_download(model)
        if ctx.triggered_id == CANCEL:
            services.menu.cancel_download(model)
        *bar, polling, changed = draw_models(services, prompt, polled=ctx.triggered_id == POLL)
        count = before if isinstance(before, int) else 0
        return *bar, not polling, count + 1 if changed else no_update

    app.clientside_callback(
        ClientsideFunction("explorer", "modelNews"), Input(CHANGED, "data"), prevent_initial_call=True
    )


def draw_models(services: Any, prompt: dict[str, Any], *, polled: bool = False) -> tuple[Any, ...]:
    """Words, class and fill of the bar; the button's words and class, the class of the other; the list of models;
    whether the model is on its way; and whether the page has to ask anew.

    prompt: what the page shows. polled: whether it was on its way before.
    """
    entry = services.menu.entry(prompt["model"])
    words, download = bar_words(entry), entry.download
    on_its_way = entry.state in ON_ITS_WAY
    share = download.done / download.total if entry.state == "downloading" and download.total else 0
    changed = entry.state == "on disk" or (polled and not on_its_way and entry.state != "to download")
    if entry.state == "ready" and not prompt.get("n_positions"):
        changed = True
    if entry.n_parameters and not prompt.get("n_blocks"):
        changed = True  # its configuration has come
    mood = " job-busy" if on_its_way else " job-failed" if entry.problem else ""
    return (
        words,
        f"model-bar{mood}" if words else "model-bar job-hidden",
        {"width": f"{100 * share:.1f}%"},
        download_words(entry),
        "" if entry.state == "to download" else "job-hidden",
        "" if entry.state == "downloading" else "job-hidden",
        options(services.menu.entries()),
        on_its_way,
        changed,
    )
