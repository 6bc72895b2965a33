"""Possible prompts: what a link, the text field or the compare bar asks for, or what is shown instead, and why."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from analysis.errors import AnalysisError, ModelError, NotLoaded, TextError
from analysis.models.registry import ModelRegistry
from analysis.trace import SWITCHES, Prompt, read_written
from callbacks.services import Services


class PossiblePrompts:
    """Prompts that can be analysed. example: the text that the page opens with."""

    def __init__(self, services: Services, models: ModelRegistry, example: str) -> None:
        self._services, self._models, self._example = services, models, example

    def linked(self, address: Any, shown: Any) -> tuple[Prompt, str]:
        """The prompt that the page's address names, and what is wrong with the address (empty: nothing).

        What the address leaves out is taken from the prompt that is shown, or else from the opening example. Written
        tokens belong to a model and a text: an address that names a text, or changes what they follow, names them as
        well, or has none. If its model cannot be used, the text is read by the model that the page opens with.
        """
        fragment = address.get("hash") if isinstance(address, dict) else None
        before = self._before(shown)
        if isinstance(address, dict) and address.get("isDamaged"):
            return before, "The link is damaged, or this browser is too old for it. It was ignored."
        try:
            given = parse_qs(str(fragment or "").removeprefix("#"), keep_blank_values=True, max_num_fields=64)
        except ValueError:
            return before, "The link cannot be read: it has too many parts. It was ignored."
        link = {name: values[-1] for name, values in given.items()}
        switches: dict[str, Any] = {
            name: link.get(name) == "1" if {name, "select"} & link.keys() else getattr(before, name)
            for name in SWITCHES
        }
        asked = Prompt(link.get("model", before.model), link.get("text", before.text), **switches)
        if "written" in link:
            try:
                asked = replace(asked, written=read_written(link["written"]))
            except TextError as error:
                return before, f"The link cannot be opened. {error}"
        elif "text" not in link and asked == replace(before, written=()):
            asked = before
        instead = ""
        if unusable := self._problem_of_model(asked):
            asked = replace(asked, model=self._models.names()[0], written=())
            instead = f"{unusable} The link’s text and selection are shown with {asked.model} instead."
        asked, problem = self.or_shown(asked, shown)
        return asked, f"The link cannot be opened. {problem}" if problem else instead

    def _problem_of_model(self, asked: Prompt) -> str:
        """Why the prompt's model cannot be used; empty if it can, or can once its weights are in memory."""
        if self._services.opener and asked.model not in self._models.names():
            return (
                f"There is no model '{asked.model[:60]}' among those that this server has opened. Choose ‘Open "
                "another…’ in the model menu to open it, and then open the link again."
            )
        try:
            with suppress(NotLoaded):
                self._services.model(asked)
        except ModelError as error:
            return str(error)
        return ""

    def or_shown(self, asked: Prompt, shown: Any) -> tuple[Prompt, str]:
        """The prompt, without switches that its model does not have, if it can be analysed; else the one that is
        shown, or the example, and the reason.
        """
        try:
            return self._services.trace(asked).prompt, ""
        except NotLoaded:
            return asked, ""  # the architecture can be shown, and the text is read once the weights are in memory
        except AnalysisError as error:
            before = self._before(shown)
            # A prompt that was shown without weights may turn out to be impossible once they are in memory.
            if before == asked:
                first = self._models.names()[0]
                if isinstance(error, TextError) or asked.model == first:
                    before = self._readable_example(asked.model)
                else:  # the text may well be shown in another model
                    before, _ = self.or_shown(replace(asked, model=first, written=()), None)
            return before, str(error)

    def _readable_example(self, model: str) -> Prompt:
        """The example for a model, if it reads that; else for the model that the page opens with."""
        example = Prompt(model, self._example)
        try:
            self._services.trace(example)
        except NotLoaded:
            return example
        except AnalysisError:
            return Prompt(self._models.names()[0], self._example)
        return example

    def _before(self, shown: Any) -> Prompt:
        return self._services.prompt(shown) if shown else Prompt(self._models.names()[0], self._example)

    def second(self, first: Prompt, asked: Prompt) -> tuple[Prompt | None, str]:
        """The prompt B that is compared with a first one, or None and the reason if it cannot be analysed, or if the
        models of both do not fit into memory together.
        """
        try:
            self._models.check_together(first.model, asked.model)
            return self._services.trace(asked).prompt, ""
        except NotLoaded:
            return asked, ""
        except AnalysisError as error:
            return None, str(error)
