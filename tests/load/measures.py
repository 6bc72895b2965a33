"""Measurements of the server under load, and the table of results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import psutil

MB = 10**6


@dataclass(frozen=True)
class ProcessorSeconds:
    """Processor time of the server. web: for requests; jobs: for background jobs."""

    web: float
    jobs: float

    def __sub__(self, other: ProcessorSeconds) -> ProcessorSeconds:
        return ProcessorSeconds(self.web - other.web, self.jobs - other.jobs)


@dataclass(frozen=True)
class Stage:
    """The counts with one number of visitors. rows: Locust's; memory: of the server, by the second."""

    visitors: int
    seconds: float
    rows: list[dict[str, Any]]
    memory: list[tuple[float, int]]
    server_seconds: ProcessorSeconds

    @property
    def errors(self) -> int:
        """Requests that failed for another reason than a busy server."""
        return sum(row["num_failures"] for row in self.rows)

    def quantile(self, name: str, share: float) -> float:
        """A quantile of the response times in milliseconds, over the requests that were not given up."""
        times: dict[float, int] = {}
        for row in self.rows:
            if row["name"] == name and not row["method"]:
                times |= {float(time): count for time, count in row["response_times"].items()}
        wanted, seen = share * sum(times.values()), 0
        for milliseconds in sorted(times):
            seen += times[milliseconds]
            if seen >= wanted:
                return milliseconds
        return float("nan")

    def table_row(self) -> tuple[str, ...]:
        """The stage's line of the table."""
        given_up = sum(row["num_requests"] for row in self.rows if row["method"])
        return (
            str(self.visitors),
            f"{self._count('click'):,}",
            *(f"{self.quantile('click', share):,.0f}" for share in (0.5, 0.95, 1)),
            f"{self._count('text'):,}",
            f"{self.quantile('text', 0.95):,.0f}",
            f"{self._count('saliency'):,}",
            str(self.errors),
            f"{self._count('busy'):,} ({given_up:,})",
            f"{(self.server_seconds.web + self.server_seconds.jobs) / self.seconds:.0%}",
            f"{self._clicks_answered() / self.server_seconds.web:.1f}",
            f"{max(memory for _, memory in self.memory) / MB:,.0f}",
        )

    def _clicks_answered(self) -> int:
        """Clicks that were answered: neither given up nor failed."""
        return sum(
            row["num_requests"] - row["num_failures"]
            for row in self.rows
            if row["name"] == "click" and not row["method"]
        )

    def _count(self, name: str) -> int:
        return sum(row["num_requests"] for row in self.rows if row["name"] == name)


HEAD = (
    "visitors", "clicks", "p50 ms", "p95 ms", "max ms", "texts", "p95 ms", "saliency", "errors", "busy\n(given up)",
    "cores", "clicks per\ncore-second", "PSS MB",
)  # fmt: skip


def server_processes() -> Iterator[psutil.Process]:
    """The server and all that it has started."""
    for first in _first_processes():
        yield from (first, *first.children(recursive=True))


def server_bytes() -> int:
    """The server's memory; what several of its processes share counts once."""
    total = 0
    for process in server_processes():
        with suppress(psutil.Error):  # a job's, which has ended
            total += process.memory_full_info().pss
    return total


def server_seconds() -> ProcessorSeconds:
    """What the server's processes have used of the processors; of those that have ended, what their parents know.

    gunicorn's first process starts the workers, each of these the process that jobs are forked from.
    """
    web = jobs = 0.0
    for first in _first_processes():
        workers = first.children()
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                user, system, *of_ended = process.cpu_times()[:4]
                if process == first:
                    web += user + system + sum(of_ended)
                elif process in workers:
                    web, jobs = web + user + system, jobs + sum(of_ended)
                else:
                    jobs += user + system + sum(of_ended)
    return ProcessorSeconds(web, jobs)


def _first_processes() -> Iterator[psutil.Process]:
    for child in psutil.Process().children():
        with suppress(psutil.ZombieProcess):  # Locust, when it has ended
            if "dashboard.server:server" in child.cmdline():
                yield child


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Columns aligned to the right; a cell may have several lines, the last of which is on the row's."""
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]
    for row in rows:
        above = zip_longest(*(reversed(cell.split("\n")) for cell in row), fillvalue="")
        for line in reversed(list(above)):
            print("  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)), flush=True)
