"""Request checks: a callback runs only for what the page's own script can send; everything else gets 400 and a reason.

Dash believes what a request says about its callback, and callbacks believe the values of controls. What a callback
declares is looked up once and then compared, so that a check costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from dash import Dash
from flask import abort, request

from dashboard.web.callback_request import CallbackRequest, callback_request, refuse
from dashboard.web.paths import CALLBACK
from layouts import ids
from layouts.theme import THEMES

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


@dataclass(frozen=True)
class _Property:
    """An input or state of a callback. control: that which offers its values, None for any value."""

    id: str
    name: str
    control: _Control | None

    def is_given_by(self, item: Any) -> bool:
        """Whether an item of a request names this property, and nothing else but its value."""
        return (
            isinstance(item, dict)
            and item.get("id") == self.id
            and item.get("property") == self.name
            and len(item) == 2 + ("value" in item)
        )

    def allows(self, value: Any) -> bool:
        """Whether the control can have this value."""
        if self.control is None:
            return True
        offered = self.control.offered()
        if self.control.multiple:
            return isinstance(value, list) and all(one in offered for one in value)
        return value in offered


@dataclass(frozen=True)
class _Declaration:
    """What a callback declares, in the form of a request. changes: names of the inputs that may have changed."""

    outputs: Any
    inputs: Sequence[_Property]
    state: Sequence[_Property]
    changes: frozenset[str]


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
        properties = [*declared.inputs, *declared.state]
        values = [item.get("value") for item in (*inputs, *state)]
        if not _is_moderate(values):
            refuse("its values are too deep or too many")
        if not all(one.allows(value) for one, value in zip(properties, values, strict=True)):
            refuse("it has a choice that the page does not offer")

    def _declared(self, output: str) -> _Declaration:
        callback = self._callbacks[output]
        written = callback["output"]
        outputs = [
            {"id": one.component_id, "property": one.component_property}
            for one in (written if isinstance(written, list) else [written])
        ]
        inputs, state = (
            [_Property(id, name, self._controls.get((id, name))) for id, name in map(_name, items)]
            for items in (callback["inputs"], callback["state"])
        )
        return _Declaration(
            outputs=outputs if isinstance(written, list) else outputs[0],
            inputs=inputs,
            state=state,
            changes=frozenset(f"{one.id}.{one.name}" for one in inputs),
        )


def _offered(control: Any) -> list[Any]:
    return [option["value"] for option in control.options]


def _name(item: dict[str, str]) -> tuple[str, str]:
    return item["id"], item["property"]


def _fits(given: Any, declared: Sequence[_Property]) -> bool:
    return (
        isinstance(given, list)
        and len(given) == len(declared)
        and all(one.is_given_by(item) for one, item in zip(declared, given, strict=True))
    )


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
