"""The callback of a panel: what every panel reads and writes, declared once.

A click changes what most panels show. All panels are therefore drawn by one Dash callback
(`dashboard/drawing.py`), so that a click is one request; a panel's module says how its own part is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from dash import Input, Output, State

from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.services import Services
from layouts import ids
from layouts.figures.tables.table import Table
from layouts.job import JobIds, picture_of

Values = Mapping[str, Any]
# draw(prompt, selection, *, theme, **choices, **state) returns values by the names of outputs; an output without a
# value is not changed. Under "results" are the dataclasses that all of it was drawn from, by name, for exports; the
# key is missing where the panel shows only a message.
Draw = Callable[..., Values]


@dataclass(frozen=True)
class PanelCallback:
    """One panel's part of the callback that draws all panels.

    Attributes
    ----------
    name
        The panel's name.
    draw
        Called when any input of the panel has changed since it was last drawn.
    outputs
        What the panel writes, by name. All panels have `title`, `reading`, `selection` (the selection that is shown, in
        `data-selection`) and `drawn` (a digest of the inputs that it was drawn from).
    choices
        The controls that it is drawn from, by the keyword of `draw`; a change of one given as a state draws nothing.
    triggers
        Stores whose change makes the panel draw again although prompt, selection and choices are the same.
    state
        What the page shows already and `draw` builds on, by the keyword of `draw`.
    difference
        As `draw`, of A minus B: called with a comparison in the place of the prompt.
    tables
        The tables of the results that `draw` and `difference` return, which are its keyword arguments.
    """

    name: str
    draw: Draw
    outputs: Mapping[str, Output]
    choices: Mapping[str, Input | State]
    triggers: tuple[Input, ...]
    state: Mapping[str, State]
    difference: Draw | None
    tables: Callable[..., Sequence[Table]]

    def values(
        self,
        services: Services,
        prompt: Prompt,
        other: Prompt | None,
        selection: Selection,
        *,
        theme: str,
        **knobs: Any,
    ) -> Values:
        """What the panel shows of a prompt, or of its difference to another; of the prompt if it shows no differences.

        knobs: choices and state, by the keyword of `draw`.
        """
        if other is None or self.difference is None:
            return self.draw(prompt, selection, theme=theme, **knobs)
        return self.difference(services.comparison(prompt, other), selection, theme=theme, **knobs)


def panel_callback(
    name: str,
    draw: Draw,
    *,
    tables: Callable[..., Sequence[Table]],
    difference: Draw | None = None,
    outputs: Mapping[str, Output],
    choices: Mapping[str, Input | State] | None = None,
    triggers: tuple[Input, ...] = (),
    state: Mapping[str, State] | None = None,
    job: bool = False,
) -> PanelCallback:
    """The callback of a panel, with the parts that every panel has.

    tables: of its results. difference: draws A minus B, of a comparison. outputs, choices, triggers, state: those that
    only this panel has. job: whether background jobs compute its result. `draw` then also writes `offer` (the job that
    the page may start) and `outdated` ("true" if the plot is from an earlier selection, else "false"), and receives the
    last value of `outdated`, which is empty while there is no plot.
    """
    shared = {
        "title": Output(ids.title(name), "children"),
        "reading": Output(ids.reading(name), "children"),
        "selection": Output(ids.panel(name), "data-selection"),
        "drawn": Output(ids.panel(name), "data-drawn"),
    }
    state = dict(state or {})
    if job:
        job_ids = JobIds(name)
        shared |= {"offer": Output(job_ids.offer, "data"), "outdated": Output(picture_of(name), "data-old")}
        triggers = (*triggers, Input(job_ids.fresh, "data"))
        state["outdated"] = State(picture_of(name), "data-old")
    return PanelCallback(name, draw, {**outputs, **shared}, dict(choices or {}), triggers, state, difference, tables)


def digest(*drawn_from: Any) -> str:
    """A digest of what something is drawn from, by which the page says what it shows."""
    return blake2b(repr(drawn_from).encode(errors="surrogatepass"), digest_size=8).hexdigest()
