"""Request checks: a callback runs only for what the page's own script can send; everything else gets 400 and a reason.

Dash believes what a request says about its callback, and callbacks believe the values of controls. What a callback
declares is looked up once and then compared, so that a check costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from operator import itemgetter
from typing import Any

from dash import Dash
from flask import abort, request

from dashboard.web.callback_request import CallbackRequest, callback_request, refuse
from dashboard.web.paths import CALLBACK
from layouts import ids
from layouts.theme import THEMES

_NAME = itemgetter("id", "property")
_MAX_DEPTH, _MAX_ITEMS = 12, 2000  # of the values in a request; the page's own have 6 and 300


def install(app: Dash, *, max_bytes: int) -> None:
    """Check every request before it is answered. The app has its layout by now; callbacks may be registered later."""
    check_callback = Checks(app).check

    def check() -> None:
        if request.endpoint == "/<path:path>":  # Dash would show the page at every unknown address
            abort(404, "There is nothing at this address.")
        if request.endpoint == CALLBACK and request.method == "POST":
            check_callback(callback_request())

    app.server.config["MAX_CONTENT_LENGTH"] = max_bytes
    app.server.before_request(check)


@dataclass(frozen=True)
class _Control:
    """A control with a choice. offered: its values now, to which the page may add some (`callbacks/open_model.py`)."""

    offered: Callable[[], Sequence[Any]]
    multiple: bool

    def allows(self, value: Any) -> bool:
        """Whether the control can have this value."""
        offered = self.offered()
        if self.multiple:
            return isinstance(value, list) and all(one in offered for one in value)
        return value in offered


@dataclass(frozen=True)
class _Declaration:
    """What a callback declares, in the form of a request. inputs, state: their ids and properties. changes: names of
    the inputs that may have changed. controls: those among inputs and state, by their places.
    """

    outputs: Any
    inputs: list[tuple[str, str]]
    state: list[tuple[str, str]]
    changes: frozenset[str]
    controls: Mapping[int, _Control]


class Checks:
    """The checks of one app's callbacks."""

    def __init__(self, app: Dash) -> None:
        self._callbacks = app.callback_map
        self._controls = {
            (control.id, "value"): _Control(partial(_offered, control), isinstance(control.value, list))
            for control in app.layout._traverse()
            if getattr(control, "options", None)
        } | {(ids.THEME, "data"): _Control(partial(list, THEMES), multiple=False)}
        self._declaration = cache(self._declared)  # of callbacks that exist only: nothing is kept of a request

    def check(self, asked: CallbackRequest) -> None:
        """Refuse a request that does not fit its callback."""
        if "callback" not in self._callbacks.get(asked.output, {}):  # those without one run in the browser
            refuse("it asks for something that the server does not compute")
        declared, body = self._declaration(asked.output), asked.body
        inputs: Any = body.get("inputs")
        state: Any = body.get("state", [])
        if (
            body.get("outputs") != declared.outputs
            or not _fits(inputs, declared.inputs)
            or not _fits(state, declared.state)
            or not _are_names(body.get("changedPropIds"), declared.changes)
            or not _are_names(body.get("parsedChangedPropsIds", []), declared.changes)
        ):
            refuse("it does not name what this part of the page reads and writes")
        values = [item.get("value") for item in (*inputs, *state)]
        if not _is_moderate(values):
            refuse("its values are too deep or too many")
        if not all(control.allows(values[place]) for place, control in declared.controls.items()):
            refuse("it has a choice that the page does not offer")

    def _declared(self, output: str) -> _Declaration:
        callback = self._callbacks[output]
        written = callback["output"]
        outputs = [
            {"id": one.component_id, "property": one.component_property}
            for one in (written if isinstance(written, list) else [written])
        ]
        inputs, state = (list(map(_NAME, items)) for items in (callback["inputs"], callback["state"]))
        return _Declaration(
            outputs=outputs if isinstance(written, list) else outputs[0],
            inputs=inputs,
            state=state,
            changes=frozenset(f"{id}.{name}" for id, name in inputs),
            controls={
                place: self._controls[one] for place, one in enumerate([*inputs, *state]) if one in self._controls
            },
        )


def _offered(control: Any) -> list[Any]:
    return [option["value"] for option in control.options]


def _fits(given: Any, declared: list[tuple[str, str]]) -> bool:
    """Whether the items of a request name what is declared, in this order, and nothing else but its values."""
    try:
        return isinstance(given, list) and list(map(_NAME, given)) == declared and all(map(_is_bare, given))
    except (TypeError, KeyError):  # an item is no object, or lacks a name
        return False


def _is_bare(item: dict[str, Any]) -> bool:
    return len(item) == 2 + ("value" in item)


def _are_names(given: Any, names: frozenset[str]) -> bool:
    return (
        isinstance(given, list) and len(given) <= len(names) and all(isinstance(x, str) and x in names for x in given)
    )


def _is_moderate(values: list[Any]) -> bool:
    """Whether values are neither deep nor of many parts; callbacks may then walk through them."""
    level, n_items = values, 0
    for _ in range(_MAX_DEPTH):
        n_items += len(level)
        if n_items > _MAX_ITEMS:
            return False
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for items in inner for item in items]
        if not level:
            return True
    return False
