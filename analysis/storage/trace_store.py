"""The on-disk memo of traces: one safetensors file a trace, read by slices, in a cache of bounded size.

A long text's file is written while the model computes, so that no two blocks' attention is in memory at once.
What is drawn from a trace and takes long (a projection) is kept beside it. A cache that is damaged, full or not
writable costs time, never an answer.
"""

import fcntl
import hashlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import from_numpy

from analysis.errors import TextError
from analysis.forward import CAPTURE_VERSION, MAX_CHARACTERS, capture, encode
from analysis.model_info import ModelInfo
from analysis.models.language_model import LanguageModel
from analysis.storage.disk_cache import UNAVAILABLE, DiskCache
from analysis.storage.trace_file import TraceFile
from analysis.storage.trace_size import HALF_ABOVE, refuse_too_long
from analysis.tokens import Token
from analysis.trace import Prompt, Trace

_N_LOCKS = 64
_FEW = 20  # results; with fewer, each is large
_HEADER_BYTES = 1_000  # of a block, or of a derived array; more than its part of the header takes
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Arrays:
    names: tuple[str, ...]
    read: Callable[[str], NDArray[Any]]


class TraceStore:
    """Traces by what was computed (model fingerprint, token ids), shared by all threads and processes of a machine."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._locks = directory / "locks"
        self._cache = _open_cache(directory / "traces", max_bytes)
        self._max_bytes = max_bytes
        self.is_stand_in = Path(self._cache.directory).name != "traces"  # a temporary one, of this process alone
        self.n_hits = self.n_misses = self.n_passes = 0  # since this process began: reads of the cache, forward passes

    def get(
        self,
        model: LanguageModel,
        prompt: Prompt,
        *,
        max_tokens: int | None = None,
        max_characters: int = MAX_CHARACTERS,
    ) -> Trace:
        """The trace of this text, from disk, or computed now; asked for twice at once, it is computed once.

        Raises: TextError as `encode` does, or for a text whose trace does not fit in the cache, on the disk or in
        memory.
        """
        tokens = encode(model, prompt.text, start=prompt.start, max_tokens=max_tokens, max_characters=max_characters)
        arrays = self._arrays(trace_key(model.info, tokens), lambda: self._traced(model, tokens))
        return Trace(prompt, tokens, model.info, arrays.read)

    def derived(
        self, trace: Trace, name: str, compute: Callable[[], dict[str, NDArray[Any]]], *, version: int
    ) -> dict[str, NDArray[Any]]:
        """Arrays that follow from a trace alone and are slow to make, from disk, or computed now.

        name: everything the arrays depend on besides the trace, in a few words. version: of the code that computes
        them; arrays of another version are not read.
        """

        def followed() -> BinaryIO:
            found, file = compute(), io.BytesIO()
            record = TraceFile(file, room=_HEADER_BYTES * len(found))
            for key, value in found.items():
                record[key] = from_numpy(np.array(value, order="C"))
            record.finish()
            return file

        arrays = self._arrays(f"{trace_key(trace.info, trace.tokens)}.{name}.{version}", followed)
        return {key: arrays.read(key) for key in arrays.names}

    def n_bytes(self) -> int | None:
        """What the cache takes on disk; None if it cannot be read."""
        try:
            return int(self._cache.volume())
        except UNAVAILABLE:
            return None

    def close(self) -> None:
        """Close the cache's files."""
        self._cache.close()

    @contextmanager
    def _traced(self, model: LanguageModel, tokens: tuple[Token, ...]) -> Iterator[BinaryIO]:
        """A new trace's file: in memory, or, of a long text, on disk, without a name and gone with its last reader."""
        long, directory = len(tokens) > HALF_ABOVE, Path(self._cache.directory)
        file: BinaryIO
        try:
            with self._lock("long") if long else nullcontext():  # one at a time, so that what is free is free
                refuse_too_long(model.info, len(tokens), directory, self._max_bytes)
                with tempfile.TemporaryFile(dir=directory) if long else io.BytesIO() as file:
                    record = TraceFile(file, room=_HEADER_BYTES * (model.info.n_blocks + 1), half=long)
                    self.n_passes += 1
                    capture(model, tokens, record)
                    record.finish()
                    yield file
        except OSError as error:
            raise TextError(
                f"What the model computes for {len(tokens):,} tokens could not be written to this server's disk "
                f"({error.strerror}). Shorten the text to {HALF_ABOVE} tokens, or try again later."
            ) from error

    def _arrays(self, key: str, compute: Callable[[], AbstractContextManager[BinaryIO]]) -> "_Arrays":
        """The arrays kept under a key, which are computed, as a safetensors file, and kept if they are not there."""
        found = self._read(key)
        if found is not None:
            self.n_hits += 1
        else:
            self.n_misses += 1
            with self._lock(_number(key)):
                found = self._read(key)
                if found is None:
                    with compute() as file:
                        found = _opened(file)
                        self._write(key, file)
                    found = self._read(key) or found  # where it was kept, it takes no memory of this process
        return found

    def _read(self, key: str) -> "_Arrays | None":
        try:
            file = self._cache.get(key, read=True)
            if file is None:
                return None
            with file:
                return _mapped(file.name)  # the file may be evicted while it is open
        except SafetensorError:
            _log.warning("A cached trace was damaged and is computed again: %s", key)
        except UNAVAILABLE as error:
            _log.warning("The cache of traces cannot be read: %s", error)
        return None

    def _write(self, key: str, file: BinaryIO) -> None:
        try:
            self._cache.set(key, file, read=True)  # which lets two others go, however small
            if len(self._cache) > _FEW and self._cache.volume() > self._max_bytes:
                self._cache.cull()
        except UNAVAILABLE as error:
            _log.warning("A trace could not be kept, so it will be computed again: %s", error)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Held by one at a time among all threads and processes; freed by the kernel if its holder is killed."""
        with ExitStack() as held:
            try:
                self._locks.mkdir(parents=True, exist_ok=True)
                file = held.enter_context((self._locks / name).open("w"))
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                _log.warning("Equal work may run twice, since there is no lock: %s", error)
            yield


def _number(key: str) -> str:
    """Of one of few locks."""
    return str(int(hashlib.sha256(key.encode()).hexdigest(), 16) % _N_LOCKS)


def _opened(file: BinaryIO) -> _Arrays:
    """A file that was just written, in memory or, without a name, on disk."""
    if isinstance(file, io.BytesIO):
        tensors = load(file.getvalue())
        return _Arrays(tuple(tensors), lambda name: tensors[name].numpy())
    file.flush()
    return _mapped(f"/dev/fd/{file.fileno()}")


def _mapped(name: str) -> _Arrays:
    """Memory-mapped: only what is looked at is read, and all processes share it."""
    mapped = safe_open(name, framework="pt")
    return _Arrays(tuple(mapped.keys()), cache(lambda name: mapped.get_tensor(name).numpy()))


def trace_key(info: ModelInfo, tokens: tuple[Token, ...]) -> str:
    """What a trace depends on: the model's weights, the token ids and what is captured. Not the text."""
    ids = np.array([token.id for token in tokens], dtype=np.int64)
    return f"{info.fingerprint}.{hashlib.sha256(ids.tobytes()).hexdigest()[:32]}.{CAPTURE_VERSION}"


def _open_cache(directory: Path, max_bytes: int) -> DiskCache:
    settings = {
        "cull_limit": 2,  # at a time, not the usual ten: that is all there is room for when traces are large
        "disk_min_file_size": 0,  # every value is a file, so that all can be memory-mapped
    }
    try:
        return DiskCache(directory, max_bytes=max_bytes, **settings)
    except UNAVAILABLE as error:  # no right to write there, no space, locked
        _log.warning("The cache in %s cannot be used, so a temporary one is: %s", directory, error)
        return DiskCache(Path(tempfile.mkdtemp()), max_bytes=max_bytes, **settings)
