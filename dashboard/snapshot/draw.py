"""Snapshots: all panels at an address, drawn on the server by the page's own callbacks, as plain JSON."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from dash.dependencies import DashDependency
from dash.development.base_component import Component

from analysis.errors import AnalysisError, NotLoaded
from analysis.numerics.own_numbers import NOT_IN_REPORT
from callbacks.panel import PanelCallback
from callbacks.services import Services
from callbacks.sides import is_complete
from dashboard.drawing import plain
from dashboard.missing_weights import values_without_weights
from dashboard.panels import PANELS
from dashboard.snapshot.address import PageQuestion, prompt_store, read_question, written_address
from dashboard.snapshot.calls import COLORED, Drawn
from dashboard.snapshot.content import content_of
from dashboard.snapshot.overlay import overlay
from layouts import compare, effect, ids, own_numbers
from layouts.architecture import COLOR_BY
from layouts.figures.scene_alone import box_texts

FORMAT, VERSION = "LLM Architecture Explorer snapshot", 1
_LIBRARIES = ("dash", "numpy", "plotly", "torch", "transformers")


class Snapshots:
    """Draws snapshots of addresses."""

    def __init__(self, services: Services, panels: Sequence[PanelCallback], layout: Component) -> None:
        """panels: the callbacks of all panels. layout: the whole page, with the defaults of its controls."""
        self._services, self._panels = services, panels
        self._by_name = {panel.name: panel for panel in panels}
        self._components = {one.id: one for one in layout._traverse() if getattr(one, "id", None)}
        settings = [*(setting for panel in PANELS for setting in panel.settings), *compare.SETTINGS]
        self.controls = {id: self._components[id] for id in settings}

    def question(self, address: str) -> PageQuestion:
        """What the page asks at an address.

        Raises: AnalysisError if the page would not show what the address names.
        """
        return read_question(self._services, address, self.controls)

    def snapshot(self, question: PageQuestion) -> dict[str, Any]:
        """The question, all panels in the light theme, what is different in the dark one (`dark`), and the names of the
        panels that are the view's subject (`first`).
        """
        light, dark = ([self._panel(panel, question, theme) for panel in self._panels] for theme in ("light", "dark"))
        return {
            "format": FORMAT,
            "version": VERSION,
            "address": written_address(question, self.controls),
            **self._about(question),
            "first": [name for name in reversed(question.tabs) if name in self._by_name],
            "panels": light,
            "dark": overlay(light, dark),
        }

    def _about(self, question: PageQuestion) -> dict[str, Any]:
        """The question, the model and the versions of the libraries."""
        trace = self._services.trace(question.prompt)
        info = trace.info
        versions = {library: version(library) for library in _LIBRARIES}
        return {
            "model": {
                "name": question.prompt.model,
                "family": info.family,
                "parameters": info.n_parameters,
                "fingerprint": info.fingerprint,
                "note": info.weights_note,
            },
            "question": {
                **prompt_store(question.prompt),
                "selection": str(question.selection),
                "side": question.side,
                "compared": [prompt_store(one) for one in question.compared or ()],
                "settings": dict(question.settings),
            },
            "tokens": [token.label for token in trace.tokens],
            "token_ids": trace.token_ids.tolist(),
            "versions": {"python": platform.python_version(), **versions},
        }

    def draw(self, panel: PanelCallback, question: PageQuestion, theme: str) -> Mapping[str, Any]:
        """What a panel's callback draws for a question.

        Raises: AnalysisError if the panel cannot show it.
        """
        knobs = {keyword: self.value(one, question) for keyword, one in {**panel.choices, **panel.state}.items()}
        shown = question.prompt, question.other, question.selection
        return panel.values(self._services, *shown, theme=theme, **knobs)

    def results(self, name: str, question: PageQuestion) -> tuple[Drawn, int]:
        """What a panel is drawn from, and the number of threads of the job that has computed it: 1 without a job, and 0
        if it is not complete.
        """
        drawn = self._drawn(name, question)
        # The colours of the scene may be the sweep of another panel's job.
        swept = name in COLORED and question.settings[COLOR_BY] == "effect"
        offer = (self._drawn(effect.NAME, question) if swept else drawn).get("offer")
        info = self._services.outline(question.prompt).info
        n_threads = 1 if offer is None else offer["threads"] if is_complete(offer) else 0
        return Drawn(question, info.n_blocks, drawn.get("results", {})), n_threads

    def _drawn(self, name: str, question: PageQuestion) -> Mapping[str, Any]:
        """What a panel's callback draws; nothing if the page shows an error, or there is no such panel."""
        if name in self._by_name:
            with suppress(AnalysisError):
                return self.draw(self._by_name[name], question, "light")
        return {}

    def fingerprint(self, question: PageQuestion) -> str:
        """That of the model of the shown side."""
        return self._services.trace(question.prompt).info.fingerprint

    def value(self, one: DashDependency, question: PageQuestion) -> Any:
        """The value of a property on a page that has just opened."""
        id, name = str(one.component_id), one.component_property
        if name == "value" and id in question.settings:
            return question.settings[id]
        if id == own_numbers.SENT:
            return NOT_IN_REPORT
        return getattr(self._components[id], name, None)

    def _panel(self, panel: PanelCallback, question: PageQuestion, theme: str) -> dict[str, Any]:
        section = self._components[ids.panel(panel.name)]
        heading = str(getattr(section, "data-tab"))
        try:
            drawn = dict(self.draw(panel, question, theme))
        except NotLoaded:
            drawn = values_without_weights(panel.outputs, heading=heading, theme=theme)
        except AnalysisError as error:
            drawn = {"reading": str(error)}
        values = {
            (str(output.component_id), output.component_property): plain(drawn[name])
            for name, output in panel.outputs.items()
            if name in drawn
        }
        figures = {id: figure for (id, what), figure in values.items() if what == "figure"}
        for figure in figures.values():
            self._name_boxes(figure, question)
        return {
            "name": panel.name,
            "heading": heading,
            "dock": getattr(section, "data-dock", ""),
            "title": str(drawn.get("title") or heading),
            "reading": str(drawn.get("reading") or ""),
            "content": content_of(section, values),
            "figures": figures,
        }

    def _name_boxes(self, figure: dict[str, Any], question: PageQuestion) -> None:
        """Give the 3D scene the texts that a script of the page makes: one for each box, not for each corner."""
        if "camera" in figure["layout"].get("meta", {}):
            texts = box_texts(figure["data"], self._services.outline(question.prompt).info)
            for trace, of_boxes in texts.items():
                figure["data"][trace]["hovertext"] = of_boxes
