"""The workspace: docks that hold panels as tabs, and the splitters between them.

Every panel stays where it is in the document. `assets/workspace.js` gives each dock its rectangle, shows one panel of
each, and makes the tabs; below 1200 × 640 pixels, all panels but those of the scene's dock share one dock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from layouts import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

SCENE = "scene"
# The docks' names in the order of the page, and what they are called for screen readers.
DOCKS = {
    SCENE: "Scene",
    "upper": "Upper right",
    "lower": "Lower right",
    "left": "Bottom left",
    "middle": "Bottom middle",
    "right": "Bottom right",
}
_SPLITTERS = {  # orientation of the bar, and what it separates
    "scene": ("vertical", "Width of the scene"),
    "rows": ("horizontal", "Height of the upper row"),
    "upper": ("horizontal", "Height of the upper right dock"),
    "left": ("vertical", "Width of the bottom left dock"),
    "right": ("vertical", "Width of the bottom right dock"),
}


def workspace(panels: Iterable[tuple[str, html.Section]]) -> html.Div:
    """All docks. panels: the name of each panel's dock, and the panel, in the order of the tabs."""
    panels = list(panels)
    children: list[Any] = []
    for dock, words in DOCKS.items():
        children.append(_head(dock, words))
        for section in (section for name, section in panels if name == dock):
            section.role = "tabpanel"
            setattr(section, "data-dock", dock)
            children.append(section)
    splitters = [_splitter(name, *row) for name, row in _SPLITTERS.items()]
    return html.Div([*children, *splitters], id=ids.PANELS, className="workspace", **{"data-selection": ""})


def visible_store(names: Iterable[str]) -> dcc.Store:
    """The names of the panels that are visible. names: on a large screen, when the page opens."""
    return dcc.Store(id=ids.VISIBLE, data=list(names))


def opening_panels(panels: Iterable[tuple[str, str]]) -> list[str]:
    """The panels that are visible at first, of (dock, panel) pairs: those outside, and the first of each dock."""
    panels = list(panels)
    first = dict(reversed(panels))
    return [name for dock, name in panels if not dock] + [first[dock] for dock in DOCKS if dock in first]


def _head(dock: str, words: str) -> html.Div:
    enlarge: dict[str, Any] = {"aria-label": f"Enlarge: {words}", "data-enlarge": dock, "aria-pressed": "false"}
    present: dict[str, Any] = {"aria-label": f"Full screen: {words}", "data-present": dock}
    return html.Div(
        [
            # The tabs are made by the page's script.
            html.Div(id=f"dock-{dock}", className="dock-tabs", role="tablist", **{"aria-label": words}),
            html.Button(className="dock-tool enlarge", type="button", title="Enlarge (Escape: back)", **enlarge),
            html.Button(
                className="dock-tool present", type="button", title="Full screen with tokens and scene", **present
            ),
        ],
        className="dock-head",
        **{"data-dock": dock},
    )


def _splitter(name: str, orientation: str, words: str) -> html.Div:
    values = {"aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "50"}
    marks = {"aria-orientation": orientation, "aria-label": words, "data-splitter": name, **values}
    return html.Div(className="splitter", role="separator", tabIndex=0, **marks)
