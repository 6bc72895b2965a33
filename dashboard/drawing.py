"""The one callback that draws all visible panels: a click is one request.

The prompt and the selection are read once, then each visible panel whose inputs have changed is drawn. To find those
panels, each panel's element holds a digest of the inputs that it was drawn from (`data-drawn`). What triggered the
callback does not suffice: Dash drops the answer to a request when a newer one is sent, and its panels would never be
drawn. If one panel fails, the notice says so, and the others are drawn all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, NoReturn

import orjson
from dash import Dash, Input, Output, State, html
from flask import Response

from analysis.errors import NotLoaded
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.panel import PanelCallback, digest
from callbacks.services import Services
from callbacks.sides import shown_sides
from dashboard.errors import user_message
from dashboard.missing_weights import values_without_weights
from dashboard.web.callback_request import callback_request
from dashboard.web.paths import CALLBACK
from layouts import compare, ids
from layouts.figures.drawing import as_json
from layouts.glossary import explained_json, marked
from layouts.models import IN_PROGRESS, POLL

_QUESTION = (Input(ids.PROMPT, "data"), Input(ids.SELECTION, "data"), Input(ids.THEME, "data"))
_COMPARISON = (Input(ids.OTHER, "data"), Input(compare.SIDE, "value"))
_VISIBLE = Input(ids.VISIBLE, "data")
_SHOWN = Output(ids.PANELS, "data-selection")


def register(app: Dash, services: Services, panels: Sequence[PanelCallback], *, headings: Mapping[str, str]) -> None:
    """Register the callback. headings: each panel's title when it has no selection to show, by name."""
    inputs = list(
        dict.fromkeys([*_QUESTION, *_COMPARISON, _VISIBLE, *(one for panel in panels for one in _inputs(panel))])
    )
    state = list(dict.fromkeys(one for panel in panels for one in _state(panel)))
    names = [str(one) for one in (*inputs, *state)]
    drawer = PanelDrawer(services, panels, headings)
    app.callback(  # what the page asks with, and what it writes
        # The first id names the callback in log and metrics.
        [_SHOWN, *(one for panel in panels for one in panel.outputs.values())],
        inputs,
        state,
        running=[(Output(ids.panel(panel.name), "aria-busy"), "true", "false") for panel in panels],
        prevent_initial_call=True,
    )(_answered_directly)
    dispatch = app.server.view_functions[CALLBACK]

    def view() -> Any:
        """The answer to this callback; Dash would copy and compare its values again, for a sixth of a click's time."""
        asked = callback_request()
        if asked.component != ids.PANELS:
            return dispatch()
        items = [*asked.body["inputs"], *asked.body["state"]]  # in their order, as the request checks have seen
        given = {name: item.get("value") for name, item in zip(names, items, strict=True)}
        return Response(drawer.answer(given), mimetype="application/json")

    app.server.view_functions[CALLBACK] = view


def _answered_directly(*_given: Any) -> NoReturn:
    raise AssertionError("the view answers this callback")


class PanelDrawer:
    """Draws the visible panels whose inputs have changed."""

    def __init__(self, services: Services, panels: Sequence[PanelCallback], headings: Mapping[str, str]) -> None:
        self._services, self._panels, self._headings = services, panels, headings
        # Names such as `theme.data`, which Dash would put together again at each use.
        self._question = [str(one) for one in _QUESTION]
        self._comparison = [str(one) for one in _COMPARISON]
        self._inputs = {panel.name: [str(one) for one in _inputs(panel)] for panel in panels}
        self._knobs = {
            panel.name: {name: str(one) for name, one in {**panel.choices, **panel.state}.items()} for panel in panels
        }
        self._drawn = {panel.name: str(State(ids.panel(panel.name), "data-drawn")) for panel in panels}

    def answer(self, given: Mapping[str, Any]) -> bytes:
        """The answer in Dash's form: JSON of what has changed, by component and property.

        given: the values of all inputs and states, by names such as `theme.data`. Errors are said in the notice.
        """
        answer = Answer()
        try:
            self._draw(given, answer)
        except Exception as error:
            answer.problem(error)
        return answer.json()

    def _draw(self, given: Mapping[str, Any], answer: Answer) -> None:
        """Draw what has changed.

        Raises: AnalysisError if the page's prompt or selection is malformed.
        """
        stores = [given[name] for name in self._question]
        theme = str(stores[2])
        stores[0], second = shown_sides(stores[0], *(given[name] for name in self._comparison))
        try:
            prompt, selection = self._services.question(*stores[:2])
        except NotLoaded:  # not even the model's sizes are known, to check the selection
            prompt = self._services.prompt(stores[0])
            answer.write(_SHOWN, stores[1])
            for panel in self._panels:
                self._write(panel, self._without_weights(panel, prompt, theme, answer), stores[1], answer)
            return
        other = self._services.prompt(second) if second else None
        loaded = [self._services.loaded(one) for one in (prompt, other) if one]
        question = digest(prompt, other, str(selection), theme, loaded)
        answer.write(_SHOWN, str(selection))
        visible = given[str(_VISIBLE)]
        shown = visible if isinstance(visible, list) else []
        for panel in self._panels:
            if panel.name not in shown:
                continue
            drawn_from = digest(question, [given[name] for name in self._inputs[panel.name]])
            if given[self._drawn[panel.name]] != drawn_from:
                try:
                    drawn = {"drawn": drawn_from, **self._one(panel, given, (prompt, other), selection, answer)}
                    self._write(panel, drawn, str(selection), answer)
                except Exception as error:
                    answer.problem(error)

    def _one(
        self,
        panel: PanelCallback,
        given: Mapping[str, Any],
        prompts: tuple[Prompt, Prompt | None],
        selection: Selection,
        answer: Answer,
    ) -> dict[str, Any]:
        """What a panel shows. prompts: that of the side that is shown, and B if that is the difference of both."""
        (prompt, other), theme = prompts, str(given[self._question[2]])
        knobs = {keyword: given[name] for keyword, name in self._knobs[panel.name].items()}
        try:
            return dict(panel.values(self._services, prompt, other, selection, theme=theme, **knobs))
        except NotLoaded:
            missing = other if other and self._services.loaded(prompt) else prompt
            return self._without_weights(panel, missing, theme, answer)

    def _without_weights(self, panel: PanelCallback, prompt: Prompt, theme: str, answer: Answer) -> dict[str, Any]:
        """The panel's placeholder, with an empty digest, so that the next request tries to draw the panel again."""
        entry = self._services.menu.entry(prompt.model)
        if entry.state in (*IN_PROGRESS, "ready"):  # it may have been loaded just now
            answer.others[POLL] = {"disabled": False}
        return values_without_weights(panel.outputs, heading=self._headings[panel.name], theme=theme)

    def _write(self, panel: PanelCallback, drawn: Mapping[str, Any], selection: str, answer: Answer) -> None:
        """Write the values of a drawn panel, by the names of its outputs."""
        values = {**drawn, **_texts(drawn, self._headings[panel.name]), "selection": selection}
        for name, output in panel.outputs.items():
            if name in values:
                answer.write(output, values[name])


class Answer:
    """The answer to a callback, as Dash would write it.

    Attributes
    ----------
    others
        Properties that are written although the callback does not declare them, by component.
    """

    def __init__(self) -> None:
        self._response: dict[str, dict[str, Any]] = {}
        self.others: dict[str, dict[str, Any]] = {}
        self._problems: dict[str, None] = {}  # an ordered set of messages

    def write(self, output: Output, value: Any) -> None:
        """Give a declared output its value."""
        self._response.setdefault(str(output.component_id), {})[output.component_property] = value

    def problem(self, error: Exception) -> None:
        """Say an error in the page's notice, once if several panels have it."""
        self._problems[user_message(error)] = None

    def json(self) -> bytes:
        """The answer as JSON."""
        others = dict(self.others)
        if self._problems:
            others[ids.NOTICE] = {"is_open": True, "children": " ".join(self._problems)}
        answer = {"multi": True, "response": self._response} | ({"sideUpdate": others} if others else {})
        return to_json(answer)


def to_json(value: Any) -> bytes:
    """JSON of what panels draw, such as figures and components.

    Plotly's own encoder, on meeting a figure or component, walks through the whole of it a second time.
    """
    return orjson.dumps(value, default=as_json)


def plain(value: Any) -> Any:
    """A value as the page reads it: its JSON, read again."""
    return orjson.loads(to_json(value))


def _texts(drawn: Mapping[str, Any], heading: str) -> dict[str, Any]:
    """Title and reading with their terms marked. The panel's name in the title, which its tab says, is a part of it."""
    seen: set[str] = set()
    name, dot, rest = str(drawn.get("title", "")).partition(" · ")
    named = _panel_name(name + dot) if name == heading else name + dot
    reading = drawn.get("reading")
    mark = partial(marked, seen=seen, mark=explained_json)
    return {"title": [named, *mark(rest)], "reading": mark(reading) if reading else reading}


@cache
def _panel_name(words: str) -> dict[str, Any]:
    written: dict[str, Any] = html.Span(words, className="panel-name").to_plotly_json()
    return written


def _inputs(panel: PanelCallback) -> tuple[Input, ...]:
    return (*(one for one in panel.choices.values() if isinstance(one, Input)), *panel.triggers)


def _state(panel: PanelCallback) -> tuple[State, ...]:
    choices = (one for one in panel.choices.values() if isinstance(one, State))
    return (State(ids.panel(panel.name), "data-drawn"), *panel.state.values(), *choices)
