"""A panel's background job: the bar with its cost, progress and buttons, and the element that shows its result."""

from dataclasses import dataclass

import dash_bootstrap_components as dbc
from dash import dcc, html


@dataclass(frozen=True)
class JobIds:
    """The ids of a panel's job: `JobIds("saliency").start` is `saliency-job-start`.

    Each store has one writer. The panel's callback writes `offer`, the job that it could not show the result of.
    `assets/job.js` writes `start` (the job to run), `fresh` (there is a result to draw), `ended` (a job's final state)
    and `news` (the bar's text has changed). The job writes `tick` (its progress) and `done` (its final state).
    """

    panel: str

    def __getattr__(self, name: str) -> str:
        return f"{self.panel}-job-{name}"


STORES = ("offer", "start", "tick", "done", "ended", "news", "fresh")


def picture_of(name: str) -> str:
    """The id of the element that shows the result of a panel's job."""
    return f"{name}-picture"


def picture(name: str, *children: object) -> html.Div:
    """The element that shows the result of a panel's job.

    `data-old` is empty at first; then it is "true" while a previous result is shown, else "false".
    """
    return html.Div(list(children), id=picture_of(name), className="picture", **{"data-old": ""})


def job_bar(
    name: str,
    *,
    verb: str | None = None,
    cancel: str = "Cancel",
    cancelled: str | None = None,
    idle: str | None = None,
) -> html.Div:
    """One line under the panel's controls; `assets/job.js` sets its text and shows its buttons.

    verb, cancel: what the buttons say. cancelled, idle: what the bar says after a job was cancelled, and before one is
    started. By default the words are those of a computation.
    """
    ids = JobIds(name)
    words = {"data-verb": verb, "data-cancelled": cancelled, "data-idle": idle}
    return html.Div(
        [
            *(dcc.Store(id=getattr(ids, store)) for store in STORES),
            html.Div(id=ids.fill, className="job-fill"),
            html.Span(id=ids.words, className="job-words"),
            dbc.Button(verb or "Compute", id=ids.compute, color="primary", size="sm", class_name="job-hidden"),
            dbc.Button(cancel, id=ids.cancel, color="light", size="sm", class_name="job-hidden"),
        ],
        id=ids.bar,
        className="job-bar",
        **{name: value for name, value in words.items() if value is not None},
    )
