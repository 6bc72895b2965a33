"""Steps of the truth suite, with their time and memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """seconds: it took. memory: the largest resident memory of the process within it, in bytes; None if unknown."""

    what: str
    seconds: float
    memory: int | None = None


@contextmanager
def measured(steps: list[Step], what: str) -> Iterator[None]:
    """Measure what happens within the context, as the next step."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the largest memory so far
    begun = time.perf_counter()
    yield
    seconds = time.perf_counter() - begun
    (largest,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    steps.append(Step(what, seconds, int(largest.split()[1]) * 1024))
