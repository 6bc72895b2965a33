"""Model registry: models by name, loaded on demand within a memory limit; the least recently used are unloaded."""

import gc
import logging
import time
import weakref
from collections import OrderedDict
from collections.abc import Container, Mapping
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from threading import Lock, Thread
from typing import Literal

from analysis.errors import AnalysisError, ModelError, NotLoaded
from analysis.machine.memory import release_free_memory
from analysis.models.catalogue import Outline, Source, builtin_configuration, make_outline, outline_of
from analysis.models.hub import Hub, HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model, read_configuration, share_weights

# "too large": the weights need more memory than models may take. "unusable": loading failed, or the model is not
# supported.
Status = Literal["ready", "loading", "on disk", "not downloaded", "too large", "unusable"]

_RETRY_SECONDS = 30  # after which loading is tried again
_IDLE_TIMEOUT_SECONDS = 60  # how long a load waits for a model to become idle
_BYTES = 4  # per number in float32
_log = logging.getLogger(__name__)


class ModelRegistry:
    """Models by name. When `max_bytes` is exhausted, the least recently used idle model is unloaded. A model is idle
    when nothing refers to it but the registry.
    """

    def __init__(self, sources: Mapping[str, Source], *, max_bytes: int | None = None, hub: Hub | None = None) -> None:
        """sources: are read at each call, so models that are added to the mapping later are found."""
        self.max_bytes = max_bytes
        self._sources = sources
        self._hub = hub or Hub()
        self._loaded = OrderedDict(
            (name, source) for name, source in sources.items() if isinstance(source, LanguageModel)
        )
        self._outlines: dict[str, Outline] = {}
        self._threads: dict[str, Thread] = {}
        self._failures: dict[str, tuple[float, str]] = {}  # messages only: an exception refers to a half-loaded model
        self._refused: dict[str, str] = {}  # messages about configurations that are not supported
        self._pinned: set[str] = set()
        self._shared: dict[str, mmap] = {}
        self._lock = Lock()  # protects the fields above
        self._load_lock = Lock()  # one load at a time, so that memory is counted once

    def names(self) -> tuple[str, ...]:
        """All names, in the order of the menu."""
        return tuple(self._sources)

    def source(self, name: str) -> Source:
        """The source of a model.

        Raises: ModelError for an unknown name, which is never used as a path or an address.
        """
        if name not in self._sources:
            known = ", ".join(f"'{known}'" for known in self._sources)
            raise ModelError(f"There is no model '{name[:60]}' here. Choose one of: {known}.")
        return self._sources[name]

    def get(self, name: str) -> LanguageModel:
        """Get or load a model; blocks while it is being loaded.

        Raises: ModelError for an unknown name or a model that cannot be loaded; NotLoaded if the weights are not on
        this machine or need more memory than models may take.
        """
        if (model := self._use(name)) is None:
            with self._load_lock:
                if (model := self._use(name)) is None:
                    model = self._load(name)
        return model

    def get_nowait(self, name: str) -> LanguageModel:
        """Get a model without blocking; if it is not in memory, a thread starts to load it.

        Raises: NotLoaded until it is loaded; otherwise as `get` does.
        """
        if (model := self._use(name)) is not None:
            return model
        self._refuse_if_failed(name)
        self._folder_of(name)
        with self._lock:
            if name not in self._threads or not self._threads[name].is_alive():
                self._threads[name] = Thread(target=self._load_in_thread, args=[name], daemon=True)
                self._threads[name].start()
        raise NotLoaded(f"The weights of {name} are being loaded.")

    def outline(self, name: str) -> Outline:
        """The architecture of a model, without its weights.

        Raises: NotLoaded if its configuration is not on this machine; ModelError as `make_outline` does.
        """
        source = self.source(name)
        if name in self._refused:
            raise ModelError(self._refused[name])
        if name not in self._outlines:
            if isinstance(source, LanguageModel):
                self._outlines[name] = outline_of(source)
                return self._outlines[name]
            config = self._configuration(name, source)
            try:
                self._outlines[name] = make_outline(config, source)
            except ModelError as error:
                self._refused[name] = str(error)
                raise
        return self._outlines[name]

    def status(self, name: str) -> tuple[Status, str]:
        """The status of a model, and the reason if it is unusable."""
        self.source(name)
        if name in self._loaded:
            return "ready", ""
        if name in self._threads and self._threads[name].is_alive():
            return "loading", ""
        try:
            self._refuse_if_failed(name)
            self._refuse_if_large(name)
            return "on disk" if self._folder(name) else "not downloaded", ""
        except NotLoaded:
            # The model is too large, or not even its configuration is on this machine.
            return "too large" if name in self._outlines else "not downloaded", ""
        except ModelError as error:
            return "unusable", str(error)

    def untrained(self, name: str) -> bool:
        """Whether a model is loaded and its weights are random."""
        with self._lock:  # this does not count as a use
            return name in self._loaded and self._loaded[name].info.untrained

    def forget_failure(self, name: str) -> None:
        """Let a model that could not be loaded be tried again at once, since its files have changed."""
        self._failures.pop(name, None)
        self._refused.pop(name, None)

    def forget(self, name: str) -> None:
        """Unload a model that is not pinned, and read its files again at the next use, since they may have changed."""
        self.forget_failure(name)
        self._outlines.pop(name, None)
        with self._lock:
            self._loaded.pop(name, None)

    def available_bytes(self, name: str = "") -> int | None:
        """The memory that a model may take if all models but the pinned ones are unloaded; None without a limit."""
        return None if self.max_bytes is None else self.max_bytes - self._loaded_bytes(self._pinned - {name})

    def check_together(self, *names: str) -> None:
        """Check that these models can be in memory at the same time, so that they do not unload each other.

        Raises: ModelError if they cannot; NotLoaded if the sizes of one are not known yet.
        """
        free = self.available_bytes()
        needed = sum(_BYTES * self.outline(name).info.n_parameters for name in {*names} - self._pinned)
        if free is not None and needed > free:
            raise ModelError(
                f"{' and '.join(names)} need {needed / 1e9:.3g} GB of memory together, and this server has "
                f"{max(0, free) / 1e9:.3g} GB for models that visitors choose. Compare with a smaller model."
            )

    def pin(self, name: str) -> None:
        """Pin a model: it is never unloaded, and processes that are forked after this call share its weights,
        whichever of them loads it. (Unloading it in one process would not free shared memory.)

        Raises: ModelError as `outline` does.
        """
        self._pinned.add(name)
        with suppress(NotLoaded):
            outline = self.outline(name)
            if outline.converted:  # other weights are memory-mapped files, which are shared anyway
                self._shared[name] = mmap(-1, _BYTES * outline.info.n_parameters)

    def _use(self, name: str) -> LanguageModel | None:
        self.source(name)
        with self._lock:
            model = self._loaded.get(name)
            if model is not None:
                self._loaded.move_to_end(name)
            return model

    def _load_in_thread(self, name: str) -> None:
        try:
            self.get(name)
        except AnalysisError as error:
            self._failures[name] = (time.monotonic(), str(error))
        except Exception:  # or the page would start the same load again and again
            _log.exception("Loading %s", name)
            self._failures[name] = (time.monotonic(), f"{name} could not be loaded; the server's log says why.")

    def _refuse_if_failed(self, name: str) -> None:
        when, message = self._failures.get(name, (0.0, ""))
        if message and time.monotonic() < when + _RETRY_SECONDS:
            raise ModelError(message)

    def _load(self, name: str) -> LanguageModel:
        folder = self._folder_of(name)
        self._free(_BYTES * self.outline(name).info.n_parameters)
        model = load_model(folder, name=name)
        if name in self._shared and len(self._shared[name]) == _BYTES * model.info.n_parameters:
            share_weights(model.network, self._shared[name])
        with self._lock:
            self._loaded[name] = model
            self._outlines[name] = outline_of(model)
        release_free_memory()  # which loading has used
        return model

    def _folder_of(self, name: str) -> Path:
        folder = self._folder(name)
        if folder is None:
            raise NotLoaded(f"The weights of {name} are not on this machine.")
        self._refuse_if_large(name)
        return folder

    def _folder(self, name: str) -> Path | None:
        source = self._sources[name]
        if isinstance(source, HubModel):
            return self._hub.folder(source)
        assert isinstance(source, Path)
        return source

    def _refuse_if_large(self, name: str) -> None:
        needed = _BYTES * self.outline(name).info.n_parameters
        available = self.available_bytes(name)
        if available is not None and needed > available:
            raise NotLoaded(
                f"{name} is too large: it needs {needed / 1e9:.3g} GB of memory, and this server has "
                f"{max(0, available) / 1e9:.3g} GB for models that visitors choose."
            )

    def _configuration(self, name: str, source: Path | HubModel) -> object:
        folder = self._hub.configuration_folder(source) if isinstance(source, HubModel) else source
        if folder is not None:
            return read_configuration(folder, name=name)
        assert isinstance(source, HubModel)
        config = builtin_configuration(source)
        if config is None:
            raise NotLoaded(f"{name} has not been downloaded, not even its configuration.")
        return config

    def _free(self, needed: int) -> None:
        """Unload models until this many bytes are available."""
        ends = time.monotonic() + _IDLE_TIMEOUT_SECONDS
        while self.max_bytes is not None and self._loaded_bytes() + needed > self.max_bytes:
            if self._unload_one():
                gc.collect()
                release_free_memory()
            elif time.monotonic() > ends:
                raise ModelError("All models in memory are in use, and another does not fit. Try again later.")
            else:
                time.sleep(0.1)

    def _loaded_bytes(self, names: Container[str] | None = None) -> int:
        with self._lock:
            return sum(
                _BYTES * model.info.n_parameters
                for name, model in self._loaded.items()
                if names is None or name in names
            )

    def _unload_one(self) -> bool:
        """Unload the least recently used idle model; False if all are in use."""
        with self._lock:
            for name in [name for name in self._loaded if name not in self._pinned]:
                reference = weakref.ref(self._loaded.pop(name))
                model = reference()
                if model is None:
                    return True
                self._loaded[name] = model
            # Each has been moved to the end once, so the order is the same as before.
            return False
