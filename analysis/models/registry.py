"""The models of this process: loaded when they are asked for, within a limit of memory, shared by all who ask."""

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
from analysis.machine.memory import give_back
from analysis.models.catalogue import Outline, Source, built_in, make_outline
from analysis.models.hub import Hub, HubModel
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model, read_configuration, share_weights

# "absent": its weights are not on this machine. "large": they need more memory than models may take. "unusable": it
# could not be loaded, or cannot be shown.
Standing = Literal["ready", "loading", "on disk", "absent", "large", "unusable"]

_AGAIN_SECONDS = 30  # after which a model that could not be loaded is tried again
_PATIENCE_SECONDS = 60  # that a load waits for models in use
_BYTES = 4  # of a number in float32
_log = logging.getLogger(__name__)


class ModelRegistry:
    """Models by name. A loaded one goes when another needs its room, least recently used first, but never while it is
    in use: a model is in use as long as anyone holds it.
    """

    def __init__(self, sources: Mapping[str, Source], *, max_bytes: int | None = None, hub: Hub | None = None) -> None:
        self.max_bytes = max_bytes
        self._sources = dict(sources)
        self._hub = hub or Hub()
        self._loaded = OrderedDict(
            (name, source) for name, source in sources.items() if isinstance(source, LanguageModel)
        )
        self._outlines: dict[str, Outline] = {}
        self._threads: dict[str, Thread] = {}
        self._failures: dict[str, tuple[float, str]] = {}  # words only: an error holds on to what was half loaded
        self._refused: dict[str, str] = {}  # for what their configurations say
        self._kept: set[str] = set()
        self._shared: dict[str, mmap] = {}
        self._lock = Lock()  # of what is above
        self._load = Lock()  # one at a time, so that memory is counted once

    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they are offered."""
        return tuple(self._sources)

    def source(self, name: str) -> Source:
        """Where a model comes from.

        Raises: ModelError for a name that is not on the list; it is never read as a path or an address.
        """
        if name not in self._sources:
            known = ", ".join(f"'{known}'" for known in self._sources)
            raise ModelError(f"There is no model '{name[:60]}' here. Choose one of: {known}.")
        return self._sources[name]

    def get(self, name: str) -> LanguageModel:
        """The model of that name; waits until it is loaded.

        Raises: ModelError for a name that is not on the list, or a model that cannot be loaded; NotLoaded if its
        weights are not on this machine or need more memory than models may take.
        """
        if (model := self._used(name)) is None:
            with self._load:
                if (model := self._used(name)) is None:
                    model = self._loaded_now(name)
        return model

    def ready(self, name: str) -> LanguageModel:
        """The model of that name if it is loaded; if not, it is loaded by another thread.

        Raises: NotLoaded until then; else as `get` does.
        """
        if (model := self._used(name)) is not None:
            return model
        self._refuse_if_failed(name)
        self._folder_of(name)
        with self._lock:
            if name not in self._threads or not self._threads[name].is_alive():
                self._threads[name] = Thread(target=self._load_aside, args=[name], daemon=True)
                self._threads[name].start()
        raise NotLoaded(f"The weights of {name} are being loaded.")

    def outline(self, name: str) -> Outline:
        """A model without its weights.

        Raises: NotLoaded if its configuration is not on this machine yet; ModelError as `make_outline` does.
        """
        source = self.source(name)
        if name in self._refused:
            raise ModelError(self._refused[name])
        if name not in self._outlines:
            config = self._configuration(name, source)
            try:
                self._outlines[name] = make_outline(config, source)
            except ModelError as error:
                self._refused[name] = str(error)
                raise
        return self._outlines[name]

    def standing(self, name: str) -> tuple[Standing, str]:
        """How a model stands, and why it is unusable if it is."""
        self.source(name)
        if name in self._loaded:
            return "ready", ""
        if name in self._threads and self._threads[name].is_alive():
            return "loading", ""
        try:
            self._refuse_if_failed(name)
            self._refuse_if_large(name)
            return "on disk" if self._folder(name) else "absent", ""
        except NotLoaded:
            # Of a model that is too large, or of which nothing is known yet.
            return "large" if name in self._outlines else "absent", ""
        except ModelError as error:
            return "unusable", str(error)

    def untrained(self, name: str) -> bool:
        """Whether a model is loaded, and its weights are random."""
        with self._lock:  # without counting as a use
            return name in self._loaded and self._loaded[name].info.untrained

    def forget_failure(self, name: str) -> None:
        """Try again to load a model that could not be, since something has changed."""
        self._failures.pop(name, None)
        self._refused.pop(name, None)

    def share(self, name: str) -> None:
        """Have a model in common with all processes that are forked from now on, whichever of them loads it; none lets
        go of it, as its memory would not return.

        Raises: ModelError as `outline` does.
        """
        self._kept.add(name)
        with suppress(NotLoaded):
            outline = self.outline(name)
            if outline.half:  # others are memory-mapped files, which are shared anyway; no memory is used until it is
                self._shared[name] = mmap(-1, _BYTES * outline.info.n_parameters)

    def _used(self, name: str) -> LanguageModel | None:
        self.source(name)
        with self._lock:
            model = self._loaded.get(name)
            if model is not None:
                self._loaded.move_to_end(name)
            return model

    def _load_aside(self, name: str) -> None:
        try:
            self.get(name)
        except AnalysisError as error:
            self._failures[name] = (time.monotonic(), str(error))
        except Exception:  # or the page would begin again and again
            _log.exception("Loading %s", name)
            self._failures[name] = (time.monotonic(), f"{name} could not be loaded; the server's log says why.")

    def _refuse_if_failed(self, name: str) -> None:
        when, words = self._failures.get(name, (0.0, ""))
        if words and time.monotonic() < when + _AGAIN_SECONDS:
            raise ModelError(words)

    def _loaded_now(self, name: str) -> LanguageModel:
        folder = self._folder_of(name)
        self._make_room(_BYTES * self.outline(name).info.n_parameters)
        model = load_model(folder, name=name)
        if name in self._shared:
            share_weights(model.network, self._shared[name])
        with self._lock:
            self._loaded[name] = model
        give_back()  # what loading needed
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
        room = None if self.max_bytes is None else self.max_bytes - self._held(self._kept - {name})
        if room is not None and needed > room:
            raise NotLoaded(
                f"{name} is too large: it needs {needed / 1e9:.3g} GB of memory, and this server has "
                f"{max(0, room) / 1e9:.3g} GB for models like it."
            )

    def _configuration(self, name: str, source: Source) -> object:
        if isinstance(source, LanguageModel):
            return source.network.config
        folder = self._hub.configured(source) if isinstance(source, HubModel) else source
        if folder is not None:
            return read_configuration(folder, name=name)
        assert isinstance(source, HubModel)
        config = built_in(source)
        if config is None:
            raise NotLoaded(f"Nothing of {name} is on this machine yet, not even its configuration.")
        return config

    def _make_room(self, needed: int) -> None:
        """Let go of models until there is room for so many bytes."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while self.max_bytes is not None and self._held() + needed > self.max_bytes:
            if self._let_go():
                gc.collect()
                give_back()
            elif time.monotonic() > ends:
                raise ModelError("All models in memory are in use, and there is no room for another. Try again later.")
            else:
                time.sleep(0.1)

    def _held(self, names: Container[str] | None = None) -> int:
        with self._lock:
            return sum(
                _BYTES * model.info.n_parameters
                for name, model in self._loaded.items()
                if names is None or name in names
            )

    def _let_go(self) -> bool:
        """Let go of the least recently used model that nobody holds; whether there was one."""
        with self._lock:
            for name in [name for name in self._loaded if name not in self._kept]:
                model = weakref.ref(self._loaded.pop(name))
                held = model()
                if held is None:
                    return True
                self._loaded[name] = held
            # All have gone to the end once, so they are in order again.
            return False
