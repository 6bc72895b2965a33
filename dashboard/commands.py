"""Commands of `python -m dashboard`: list the models, download one, hash a password."""

from __future__ import annotations

import sys
from getpass import getpass

from tqdm import tqdm
from werkzeug.security import generate_password_hash

from analysis.errors import AnalysisError
from dashboard.models.menu import MenuEntry, configured_models, make_menu, with_first
from dashboard.settings import Settings
from layouts.models import size, state_words

_COLUMNS = ("model", "family", "parameters", "in memory", "download", "state")


def print_models(settings: Settings) -> int:
    """Print a table of all models, and return the exit status."""
    _, menu = make_menu(settings, configured_models(settings))
    rows = [_COLUMNS, *map(_row, menu.entries())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def download(settings: Settings, name: str) -> int:
    """Download a model from the list or the hub, with a progress bar, and return the exit status."""
    try:
        sources = with_first(configured_models(settings), name)
        _, menu = make_menu(settings, sources)
        if menu.entry(name).state in ("on disk", "ready"):
            print(f"{name} is on this machine.")
            return 0
        with tqdm(unit="B", unit_scale=True, desc=name, file=sys.stderr, bar_format=_BAR) as bar:

            def report(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            menu.download_now(name, report)
    except AnalysisError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The partial download is kept: run the same command again to resume.", file=sys.stderr)
        return 130
    print(f"{name} is on this machine.")
    if name not in configured_models(settings):
        print(f"To offer it to visitors, start the server with MODELS={name}.")
    return 0


def hash_password() -> int:
    """Ask for a name and a password, print the entry for BASIC_AUTH_USERS, and return the exit status."""
    name = input("Name: ").strip()
    if not name or ":" in name or len(name.split()) > 1:
        print("The name must not be empty or contain spaces or a colon.", file=sys.stderr)
        return 1
    password = getpass("Password: ")
    if not password or password != getpass("Repeat the password: "):
        print("The passwords differ or are empty.", file=sys.stderr)
        return 1
    print(f"{name}:{generate_password_hash(password)}")
    return 0


_BAR = "{desc}: {percentage:3.0f}%|{bar:24}| {n_fmt} of {total_fmt}B, {rate_fmt}, {remaining} left"


def _row(entry: MenuEntry) -> tuple[str, ...]:
    def size_or_blank(n_bytes: int | None) -> str:
        return "" if n_bytes is None else size(n_bytes)

    parameters = f"{entry.n_parameters:,}" if entry.n_parameters else ""
    download_size = "" if entry.state in ("ready", "on disk") else size_or_blank(entry.download_bytes)
    state = "to download" if entry.state == "to download" else state_words(entry)
    return entry.name, entry.family or "", parameters, size_or_blank(entry.memory_bytes), download_size, state
