"""Private folder: only this user may access the cache, since its files are trusted and reveal visitors' texts."""

from __future__ import annotations

import os
from pathlib import Path

from analysis.errors import AnalysisError


class FolderError(AnalysisError):
    """The cache folder is not safe to use."""


def private_folder(path: Path) -> Path:
    """Create the folder if it is missing, and restrict access to its owner (mode 700).

    Raises: FolderError if the path, or a link at that path, belongs to another user, or is not a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        raise _unsafe(path, "is not a folder") from None
    own = os.geteuid()
    # The path itself may be a link: both the link and its target must be ours.
    if path.lstat().st_uid != own or path.stat().st_uid != own:
        raise _unsafe(path, "belongs to another user, who could place files there for this server to read")
    path.chmod(0o700)  # independent of the umask, and for a folder that was open before
    return path


def _unsafe(path: Path, problem: str) -> FolderError:
    return FolderError(f"The cache folder {path} {problem}. Set CACHE_DIR to a folder of your own.")
