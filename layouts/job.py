"""A panel's slow result: what it will cost, how far it is, and the buttons to start and to cancel it."""

from dataclasses import dataclass

import dash_bootstrap_components as dbc
from dash import dcc, html


@dataclass(frozen=True)
class JobIds:
    """The ids of a panel's job.

    Stores: offer (by the panel’s callback: what it could not draw); start, fresh, ended, news (by assets/job.js: what
    is to run; that there is something new to draw; the last words of a job; that the bar has something new to say);
    tick, done (by the job).
    """

    panel: str

    def __getattr__(self, name: str) -> str:
        return f"{self.panel}-job-{name}"


STORES = ("offer", "start", "tick", "done", "ended", "news", "fresh")


def picture_of(name: str) -> str:
    """The id of what a panel's slow result is drawn in."""
    return f"{name}-picture"


def picture(name: str, *children: object) -> html.Div:
    """What a panel's slow result is drawn in; `data-old` is empty at first, then says whether it is of before."""
    return html.Div(list(children), id=picture_of(name), className="picture", **{"data-old": ""})


def job_bar(name: str) -> html.Div:
    """One line under the panel's controls; its words and buttons are set by assets/job.js."""
    ids = JobIds(name)
    return html.Div(
        [
            *(dcc.Store(id=getattr(ids, store)) for store in STORES),
            html.Div(id=ids.fill, className="job-fill"),
            html.Span(id=ids.words, className="job-words", role="status"),
            dbc.Button("Compute", id=ids.compute, color="primary", size="sm", class_name="job-hidden"),
            dbc.Button("Cancel", id=ids.cancel, color="light", size="sm", class_name="job-hidden"),
        ],
        id=ids.bar,
        className="job-bar",
    )
