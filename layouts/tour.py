"""The tour: five steps through the page. `assets/tour.js` offers it on the first visit, and shows it on demand."""

from __future__ import annotations

from typing import Any, NamedTuple

from dash import html

from layouts import lessons, views
from layouts.static_parts import static
from layouts.strip import CHIPS

CARD = "tour"
OFFER = "tour-offer"


class Step(NamedTuple):
    """A step of the tour. targets: selectors of what it explains, of which the first that is visible counts."""

    title: str
    words: str
    targets: str


STEPS = (
    Step(
        "Your text",
        "Type a sentence and press Enter. “Examples” has some in which there is something to see.",
        ".question",
    ),
    Step(
        "Tokens",
        "The model reads your text in these pieces. Click one: all pictures show what happens there.",
        f"#{CHIPS}",
    ),
    Step(
        "The network",
        "All parts of the model, from left to right: attention heads above the line, MLP neurons below. Click a box to "
        "select it.",
        "#architecture-panel:not([hidden]) #architecture-graph, #overview-panel:not([hidden]) .panel-body",
    ),
    Step(
        "Panels",
        "What is selected, seen in other ways. These are tabs. “?” says how to read a panel, and underlined words "
        "explain themselves.",
        ".panel[data-dock=upper]:not([hidden])",
    ),
    Step(
        "Learn, keep and share",
        "“Learn” has short lessons. “Views” keeps what you have found, as a link or a file.",
        f"#{lessons.MENU}, #{views.MENU}",
    ),
)


def offer() -> html.Span:
    """The offer in the lead line, hidden from those who have been here."""
    return html.Span(
        [" First time here? ", _button("Take the tour", "start"), " (five steps) · ", _button("Skip", "skip")],
        id=OFFER,
        hidden=True,
    )


def card() -> html.Div:
    """The card that shows one step beside what it explains, and the words of all steps."""
    steps = html.Ol([_words(step) for step in STEPS], id="tour-steps", hidden=True, **static("tour"))
    about: dict[str, Any] = {"aria-labelledby": "tour-title", "aria-describedby": "tour-words"}
    tools = html.Div(
        [
            html.Span(id="tour-count", className="tour-count"),
            _button("Skip", "skip"),
            _button("Back", "back"),
            _button("Next", "next"),
        ],
        className="tour-tools",
    )
    return html.Div(
        [html.H2(id="tour-title"), html.P(id="tour-words"), tools, steps],
        id=CARD,
        className="tour",
        role="dialog",
        tabIndex=-1,
        hidden=True,
        **about,
    )


def _words(step: Step) -> html.Li:
    marks = {"data-targets": step.targets}
    return html.Li([html.Strong(step.title), html.Span(step.words)], **marks)


def _button(words: str, command: str) -> html.Button:
    marks = {"data-tour": command}
    return html.Button(words, type="button", className="quiet-button", **marks)
