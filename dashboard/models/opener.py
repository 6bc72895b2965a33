"""Model opener of a local server: looks a folder, a file or an id on the hub up, and adds it to the list of models.

A visitor who could name any path or id would read the server's disk and fill it. So only `make_menu` for a server that
nobody else can reach makes an opener; elsewhere there is none, and the list of models cannot grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.errors import AnalysisError, ModelError
from analysis.machine.memory import free_bytes, memory_bytes
from analysis.models.catalogue import Outline
from analysis.models.hub import Hub, HubModel
from analysis.models.preview import Preview, locate, preview
from analysis.models.registry import ModelRegistry
from dashboard.models.menu import ModelMenu
from dashboard.models.model_list import ModelList


@dataclass(frozen=True)
class FoundModel:
    """What is known of a model before it is opened.

    Attributes
    ----------
    problem : str
        Why it cannot be opened; empty if it can. Everything else is then unknown.
    name : str
        The name under which the page will offer it.
    where : str
        Its path, or empty for a model on the hub.
    outline : Outline or None
        Its sizes and parts.
    download_bytes : int
        What is left to download, in bytes; 0 if all its files are on this machine.
    allowed_bytes, total_bytes, free_bytes : int
        Memory, in bytes: that a model may take on this server, that the machine has, and that is free now.
    listed : bool
        Whether the page offers it already.
    """

    problem: str
    name: str = ""
    where: str = ""
    outline: Outline | None = None
    download_bytes: int = 0
    allowed_bytes: int = 0
    total_bytes: int = 0
    free_bytes: int = 0
    listed: bool = False

    @property
    def fits(self) -> bool:
        """Whether the server may load its weights."""
        return self.outline is not None and self.outline.summary.memory_bytes <= self.allowed_bytes


class ModelOpener:
    """Looks models up and opens them. refusal: why the current request may do neither; empty if it may."""

    def __init__(
        self, models: ModelList, registry: ModelRegistry, menu: ModelMenu, hub: Hub, refusal: Callable[[], str]
    ) -> None:
        self._models, self._registry, self._menu, self._hub = models, registry, menu, hub
        self._refusal = refusal

    def look(self, text: str) -> FoundModel:
        """Find what a text names, without loading it. Never raises AnalysisError: the reason is part of the result."""
        try:
            if refusal := self._refusal():
                raise AnalysisError(refusal)
            return self._look(text)
        except AnalysisError as error:
            return FoundModel(str(error))
        except OSError as error:
            return FoundModel(f"'{text}' cannot be read: {error.strerror}.")

    def open(self, text: str) -> FoundModel:
        """Look the model up again, add it to the list, and start its download if one is needed."""
        found = self.look(text)
        if found.problem:
            return found
        if found.name in self._models.opened():
            self._registry.forget(found.name)
        name = self._models.add(self._source(text))
        if found.download_bytes and found.fits:
            self._menu.start_download(name)
        return replace(found, name=name)

    def _look(self, text: str) -> FoundModel:
        source = self._source(text)
        known = self._preview(source)
        name = self._models.name_of(source)
        available, total = self._registry.available_bytes(name), memory_bytes()
        return FoundModel(
            "",
            name,
            str(source) if isinstance(source, Path) else "",
            known.outline,
            known.download_bytes,
            allowed_bytes=total if available is None else max(0, available),
            total_bytes=total,
            free_bytes=free_bytes(),
            listed=name in self._models,
        )

    def _source(self, text: str) -> Path | HubModel:
        if not text.strip():
            raise AnalysisError("Type the path of a folder or a .gguf file, or an id on the Hugging Face hub.")
        listed = self._models.get(text.strip())
        return listed if isinstance(listed, Path | HubModel) else locate(text)

    def _preview(self, source: Path | HubModel) -> Preview:
        is_missing = isinstance(source, HubModel) and self._hub.folder(source) is None
        if is_missing and not self._menu.allow_downloads:
            raise ModelError(f"'{source}' is not on this machine, and this server does not download (ALLOW_DOWNLOADS).")
        return preview(source, self._hub)
