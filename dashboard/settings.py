"""The server's settings: one row each, read from the environment; nothing else of ours reads it."""

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

from dashboard.private_folder import private_folder


class LogLevel(StrEnum):
    """The least severe messages that are logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Count(int):
    """A whole number that may be 0."""


class RedisUrl(str):
    """Where a Redis is, and perhaps its password."""


class Users(str):
    """Names and hashes of passwords, as `name:hash`, separated by spaces."""

    def by_name(self) -> dict[str, str]:
        """The hashes."""
        return dict(entry.split(":", 1) for entry in self.split())


@dataclass(frozen=True)
class Settings:
    """A field is an environment variable in small letters; its help is the README's."""

    port: int = field(default=8050, metadata={"help": "Port that the page is served on."})
    host: str = field(default="127.0.0.1", metadata={"help": "Address to listen on; `0.0.0.0` for all."})
    max_tokens: int = field(
        default=256, metadata={"help": "Longest text that is read, in tokens, up to what the model reads."}
    )
    max_characters: int = field(default=20_000, metadata={"help": "Longest text that is read, in characters."})
    max_request_kb: int = field(default=1000, metadata={"help": "Largest request that is read, in kB (1,000 bytes)."})
    cache_dir: str = field(
        default="", metadata={"help": "Folder for cached results; empty: one in the temporary folder."}
    )
    requests_per_minute: int = field(
        default=1200,
        metadata={"help": "Requests that one visitor may send in a minute; a click is about 8, a running job 240."},
    )
    trusted_proxies: Count = field(
        default=Count(0),
        metadata={
            "help": "Proxies in front of the server that say for whom they ask (`X-Forwarded-For`); "
            "with `0` whoever connects is the visitor.",
        },
    )
    jobs_parallel: int = field(
        default=2, metadata={"help": "Background jobs (saliency, t-SNE) that run at once on a machine; others wait."}
    )
    jobs_waiting: Count = field(
        default=Count(16), metadata={"help": "Background jobs that may wait for their turn; beyond that, “busy”."}
    )
    jobs_per_visitor: int = field(
        default=8, metadata={"help": "Background jobs that one visitor may have running or waiting at once."}
    )
    job_timeout_seconds: int = field(
        default=300, metadata={"help": "Longest time in seconds that a background job may compute."}
    )
    redis_url: RedisUrl = field(
        default=RedisUrl(),
        repr=False,
        metadata={"help": "Redis, such as `redis://host:6379/0`: jobs are then run by Celery workers; empty: here."},
    )
    redis_check_certificate: bool = field(
        default=True,
        metadata={
            "help": "Whether the certificate of a `rediss://` server has to be valid: `1`; or `0` where the host has "
            "signed it itself, as Heroku does."
        },
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
    basic_auth_users: Users = field(
        default=Users(),
        repr=False,
        metadata={
            "help": "Who may see the page: entries as `python -m dashboard hash-password` prints them, separated by "
            "spaces; empty: everyone."
        },
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

        Raises: ValueError naming the variable, if its text is not of the kind that it takes.
        """
        given = {}
        for row in fields(cls):
            text = environment.get(row.name.upper(), "")
            if text:
                given[row.name] = _READ[type(row.default)](row.name.upper(), text)
        return cls(**given)

    @property
    def redis_address(self) -> str:
        """REDIS_URL in the form that all libraries read: Celery's has to say how a certificate is checked."""
        url = urlsplit(self.redis_url)
        if url.scheme != "rediss" or "ssl_cert_reqs=" in url.query:
            return self.redis_url
        checked = f"ssl_cert_reqs={'required' if self.redis_check_certificate else 'none'}"
        return url._replace(query=f"{url.query}&{checked}".removeprefix("&")).geturl()

    @property
    def cache_path(self) -> Path:
        """Where results are kept: a folder that only this user can look into.

        Raises: FolderError if it is not safe to use.
        """
        return private_folder(Path(self.cache_dir or Path(tempfile.gettempdir()) / "llm-architecture-explorer"))


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{name} is '{text}'; it must be a whole number above zero.")
    return int(text)


def _count(name: str, text: str) -> Count:
    if not text.isdecimal():
        raise ValueError(f"{name} is '{text}'; it must be a whole number.")
    return Count(text)


def _redis_url(name: str, text: str) -> RedisUrl:
    if not text.startswith(("redis://", "rediss://")):  # the libraries do not agree on more
        raise ValueError(f"{name} must begin with redis:// or rediss://.")
    return RedisUrl(text)


def _switch(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{name} is '{text}'; it must be 1 or 0.")
    return text == "1"


def _users(name: str, text: str) -> Users:
    from werkzeug.security import check_password_hash  # which takes a tenth of a second

    for number, entry in enumerate(text.split(), 1):
        user, _, known = entry.partition(":")
        try:
            readable = bool(user) and known.count("$") == 2 and not check_password_hash(known, secrets.token_hex())
        except ValueError:
            readable = False
        if not readable:
            raise ValueError(
                f"{name}: entry {number} is not of the form that `python -m dashboard hash-password` prints."
            )
    return Users(text)


def _level(name: str, text: str) -> LogLevel:
    if text not in list(LogLevel):
        raise ValueError(f"{name} is '{text}'; it must be one of {', '.join(LogLevel)}.")
    return LogLevel(text)


_READ: dict[type, Callable[[str, str], Any]] = {
    int: _whole,
    Count: _count,
    bool: _switch,
    str: lambda _name, text: text,
    RedisUrl: _redis_url,
    Users: _users,
    LogLevel: _level,
}
