"""Settings: one row each, read from environment variables. No other module of the server reads the environment."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dashboard.storage.private_folder import private_folder


class LogLevel(StrEnum):
    """The least severe messages that are logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class NonNegativeInt(int):
    """A whole number, 0 or more; a plain `int` must be above 0."""


class RedisUrl(str):
    """The address of a Redis server, possibly with its password."""


class Users(str):
    """User names and password hashes, as `name:hash`, separated by spaces."""

    def by_name(self) -> dict[str, str]:
        """The password hash of each user."""
        return dict(entry.split(":", 1) for entry in self.split())


def _row(default: Any, help_text: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": help_text})


@dataclass(frozen=True)
class Settings:
    """Each field is the environment variable of the same name in capitals. The README has the same help texts."""

    port: int = _row(8050, "Port of the server.")
    host: str = _row("127.0.0.1", "Address to listen on; `0.0.0.0` for all addresses of the machine.")
    max_tokens: int = _row(256, "Longest text, in tokens; the model may have a lower limit.")
    max_characters: int = _row(20_000, "Longest text, in characters.")
    max_request_kb: int = _row(1000, "Largest request body, in kB (1,000 bytes).")
    cache_dir: str = _row("", "Cache folder; if empty, a folder in the system's temporary folder.")
    requests_per_minute: int = _row(
        1200,
        "Rate limit: requests per visitor and minute. A click is one request; a running job sends 120 a minute.",
    )
    trusted_proxies: NonNegativeInt = _row(
        NonNegativeInt(0),
        "Number of trusted proxies that set `X-Forwarded-For`; with `0` the header is ignored, and the visitor is "
        "the address that connects.",
    )
    jobs_parallel: int = _row(2, "Background jobs (saliency, t-SNE) that run at once on a machine; others are queued.")
    jobs_waiting: NonNegativeInt = _row(
        NonNegativeInt(16),
        "Length of the queue of background jobs; if it is full, the page says “busy”.",
    )
    jobs_per_visitor: int = _row(8, "Quota: background jobs per visitor that run or are queued.")
    job_timeout_seconds: int = _row(300, "Time limit of a background job, in seconds.")
    redis_url: RedisUrl = _row(
        RedisUrl(),
        "Redis server, such as `redis://host:6379/0`, for jobs that Celery workers run; if empty, jobs run on this "
        "machine.",
        secret=True,
    )
    redis_check_certificate: bool = _row(
        True,
        "Whether the certificate of a `rediss://` server is checked: `1` or `0`. Self-signed certificates, such as "
        "Heroku's, need `0`.",
    )
    cache_mb: int = _row(
        2048,
        "Size limit of the cache on disk, in MB (10⁶ bytes); a single text may take three quarters of it.",
    )
    models: str = _row(
        "",
        "Additional models, separated by commas: ids on the Hugging Face hub, such as `owner/name@revision`, or "
        "names of folders or GGUF files in `MODELS_DIR`.",
    )
    models_dir: str = _row("", "Folder of local models, each in a subfolder or a GGUF file.")
    model_memory_mb: int = _row(
        8000,
        "Memory limit for models in each web process, in MB; never more than the machine has.",
    )
    allow_downloads: bool = _row(True, "Whether visitors may start downloads of listed models: `1` or `0`.")
    basic_auth_users: Users = _row(
        Users(),
        "Users who may sign in: entries as `python -m dashboard hash-password` prints them, separated by spaces; "
        "if empty, no sign-in is needed.",
        secret=True,
    )
    metrics: bool = _row(True, "Whether `/metrics` serves metrics for Prometheus: `1` or `0`.")
    log_level: LogLevel = _row(
        LogLevel.WARNING,
        "Log level: `ERROR`, `WARNING`, `INFO` (also a line for each request and job) or `DEBUG`.",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a variable that is missing or empty has its default.

        Raises: ValueError with the name of a variable whose value is invalid.
        """
        values = {}
        for row in fields(cls):
            text = environment.get(row.name.upper(), "")
            if text:
                values[row.name] = _PARSERS[type(row.default)](row.name.upper(), text)
        return cls(**values)

    @property
    def redis_address(self) -> str:
        """REDIS_URL in a form that all clients accept: Celery needs to know whether the certificate is checked."""
        url = urlsplit(self.redis_url)
        if url.scheme != "rediss" or "ssl_cert_reqs=" in url.query:
            return self.redis_url
        checked = f"ssl_cert_reqs={'required' if self.redis_check_certificate else 'none'}"
        return url._replace(query=f"{url.query}&{checked}".removeprefix("&")).geturl()

    @property
    def cache_path(self) -> Path:
        """The cache folder, which only this user can access.

        Raises: FolderError if it is not safe to use.
        """
        return private_folder(Path(self.cache_dir or Path(tempfile.gettempdir()) / "llm-architecture-explorer"))


def _positive(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{name} is '{text}'; it must be a whole number above 0.")
    return int(text)


def _non_negative(name: str, text: str) -> NonNegativeInt:
    if not text.isdecimal():
        raise ValueError(f"{name} is '{text}'; it must be a whole number, 0 or more.")
    return NonNegativeInt(text)


def _redis_url(name: str, text: str) -> RedisUrl:
    if not text.startswith(("redis://", "rediss://")):  # all clients accept these schemes, and no others
        raise ValueError(f"{name} must begin with redis:// or rediss://.")
    return RedisUrl(text)


def _boolean(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{name} is '{text}'; it must be 1 or 0.")
    return text == "1"


def _users(name: str, text: str) -> Users:
    from werkzeug.security import check_password_hash  # importing it takes a tenth of a second

    for number, entry in enumerate(text.split(), 1):
        user, _, hashed = entry.partition(":")
        try:
            readable = bool(user) and hashed.count("$") == 2 and not check_password_hash(hashed, secrets.token_hex())
        except ValueError:
            readable = False
        if not readable:
            raise ValueError(
                f"{name}: entry {number} does not have the format that `python -m dashboard hash-password` prints."
            )
    return Users(text)


def _log_level(name: str, text: str) -> LogLevel:
    if text not in list(LogLevel):
        raise ValueError(f"{name} is '{text}'; it must be one of {', '.join(LogLevel)}.")
    return LogLevel(text)


_PARSERS: dict[type, Callable[[str, str], Any]] = {
    int: _positive,
    NonNegativeInt: _non_negative,
    bool: _boolean,
    str: lambda _name, text: text,
    RedisUrl: _redis_url,
    Users: _users,
    LogLevel: _log_level,
}
