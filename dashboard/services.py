"""Implementation of `callbacks.services.Services`: models, traces and jobs of this app, behind checked input."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from analysis.comparison.pair import Comparison, compare_traces
from analysis.errors import AnalysisError, ModelError, NotLoaded, TextError
from analysis.model_info import ModelInfo
from analysis.models.catalogue import Outline
from analysis.models.forward import MAX_CHARACTERS, count_tokens, fitting_prompt
from analysis.models.language_model import LanguageModel
from analysis.models.registry import ModelRegistry
from analysis.selection import Selection
from analysis.storage.trace_size import trace_bytes
from analysis.storage.trace_store import TraceStore
from analysis.task import Arrays
from analysis.trace import SWITCHES, Prompt, Trace, read_written
from callbacks.services import Services
from dashboard.jobs.service import Jobs
from dashboard.models.menu import ModelMenu
from dashboard.models.opener import ModelOpener
from dashboard.storage.lru_cache import ByteLimitedCache

_TRACES_BYTES = 128 * 10**6  # of open files, which stay on disk even after the disk cache has evicted them
_DERIVED_BYTES = 8 * 10**6


class AppServices(Services):
    """Models, traces, jobs and the model menu, for callbacks and for jobs. No visitor's state is kept."""

    def __init__(
        self,
        models: ModelRegistry,
        traces: TraceStore,
        jobs: Jobs,
        menu: ModelMenu,
        *,
        opener: ModelOpener | None = None,
        max_tokens: int,
        max_characters: int = MAX_CHARACTERS,
        example: str,
        waits: bool = False,
    ) -> None:
        """example: the text that the page opens with. waits: whether to wait for a model to be loaded, as a job may and
        a page's request may not.
        """
        self._models = models
        self._traces = traces
        self._jobs = jobs
        self._menu = menu
        self._opener = opener
        self._max_tokens = max_tokens
        self._max_characters = max_characters
        self._example = example
        self._waits = waits
        self._recent: ByteLimitedCache[Trace] = ByteLimitedCache(
            max_bytes=_TRACES_BYTES, size=lambda trace: trace_bytes(trace.info, trace.n_positions)
        )
        self._recent_derived: ByteLimitedCache[Arrays] = ByteLimitedCache(
            max_bytes=_DERIVED_BYTES, size=lambda arrays: sum(array.nbytes for array in arrays.values())
        )

    @property
    def jobs(self) -> Jobs:
        """Results of background jobs."""
        return self._jobs

    @property
    def menu(self) -> ModelMenu:
        """The models that visitors may choose."""
        return self._menu

    @property
    def opener(self) -> ModelOpener | None:
        """What opens other models; None on every server but a local one."""
        return self._opener

    @property
    def max_tokens(self) -> int:
        """Length limit of a text on this server, in tokens."""
        return self._max_tokens

    def question(self, prompt: Any, selection: Any) -> tuple[Prompt, Selection]:
        """The prompt and the selection in a page's stores, checked against the model's sizes and the text's length.

        While the model's weights are not in memory, the selection is checked against the sizes alone.
        Raises: AnalysisError if they are malformed, name a model that is not on the list, or select what does not
        exist.
        """
        asked = self.prompt(prompt)
        if not isinstance(selection, str):
            raise AnalysisError("The page sent no selection. Reload it.")
        chosen = Selection.parse(selection)
        if self.loaded(asked):
            trace = self.trace(asked)
            return asked, chosen.checked(trace.info, trace.n_positions)
        any_length = 1 + (chosen.position or 0)
        return asked, chosen.checked(self.outline(asked).info, any_length)

    def asked(self, question: Any, *, n_choices: int) -> tuple[Prompt, Selection, list[str]]:
        """A job's question, `{"prompt", "selection", "choices"}`, checked in the same way; `choices` are strings.

        Raises: AnalysisError as `question` does.
        """
        given = question if isinstance(question, dict) else {}
        choices = given.get("choices")
        if not isinstance(choices, list) or len(choices) != n_choices or not all(isinstance(c, str) for c in choices):
            raise AnalysisError("The page sent a malformed question. Reload it.")
        return *self.question(given.get("prompt"), given.get("selection")), choices

    def prompt(self, data: Any) -> Prompt:
        """The prompt in a page's store.

        Raises: AnalysisError if it is malformed.
        """
        if (
            not isinstance(data, dict)
            or not isinstance(data.get("model"), str)
            or not isinstance(data.get("text"), str)
        ):
            raise AnalysisError("The page sent a malformed question. Reload it.")
        switches: dict[str, Any] = {name: data.get(name) is True for name in SWITCHES}
        return Prompt(data["model"], data["text"], **switches, written=read_written(data.get("written", ())))

    def linked_prompt(self, address: Any, shown: Any) -> tuple[Prompt, str]:
        """The prompt that the page's address names, and what is wrong with the address (empty: nothing).

        What the address leaves out is taken from the prompt that is shown, or else from the opening example. Written
        tokens belong to a model and a text: an address that names a text, or changes what they follow, names them as
        well, or has none. If its model cannot be used, the text is read by the model that the page opens with.
        """
        fragment = address.get("hash") if isinstance(address, dict) else None
        before = self._before(shown)
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
        asked, problem = self.possible_prompt(asked, shown)
        return asked, f"The link cannot be opened. {problem}" if problem else instead

    def _problem_of_model(self, asked: Prompt) -> str:
        """Why the prompt's model cannot be used; empty if it can, or can once its weights are in memory."""
        if self._opener and asked.model not in self._models.names():
            return (
                f"There is no model '{asked.model[:60]}' among those that this server has opened. Choose ‘Open "
                "another…’ in the model menu to open it, and then open the link again."
            )
        try:
            with suppress(NotLoaded):
                self.model(asked)
        except ModelError as error:
            return str(error)
        return ""

    def possible_prompt(self, asked: Prompt, shown: Any) -> tuple[Prompt, str]:
        """The prompt, without switches that its model does not have, if it can be analysed; else the one that is
        shown, or the example, and the reason.
        """
        try:
            return self.trace(asked).prompt, ""
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
                    before, _ = self.possible_prompt(replace(asked, model=first, written=()), None)
            return before, str(error)

    def _readable_example(self, model: str) -> Prompt:
        """The example for a model, if it reads that; else for the model that the page opens with."""
        example = Prompt(model, self._example)
        try:
            self.trace(example)
        except NotLoaded:
            return example
        except AnalysisError:
            return Prompt(self._models.names()[0], self._example)
        return example

    def _before(self, shown: Any) -> Prompt:
        return self.prompt(shown) if shown else Prompt(self._models.names()[0], self._example)

    def model(self, prompt: Prompt) -> LanguageModel:
        """The loaded network that the prompt is for.

        Raises: NotLoaded while its weights are not in memory.
        """
        return self._models.get(prompt.model) if self._waits else self._models.get_nowait(prompt.model)

    def loaded(self, prompt: Prompt) -> bool:
        """Whether the model's weights are in memory, or may be waited for."""
        return self._waits or self._models.status(prompt.model)[0] == "ready"

    def outline(self, prompt: Prompt) -> Outline:
        """The prompt's model without weights: its sizes and parameters.

        Raises: NotLoaded while not even its configuration is on this machine.
        """
        return self._models.outline(prompt.model)

    def trace(self, prompt: Prompt) -> Trace:
        """The prompt's trace, from the cache or computed now.

        Switches that the model does not have are left out: which it has is known once its weights are in memory.

        Raises: NotLoaded as `model` does; TextError for a text that cannot be analysed.
        """
        model = self.model(prompt)
        prompt = fitting_prompt(model, prompt)
        key = model.info.fingerprint, prompt
        trace = self._recent.get(key)
        if trace is None:
            trace = self._traces.get(model, prompt, max_tokens=self._max_tokens, max_characters=self._max_characters)
            self._recent.set(key, trace)
        return trace

    def second_prompt(self, first: Prompt, asked: Prompt) -> tuple[Prompt | None, str]:
        """The prompt B that is compared with a first one, or None and the reason if it cannot be analysed, or if the
        models of both do not fit into memory together.
        """
        try:
            self._models.check_together(first.model, asked.model)
            return self.trace(asked).prompt, ""
        except NotLoaded:
            return asked, ""
        except AnalysisError as error:
            return None, str(error)

    def sizes(self, prompt: Prompt) -> tuple[ModelInfo | None, int]:
        """The model's sizes (None: not known yet) and the number of positions of the text (0: not known yet)."""
        try:
            trace = self.trace(prompt)
            return trace.info, trace.n_positions
        except NotLoaded:
            pass
        try:
            return self.outline(prompt).info, 0
        except NotLoaded:
            return None, 0

    def n_tokens(self, prompt: Prompt) -> tuple[int, str]:
        """The number of tokens of a text that may be too long; 0 and the reason if it cannot be split into tokens, or 0
        and no reason while the model's weights are not in memory.
        """
        try:
            model = self.model(prompt)
            switches = {"start": prompt.start, "chat": prompt.chat}
            return count_tokens(model, prompt.text, **switches, max_characters=self._max_characters), ""
        except NotLoaded:
            return 0, ""
        except TextError as error:
            return 0, str(error)

    def comparison(self, prompt: Prompt, other: Prompt) -> Comparison:
        """The traces of two prompts, A and B, and which of their positions stand for each other.

        Raises: as `trace` does, for either.
        """
        return compare_traces(self.model(prompt), self.trace(prompt), self.model(other), self.trace(other))

    def position(self, trace: Trace, selection: Selection) -> int:
        """The selected position; the last one if none is selected."""
        return trace.n_positions - 1 if selection.position is None else selection.position

    def derived(self, trace: Trace, name: str, compute: Callable[[], Arrays], *, version: int) -> Arrays:
        """Get or compute: returns the cached arrays for a name and version, or computes and caches them."""
        key = trace.info.fingerprint, trace.prompt, name, version
        arrays = self._recent_derived.get(key)
        if arrays is None:
            arrays = self._traces.derived(trace, name, compute, version=version)
            self._recent_derived.set(key, arrays)
        return arrays
