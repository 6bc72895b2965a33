"""A panel's job bar: what it says and starts, all in the browser (`assets/job.js`)."""

from dash import ClientsideFunction, Dash, Input, Output

from layouts.job import JobIds


def register(app: Dash, name: str) -> None:
    """Wire the job bar of the panel of that name."""
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
    # By way of a store that no callback writes: what depends on a callback in flight waits for it, progress too.
    app.clientside_callback(
        ClientsideFunction("explorer", "jobDone"), Input(ids.done, "data"), prevent_initial_call=True
    )
