"""How every model on offer stands on this machine, and the downloads that a visitor may start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.bundled import BUNDLED_DIR
from analysis.errors import AnalysisError, ModelError, NotLoaded
from analysis.machine.memory import memory_bytes
from analysis.models.catalogue import BUNDLED, Source, list_sources
from analysis.models.hub import Hub, HubModel
from analysis.models.registry import ModelRegistry
from dashboard.models.downloads import Download, Downloads
from dashboard.settings import Settings

State = Literal["ready", "loading", "on disk", "downloading", "to download", "forbidden", "too large", "unusable"]


@dataclass(frozen=True)
class Offer:
    """A model on the list. Sizes in bytes; None where they are not known yet. problem: why it is unusable, or why its
    last download ended early. untrained: its weights are known to be random.
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


class Offers:
    """The list of models, and what may be done with each."""

    def __init__(self, models: ModelRegistry, downloads: Downloads, *, allow_downloads: bool) -> None:
        self._models = models
        self._downloads = downloads
        self._allow = allow_downloads

    def all(self) -> list[Offer]:
        """Every model, in the order in which they are offered."""
        return [self.offer(name) for name in self._models.names()]

    def offer(self, name: str) -> Offer:
        """One model.

        Raises: ModelError for a name that is not on the list.
        """
        download = self._downloads.look(name) if isinstance(self._models.source(name), HubModel) else None
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
        with suppress(NotLoaded, ModelError):  # its configuration is not here yet, or cannot be used: its state tells
            outline = self._models.outline(name)
        return Offer(
            name,
            family=outline.info.family if outline else None,
            state=state,
            n_parameters=outline.info.n_parameters if outline else None,
            memory_bytes=outline.summary.memory_bytes if outline else None,
            download_bytes=outline.download_bytes if outline else None,
            untrained=self._models.untrained(name),
            problem=problem,
            download=download,
        )

    def start_download(self, name: str) -> None:
        """Begin to download a model of the list.

        Raises: AnalysisError if it is not to be downloaded here.
        """
        self._downloads.start(name, self.downloadable(name))
        self._models.forget_failure(name)

    def download_now(self, name: str, report: Callable[[int, int], None]) -> None:
        """Download a model of the list in this thread. report: bytes here, and in all.

        Raises: AnalysisError if it is not to be downloaded here, or as `Hub.fetch` does.
        """
        self._downloads.run(name, self.downloadable(name), report)

    def downloadable(self, name: str) -> HubModel:
        """Where a model of the list comes from, if it may be downloaded.

        Raises: AnalysisError if it may not.
        """
        source = self._models.source(name)
        state = self.offer(name).state
        if isinstance(source, HubModel) and state in ("to download", "downloading"):
            return source
        reasons = {
            "unusable": self._models.status(name)[1],
            "forbidden": "This server does not download models (ALLOW_DOWNLOADS is 0).",
            "too large": f"{name} is too large for this server; raise MODEL_MEMORY_MB, or choose a smaller model.",
        }
        raise AnalysisError(reasons.get(state, f"{name} is on this machine already."))

    def cancel_download(self, name: str) -> None:
        """End the download of a model of the list, if there is one."""
        self._models.source(name)
        self._downloads.cancel(name)


def models_on_offer(settings: Settings) -> dict[str, Source]:
    """The bundled model, the sizes of GPT-2, and what the settings add.

    Raises: ModelError for a name that can be no model.
    """
    folder = Path(settings.models_dir) if settings.models_dir else None
    return {BUNDLED: BUNDLED_DIR, **list_sources(settings.models, folder)}


def first(models: Mapping[str, Source], chosen: str) -> dict[str, Source]:
    """The list with one model in front, which is on it already, or a folder, or on the hub. Only for what a host says.

    Raises: ModelError if it can be none of these.
    """
    name, source = chosen, models.get(chosen)
    if source is None:
        folder = Path(chosen)
        name = folder.resolve().name if folder.is_dir() else chosen
        source = folder if folder.is_dir() else HubModel.parse(chosen)
    return {name: source, **{other: known for other, known in models.items() if other != name}}


def make_offers(settings: Settings, models: Mapping[str, Source]) -> tuple[ModelRegistry, Offers]:
    """The models of this process, and what may be done with them."""
    hub = Hub()
    registry = ModelRegistry(models, max_bytes=memory_for_models(settings.model_memory_mb), hub=hub)
    downloads = Downloads(settings.cache_path / "downloads", hub)
    return registry, Offers(registry, downloads, allow_downloads=settings.allow_downloads)


def memory_for_models(setting_mb: int) -> int:
    """Bytes that models may take: what the host allows, and no more than the machine has."""
    return min(setting_mb * 10**6, memory_bytes())
