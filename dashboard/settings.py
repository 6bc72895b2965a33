"""The server's settings: one row each, read from the environment; nothing else of ours reads it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

LogLevel = StrEnum("LogLevel", {level: level for level in ("DEBUG", "INFO", "WARNING", "ERROR")})


@dataclass(frozen=True)
class Settings:
    """A field is an environment variable in small letters; its help is the README's."""

    port: int = field(default=8050, metadata={"help": "Port that the page is served on."})
    host: str = field(default="127.0.0.1", metadata={"help": "Address to listen on; `0.0.0.0` for all."})
    max_tokens: int = field(
        default=256, metadata={"help": "Longest text that is read, in tokens, up to what the model reads."}
    )
    max_request_kb: int = field(default=1000, metadata={"help": "Largest request that is read, in kB (1,000 bytes)."})
    cache_dir: str = field(
        default="", metadata={"help": "Folder for cached results; empty: one in the temporary folder."}
    )
    jobs_parallel: int = field(
        default=2, metadata={"help": "Background jobs (saliency, t-SNE) that run at once on a machine; others wait."}
    )
    job_timeout_seconds: int = field(
        default=300, metadata={"help": "Longest time in seconds that a background job may compute."}
    )
    redis_url: str = field(
        default="",
        metadata={"help": "Redis, such as `redis://host:6379/0`: jobs are then run by Celery workers; empty: here."},
    )
    cache_mb: int = field(
        default=2048,
        metadata={
            "help": "Most disk space for cached results, in MB (10⁶ bytes); one text may take three quarters of it."
        },
    )
    models: str = field(
        default="",
        metadata={
            "help": "More models to offer, separated by commas: ids on the Hugging Face hub, such as "
            "`owner/name@revision`, or names of folders in `MODELS_DIR`."
        },
    )
    models_dir: str = field(default="", metadata={"help": "Folder with models of your own, a folder each."})
    model_memory_mb: int = field(
        default=8000, metadata={"help": "Most memory for models in each web process, in MB; never more than there is."}
    )
    allow_downloads: bool = field(
        default=True, metadata={"help": "Whether visitors may have models of the list downloaded: `1` or `0`."}
    )
    metrics: bool = field(
        default=True, metadata={"help": "Whether `/metrics` tells numbers, for Prometheus: `1` or `0`."}
    )
    log_level: LogLevel = field(
        default=LogLevel.WARNING,
        metadata={"help": "What is logged: `ERROR`, `WARNING`, `INFO` (a line for each request and job) or `DEBUG`."},
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that the environment names, else their defaults.

        Raises: ValueError naming the variable, if a number is not a whole number above zero, a switch not 1 or 0, or
        there is no such level.
        """
        given = {}
        for row in fields(cls):
            text = environment.get(row.name.upper(), "")
            if text:
                given[row.name] = _READ[type(row.default)](row.name.upper(), text)
        return cls(**given)

    @property
    def cache_path(self) -> Path:
        """Where results are kept."""
        return Path(self.cache_dir or Path(tempfile.gettempdir()) / "llm-architecture-explorer")


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{name} is '{text}'; it must be a whole number above zero.")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{name} is '{text}'; it must be 1 or 0.")
    return text == "1"


def _level(name: str, text: str) -> LogLevel:
    if text not in list(LogLevel):
        raise ValueError(f"{name} is '{text}'; it must be one of {', '.join(LogLevel)}.")
    return LogLevel(text)


_READ: dict[type, Callable[[str, str], Any]] = {
    int: _whole,
    bool: _switch,
    str: lambda _name, text: text,
    LogLevel: _level,
}
