"""Trace store: the cache of traces on disk, one safetensors file per trace, shared by all processes of a machine.

A long text's file is written while the model computes, so that no two blocks' attention is in memory at once. Slow
arrays that are derived from a trace, such as a projection, are cached as well. A cache that is damaged, full or
read-only costs time but never an answer.
"""

import fcntl
import hashlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import from_numpy

from analysis.errors import TextError
from analysis.model_info import ModelInfo
from analysis.models.forward import CAPTURE_VERSION, MAX_CHARACTERS, capture, encode
from analysis.models.language_model import LanguageModel
from analysis.storage.file_cache import FileCache
from analysis.storage.trace_file import StoredArrays, TraceFile, load_arrays, map_arrays
from analysis.storage.trace_size import HALF_ABOVE, refuse_too_long
from analysis.tokens import Token
from analysis.trace import Prompt, Trace

_N_LOCKS = 64
_log = logging.getLogger(__name__)


class TraceStore:
    """Get or compute traces, by model fingerprint and token ids.

    Attributes
    ----------
    is_temporary
        Whether the cache folder could not be used and a temporary one, of this process alone, takes its place.
    n_hits, n_misses, n_passes
        Reads that were answered from the cache, those that were not, and forward passes, all in this process.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._locks = directory / "locks"
        self._max_bytes = max_bytes
        self.is_temporary = False
        try:
            self._cache = FileCache(directory / "traces", max_bytes=max_bytes)
        except OSError as error:
            _log.warning("The cache in %s cannot be used, so a temporary one is: %s", directory, error)
            self._cache = FileCache(Path(tempfile.mkdtemp()), max_bytes=max_bytes)
            self.is_temporary = True
        self.n_hits = self.n_misses = self.n_passes = 0

    def get(
        self,
        model: LanguageModel,
        prompt: Prompt,
        *,
        max_tokens: int | None = None,
        max_characters: int = MAX_CHARACTERS,
    ) -> Trace:
        """Get or compute a trace. Threads and processes that need the same trace at once cause one forward pass.

        Raises: TextError as `encode` does, or for a text whose trace does not fit in the cache, on the disk or in
        memory.
        """
        limits = {"max_tokens": max_tokens or model.info.max_positions, "max_characters": max_characters}
        tokens = encode(model, prompt.text, start=prompt.start, chat=prompt.chat, written=prompt.written, **limits)
        key = trace_key(model.info, tokens)
        compute = self._compute_long if len(tokens) > HALF_ABOVE else self._compute
        arrays = self._get_or_compute(key, partial(compute, key, model, tokens))
        return Trace(prompt, tokens, model.info, arrays.read)

    def derived(
        self, trace: Trace, name: str, compute: Callable[[], dict[str, NDArray[Any]]], *, version: int
    ) -> dict[str, NDArray[Any]]:
        """Get or compute arrays that depend on nothing but a trace and what the name says.

        version: of the code that computes them; arrays of another version are not read.
        """
        key = f"{trace_key(trace.info, trace.tokens)}.{name}.{version}"

        def computed() -> StoredArrays:
            found, file = compute(), io.BytesIO()
            record = TraceFile(file, n_arrays=len(found))
            for array_name, array in found.items():
                record[array_name] = from_numpy(np.array(array, order="C"))
            record.finish()
            return self._keep(key, file)

        arrays = self._get_or_compute(key, computed)
        return {array_name: arrays.read(array_name) for array_name in arrays.names}

    def n_bytes(self) -> int:
        """The disk space that the cache takes."""
        return self._cache.n_bytes()

    def _get_or_compute(self, key: str, compute: Callable[[], StoredArrays]) -> StoredArrays:
        found = self._read(key)
        if found is not None:
            self.n_hits += 1
            return found
        self.n_misses += 1
        with self._lock(str(int(hashlib.sha256(key.encode()).hexdigest(), 16) % _N_LOCKS)):
            return self._read(key) or compute()

    def _compute(self, key: str, model: LanguageModel, tokens: tuple[Token, ...]) -> StoredArrays:
        file = io.BytesIO()
        self._capture(model, tokens, file)
        return self._keep(key, file)

    def _compute_long(self, key: str, model: LanguageModel, tokens: tuple[Token, ...]) -> StoredArrays:
        """Only one long text is computed at a time, so that the memory and the disk space that are free stay free."""
        try:
            with self._lock("long"), self._cache.write(key) as file:
                refuse_too_long(model.info, len(tokens), self._cache.directory, self._max_bytes)
                self._capture(model, tokens, file)
                return map_arrays(file.name)
        except OSError as error:
            raise TextError(
                f"The trace of {len(tokens):,} tokens could not be written to this server's disk ({error.strerror}). "
                f"Shorten the text to {HALF_ABOVE} tokens, or try again later."
            ) from error

    def _capture(self, model: LanguageModel, tokens: tuple[Token, ...], file: IO[bytes]) -> None:
        n_arrays = 6 * model.info.n_blocks + 2  # of each block, the last residual and the logits
        record = TraceFile(file, n_arrays=n_arrays, half=len(tokens) > HALF_ABOVE)
        self.n_passes += 1
        capture(model, tokens, record)
        record.finish()

    def _read(self, key: str) -> StoredArrays | None:
        try:
            return map_arrays(str(self._cache.path(key)))
        except FileNotFoundError:
            pass
        except SafetensorError:
            _log.warning("A cached trace is damaged and is computed again: %s", key)
        except OSError as error:
            _log.warning("The cache of traces cannot be read: %s", error)
        return None

    def _keep(self, key: str, file: io.BytesIO) -> StoredArrays:
        """Write a file to the cache if possible; its arrays then take no memory of this process."""
        try:
            with self._cache.write(key) as kept:
                kept.write(file.getbuffer())
        except OSError as error:
            _log.warning("A trace could not be cached, so it will be computed again: %s", error)
        return self._read(key) or load_arrays(file)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """A lock among all threads and processes, which the kernel releases if its holder is killed."""
        with ExitStack() as held:
            try:
                self._locks.mkdir(parents=True, exist_ok=True)
                file = held.enter_context((self._locks / name).open("w"))
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                _log.warning("Equal work may run twice, since a lock file cannot be used: %s", error)
            yield


def trace_key(info: ModelInfo, tokens: tuple[Token, ...]) -> str:
    """The cache key of a trace: the model's weights, the token ids and the version of what is captured. Not the text:
    different texts can have equal ids.
    """
    ids = np.array([token.id for token in tokens], dtype=np.int64)
    return f"{info.fingerprint}.{hashlib.sha256(ids.tobytes()).hexdigest()[:32]}.{CAPTURE_VERSION}"
