"""Question of an address: what the page asks when it opens at this fragment, read as its scripts read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash.development.base_component import Component

from analysis.errors import AnalysisError
from analysis.selection import Part, Selection
from analysis.trace import SWITCHES, Prompt
from callbacks.prompt import draw_prompt
from callbacks.services import Services
from layouts import compare
from layouts.links import IMPLIED, RENAMED

_MOST_PARTS = 64


@dataclass(frozen=True)
class PageQuestion:
    """What the page asks at an address.

    Attributes
    ----------
    prompt
        The prompt of the side that the panels show: A, unless that is "b".
    other
        B, if they show A − B.
    side
        "a", "b" or "difference".
    compared
        Both prompts of a comparison, A and B, whichever side is shown; None without one.
    selection
        The selection, complete.
    settings
        The value of each setting, by the id of its control.
    tabs
        The panels whose tabs the address opens, the most important one last.
    """

    prompt: Prompt
    other: Prompt | None
    side: str
    compared: tuple[Prompt, Prompt] | None
    selection: Selection
    settings: Mapping[str, Any]
    tabs: tuple[str, ...]


def read_question(services: Services, address: str, controls: Mapping[str, Component]) -> PageQuestion:
    """The question of an address, which is a fragment with or without its `#`.

    controls: the settings' controls by id, with their defaults and options.
    Raises: AnalysisError if the page would not show what the address names.
    """
    link = _parts(address)
    prompt, problem = services.linked_prompt({"hash": f"#{address.removeprefix('#')}"}, None)
    if problem:
        raise AnalysisError(problem)
    settings = _settings(link, controls)
    second = _second(services, prompt, settings)
    side = str(settings[compare.SIDE]) if second else "a"
    settings[compare.SIDE] = side
    shown = second if second and side == "b" else prompt
    return PageQuestion(
        prompt=shown,
        other=second if side == "difference" else None,
        side=side,
        compared=(prompt, second) if second else None,
        selection=_selection(services, shown, link),
        settings=settings,
        tabs=tuple(name for name in link.get("tabs", "").split("_and_") if name),
    )


def _parts(address: str) -> dict[str, str]:
    try:
        parts = parse_qsl(address.removeprefix("#"), keep_blank_values=True, max_num_fields=_MOST_PARTS)
    except ValueError:
        raise AnalysisError("The link cannot be read: it has too many parts.") from None
    return {RENAMED.get(name, name): value for name, value in parts}


def _settings(link: Mapping[str, str], controls: Mapping[str, Component]) -> dict[str, Any]:
    """The value of each setting: that of the link if it is one of the options, else what the link implies."""
    values: dict[str, Any] = {}
    for id, control in controls.items():
        options = getattr(control, "options", None)
        possible = None if options is None else [option["value"] for option in options]
        linked = link.get(id)
        if linked is not None and (possible is None or linked in possible):
            values[id] = linked
        else:
            values[id] = implied(id, control) if "select" in link else _default(control)
    return values


def implied(id: str, control: Component) -> Any:
    """Link defaults: the value of a setting that a link leaves out."""
    return IMPLIED.get(id, _default(control))


def _default(control: Component) -> Any:
    return getattr(control, "value", None)


def _second(services: Services, prompt: Prompt, settings: Mapping[str, Any]) -> Prompt | None:
    """B, which has A's text or A's model where the link names no other; None without either."""
    text, model = settings[compare.TEXT] or "", settings[compare.MODEL]
    if not text and model == compare.SAME_MODEL:
        return None
    name = prompt.model if model == compare.SAME_MODEL else model
    asked = Prompt(name, text or prompt.text, start=prompt.start, chat=prompt.chat)
    second, problem = services.second_prompt(prompt, asked)
    if second is None:
        raise AnalysisError(f"B cannot be shown. {problem}")
    return second


def _selection(services: Services, prompt: Prompt, link: Mapping[str, str]) -> Selection:
    """The selection that the link names, merged into the middle of the model; without one, what the page opens with."""
    trace = services.trace(prompt)
    middle = Selection(Part.ATTENTION, block=trace.info.n_blocks // 2, head=0, position=trace.n_positions - 1)
    change = link.get("select")
    if change is None:
        opening = draw_prompt(services, prompt)["prompt"]["opening"]
        change = opening["select"] if opening else ""
    chosen = middle.changed(change) if change else middle
    return chosen.checked(trace.info, trace.n_positions)


def written_address(question: PageQuestion, controls: Mapping[str, Component]) -> str:
    """The address of a question, as the page writes it."""
    first = question.compared[0] if question.compared else question.prompt
    parts = {"model": first.model, "text": first.text}
    if first.written:
        parts["written"] = ".".join(map(str, first.written))
    parts |= {name: "1" for name in SWITCHES if getattr(first, name)}
    parts["select"] = str(question.selection)
    for id, value in question.settings.items():
        if value != implied(id, controls[id]):
            parts[id] = str(value)
    return urlencode(parts | ({"tabs": "_and_".join(question.tabs)} if question.tabs else {}))


def prompt_store(prompt: Prompt) -> dict[str, Any]:
    """A prompt as the page's store has it."""
    return {**asdict(prompt), "written": list(prompt.written)}
