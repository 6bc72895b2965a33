"""Implementation of `callbacks.services.Services`: models, traces and jobs of this app, behind checked input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.comparison.pair import Comparison, compare_traces
from analysis.errors import AnalysisError, NotLoaded, TextError
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
from callbacks.services import JobResults, Services
from dashboard.models.menu import ModelMenu
from dashboard.models.opener import ModelOpener
from dashboard.possible_prompts import PossiblePrompts
from dashboard.storage.lru_cache import ByteLimitedCache

_TRACES_BYTES = 128 * 10**6  # of open files, which stay on disk even after the disk cache has evicted them
_DERIVED_BYTES = 8 * 10**6


class AppServices(Services):
    """Models, traces, jobs and the model menu, for callbacks and for jobs. No visitor's state is kept."""

    def __init__(
        self,
        models: ModelRegistry,
        traces: TraceStore,
        jobs: JobResults,
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
        self._possible = PossiblePrompts(self, models, example)
        self._waits = waits
        self._recent: ByteLimitedCache[Trace] = ByteLimitedCache(
            max_bytes=_TRACES_BYTES, size=lambda trace: trace_bytes(trace.info, trace.n_positions)
        )
        self._recent_derived: ByteLimitedCache[Arrays] = ByteLimitedCache(
            max_bytes=_DERIVED_BYTES, size=lambda arrays: sum(array.nbytes for array in arrays.values())
        )

    @property
    def jobs(self) -> JobResults:
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
        """The prompt that the page's address names, and what is wrong with the address (empty: nothing)."""
        return self._possible.linked(address, shown)

    def possible_prompt(self, asked: Prompt, shown: Any) -> tuple[Prompt, str]:
        """The prompt, if it can be analysed; else the one that is shown, or the example, and the reason."""
        return self._possible.or_shown(asked, shown)

    def second_prompt(self, first: Prompt, asked: Prompt) -> tuple[Prompt | None, str]:
        """The prompt B that is compared with a first one, or None and the reason if they cannot be compared here."""
        return self._possible.second(first, asked)

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
