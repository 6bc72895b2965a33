"""Protocols of the services that a panel may call: models, traces, jobs, and the checks of what a page sent.

A panel's `register(app, services)` and `draw_x(services, ...)` use these and nothing else of the server;
`dashboard/services.py` implements them, and a test may pass any object that has the methods it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from analysis.comparison.pair import Comparison
from analysis.model_info import ModelInfo
from analysis.models.catalogue import Outline
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.task import Arrays, Task
from analysis.trace import Prompt, Trace


class JobResults(Protocol):
    """Results of background jobs."""

    def show(self, task: Task, question: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
        """The result of a task (None if there is none yet), and the `offer` of the panel's job bar.

        question: what the page sends back to have the same task run; a panel's `task` in `dashboard/panels.py` reads
        it. The offer is None if nothing slow was needed, and has `kept` (seconds) if the result is complete.
        """


class Menu(Protocol):
    """The models that visitors may choose."""

    def entries(self) -> Sequence[Any]:
        """Every entry, in the order of the list."""

    def entry(self, name: str) -> Any:
        """The entry of one model, with its state on this machine.

        Raises: ModelError for a name that is not on the list.
        """

    def start_download(self, name: str) -> None:
        """Start to download a model.

        Raises: AnalysisError if it may not be downloaded here.
        """

    def cancel_download(self, name: str) -> None:
        """Cancel the download of a model, if one is running."""


class Opener(Protocol):
    """Opens models that are not on the list, on a server that only this machine can reach."""

    def look(self, text: str) -> Any:
        """What a path or an id on the hub names, without loading it, or the `problem` with it."""

    def open(self, text: str) -> Any:
        """The same, after it was added to the list, and its download started if one is needed."""


class Services(Protocol):
    """All that a callback may call. Everything that a page sent is checked here; no visitor's state is kept."""

    @property
    def jobs(self) -> JobResults:
        """Results of background jobs."""

    @property
    def menu(self) -> Menu:
        """The models that visitors may choose."""

    @property
    def opener(self) -> Opener | None:
        """What opens other models; None on every server but a local one."""

    @property
    def max_tokens(self) -> int:
        """Length limit of a text on this server, in tokens."""

    def prompt(self, data: Any) -> Prompt:
        """The prompt in a page's store.

        Raises: AnalysisError if it is malformed.
        """

    def question(self, prompt: Any, selection: Any) -> tuple[Prompt, Selection]:
        """The prompt and the selection in a page's stores, checked against the model's sizes and the text's length.

        Raises: AnalysisError if they are malformed, name a model that is not on the list, or select what does not
        exist.
        """

    def asked(self, question: Any, *, n_choices: int) -> tuple[Prompt, Selection, list[str]]:
        """A job's question, `{"prompt", "selection", "choices"}`, checked in the same way; `choices` are strings.

        Raises: AnalysisError as `question` does.
        """

    def linked_prompt(self, address: Any, shown: Any) -> tuple[Prompt, str]:
        """The prompt that the page's address names, and what is wrong with the address (empty: nothing).

        address: the page's store, with a fragment such as `#model=...&text=...`. shown: the prompt that the page shows
        already, or None; what the address leaves out is taken from it.
        """

    def possible_prompt(self, asked: Prompt, shown: Any) -> tuple[Prompt, str]:
        """The prompt, without switches that its model does not have, if it can be analysed; else the one that is shown,
        and the reason.
        """

    def second_prompt(self, first: Prompt, asked: Prompt) -> tuple[Prompt | None, str]:
        """The prompt B that is compared with a first one, or None and the reason if they cannot be compared here."""

    def sizes(self, prompt: Prompt) -> tuple[ModelInfo | None, int]:
        """The model's sizes (None: not known yet) and the number of positions of the text (0: not known yet)."""

    def n_tokens(self, prompt: Prompt) -> tuple[int, str]:
        """The number of tokens of a text that may be too long, and why it has none (empty: its model is not loaded)."""

    def loaded(self, prompt: Prompt) -> bool:
        """Whether the model's weights are in memory."""

    def model(self, prompt: Prompt) -> LanguageModel:
        """The loaded network that the prompt is for.

        Raises: NotLoaded while its weights are not in memory.
        """

    def outline(self, prompt: Prompt) -> Outline:
        """The prompt's model without weights: its sizes and parameters.

        Raises: NotLoaded while not even its configuration is on this machine.
        """

    def trace(self, prompt: Prompt) -> Trace:
        """The prompt's trace, from the cache or computed now.

        Raises: NotLoaded as `model` does; TextError for a text that cannot be analysed.
        """

    def comparison(self, prompt: Prompt, other: Prompt) -> Comparison:
        """The traces of two prompts, A and B, and which of their positions stand for each other.

        Raises: as `trace` does, for either.
        """

    def position(self, trace: Trace, selection: Selection) -> int:
        """The selected position; the last one if none is selected."""

    def derived(self, trace: Trace, name: str, compute: Callable[[], Arrays], *, version: int) -> Arrays:
        """Get or compute: returns the cached arrays for a name and version, or computes and caches them."""
