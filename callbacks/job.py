"""Clientside callbacks for a panel's job bar: its text, its buttons, and the start of jobs (`assets/job.js`)."""

from dash import ClientsideFunction, Dash, Input, Output

from layouts.job import JobIds


def register(app: Dash, name: str) -> None:
    """Register the callbacks for the panel with this name."""
    ids = JobIds(name)
    app.clientside_callback(
        ClientsideFunction("explorer", "jobBar"),
        Output(ids.words, "children"),
        Output(ids.compute, "children"),
        Output(ids.compute, "class_name"),
        Output(ids.cancel, "class_name"),
        Output(ids.fill, "style"),
        Output(ids.bar, "className"),
        Input(ids.offer, "data"),
        Input(ids.tick, "data"),
        Input(ids.ended, "data"),
        Input(ids.news, "data"),
        Input(ids.compute, "n_clicks"),
        Input(ids.cancel, "n_clicks"),
        prevent_initial_call=True,
    )
    # The bar does not read `done` itself, but a copy that no server callback writes: Dash delays a callback while one
    # that writes its inputs is running, so the bar would show no progress.
    app.clientside_callback(
        ClientsideFunction("explorer", "jobDone"), Input(ids.done, "data"), prevent_initial_call=True
    )
