"""A folder that is this user's alone: what lies in the cache is trusted when it is read, and tells of texts."""

from __future__ import annotations

import os
from pathlib import Path

from analysis.errors import AnalysisError


class FolderError(AnalysisError):
    """The folder for results is not safe to use."""


def private_folder(path: Path) -> Path:
    """The folder, which is made if there is none, and closed to others.

    Raises: FolderError if it is another user's, or a link of another user's, or no folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        raise _unsafe(path, "is no folder") from None
    own = os.geteuid()
    # Both the name itself, which may be a link, and what it leads to.
    if path.lstat().st_uid != own or path.stat().st_uid != own:
        raise _unsafe(path, "belongs to another user, who could put files there for this server to read")
    path.chmod(0o700)  # whatever the umask is, and if it was open before; nobody gets through to what is in it
    return path


def _unsafe(path: Path, what: str) -> FolderError:
    return FolderError(f"The folder for results, {path}, {what}. Set CACHE_DIR to a folder of your own.")
