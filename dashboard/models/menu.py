"""Model menu: the state of each model on this machine, its sizes, and the downloads that a page may start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.bundled import BUNDLED_DIR
from analysis.errors import AnalysisError, ModelError, NotLoaded
from analysis.machine.memory import memory_bytes
from analysis.models.catalogue import BUNDLED, Source, is_local_model, list_sources
from analysis.models.hub import Hub, HubModel
from analysis.models.registry import ModelRegistry
from dashboard.models.downloads import Download, Downloads
from dashboard.settings import Settings

State = Literal["ready", "loading", "on disk", "downloading", "to download", "forbidden", "too large", "unusable"]


@dataclass(frozen=True)
class MenuEntry:
    """A model on the menu.

    Attributes
    ----------
    name : str
        The name under which the page offers it.
    family : str or None
        Its family's name; None while its configuration is not on this machine.
    state : str
        "ready" in memory, "loading" into it, "on disk", "downloading", "to download"; or why it cannot be shown:
        "forbidden" to download, "too large" for the memory of this server, "unusable".
    n_parameters : int or None
        The number of its parameters; None while its configuration is not on this machine.
    memory_bytes, download_bytes : int or None
        Its size in memory and its size to download, in bytes; None if unknown.
    untrained : bool
        Whether its weights are known to be random.
    weights_note : str
        What its weights have been through, such as "4-bit weights, dequantized"; empty if nothing is known.
    problem : str
        Why it is unusable, or why its last download ended early; empty if neither.
    download : Download or None
        The progress of its download, if one was started.
    """

    name: str
    family: str | None
    state: State
    n_parameters: int | None
    memory_bytes: int | None
    download_bytes: int | None
    untrained: bool
    problem: str
    download: Download | None
    weights_note: str = ""


class ModelMenu:
    """The models that the page offers, with their states and downloads."""

    def __init__(self, models: ModelRegistry, downloads: Downloads, *, allow_downloads: bool) -> None:
        self._models = models
        self._downloads = downloads
        self._allow = allow_downloads

    def entries(self) -> list[MenuEntry]:
        """All models, in the order of the menu."""
        return [self.entry(name) for name in self._models.names()]

    def entry(self, name: str) -> MenuEntry:
        """One model.

        Raises: ModelError for a name that is not on the menu.
        """
        download = self._downloads.progress(name) if isinstance(self._models.source(name), HubModel) else None
        status, problem = self._models.status(name)
        state: State = "to download" if status == "not downloaded" else status
        if state == "to download":
            if download and download.running:
                state = "downloading"
            elif not self._allow:
                state = "forbidden"
            elif download:
                problem = download.problem
        outline = None
        with suppress(NotLoaded, ModelError):  # its configuration is missing or unusable, as its state says
            outline = self._models.outline(name)
        return MenuEntry(
            name,
            family=outline.info.family if outline else None,
            state=state,
            n_parameters=outline.info.n_parameters if outline else None,
            memory_bytes=outline.summary.memory_bytes if outline else None,
            download_bytes=outline.download_bytes if outline else None,
            untrained=self._models.untrained(name),
            problem=problem,
            download=download,
            weights_note=outline.info.weights_note if outline else "",
        )

    def start_download(self, name: str) -> None:
        """Start to download a model of the menu.

        Raises: AnalysisError if it cannot or may not be downloaded.
        """
        self._downloads.start(name, self.downloadable(name))
        self._models.forget_failure(name)

    def download_now(self, name: str, report: Callable[[int, int], None]) -> None:
        """Download a model of the menu in this thread. report: is called with bytes done and in all.

        Raises: AnalysisError if it cannot or may not be downloaded, or as `Hub.fetch` does.
        """
        self._downloads.run(name, self.downloadable(name), report)

    def downloadable(self, name: str) -> HubModel:
        """The source of a model of the menu that may be downloaded.

        Raises: AnalysisError if it cannot or may not be downloaded.
        """
        source = self._models.source(name)
        state = self.entry(name).state
        if isinstance(source, HubModel) and state in ("to download", "downloading"):
            return source
        reasons = {
            "unusable": self._models.status(name)[1],
            "forbidden": "This server does not download models (ALLOW_DOWNLOADS is 0).",
            "too large": f"{name} is too large for this server; raise MODEL_MEMORY_MB, or choose a smaller model.",
        }
        raise AnalysisError(reasons.get(state, f"{name} is on this machine already."))

    def cancel_download(self, name: str) -> None:
        """Cancel the download of a model of the menu, if it is running."""
        self._models.source(name)
        self._downloads.cancel(name)


def configured_models(settings: Settings) -> dict[str, Source]:
    """The bundled model, the sizes of GPT-2, and the models that the settings add, by name.

    Raises: ModelError for a name that cannot be a model's.
    """
    folder = Path(settings.models_dir) if settings.models_dir else None
    return {BUNDLED: BUNDLED_DIR, **list_sources(settings.models, folder)}


def with_first(models: Mapping[str, Source], chosen: str) -> dict[str, Source]:
    """The models with the chosen one first: one of them, a folder, a GGUF file, or an id on the hub.

    For choices of the host only: a visitor must not name a path.
    Raises: ModelError if it is none of these.
    """
    name, source = chosen, models.get(chosen)
    if source is None:
        path = Path(chosen)
        if chosen.lower().endswith(".gguf") and not path.is_file():  # such an id would be looked for on the hub
            raise ModelError(f"There is no file '{chosen}'.")
        name, source = (path.resolve().name, path) if is_local_model(path) else (chosen, HubModel.parse(chosen))
    return {name: source, **{other: known for other, known in models.items() if other != name}}


def make_menu(settings: Settings, models: Mapping[str, Source]) -> tuple[ModelRegistry, ModelMenu]:
    """The registry of models of this process, and the menu of the same models."""
    hub = Hub()
    registry = ModelRegistry(models, max_bytes=model_memory_bytes(settings.model_memory_mb), hub=hub)
    downloads = Downloads(settings.cache_path / "downloads", hub)
    return registry, ModelMenu(registry, downloads, allow_downloads=settings.allow_downloads)


def model_memory_bytes(setting_mb: int) -> int:
    """The most memory for models, in bytes: MODEL_MEMORY_MB, but never more than the machine has."""
    return min(setting_mb * 10**6, memory_bytes())
