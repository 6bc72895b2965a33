"""Hugging Face hub: finds models in the local cache, and downloads them with resume and checksums.

`huggingface_hub` talks to the hub and manages the cache. Two things are added: an interrupted download of a large file
is resumed, and no file enters the cache before its SHA-256 is verified.
"""

import fcntl
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._validators import validate_repo_id
from huggingface_hub.utils.tqdm import tqdm

from analysis.checkpoints.checkpoint import ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapter_alone, check_files
from analysis.errors import ModelError
from analysis.models.hub_errors import as_model_errors
from analysis.models.load import read_configuration

OnProgress = Callable[[int, int], None]  # called with bytes received and bytes in total; may raise to cancel

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")  # as `save_pretrained` names them
_TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
_FILES = (
    *_TOKENIZERS, "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", ADAPTER_CONFIG, ADAPTER_WEIGHTS,
)  # fmt: skip
_TIMEOUT = 10  # seconds
_SPARE_BYTES = 100_000_000  # free disk space that a download leaves
constants.DOWNLOAD_CHUNK_SIZE = 2**20  # the most that an interruption loses, and the step of the progress


@dataclass(frozen=True)
class HubModel:
    """A model on the hub.

    Attributes
    ----------
    repository
        Its id, such as `owner/name`.
    revision
        A branch, tag or commit; None for the main branch.
    """

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubModel":
        """Parse `owner/name` or `owner/name@revision`.

        Raises: ModelError if this is not a valid id.
        """
        repository, _, revision = text.partition("@")
        try:
            validate_repo_id(repository)
        except ValueError as error:
            raise ModelError(f"'{text[:60]}' cannot be the name of a model on the Hugging Face hub: {error}") from error
        return cls(repository, revision or None)

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository


class Hub:
    """The hub and the local cache; by default those that `huggingface_hub` uses."""

    def __init__(self, *, endpoint: str | None = None, cache: Path | None = None) -> None:
        self._endpoint = endpoint
        self._cache = Path(cache or constants.HF_HUB_CACHE)

    def configuration_folder(self, model: HubModel) -> Path | None:
        """The folder in the cache that has at least the model's configuration; None if there is none."""
        found = try_to_load_from_cache(model.repository, "config.json", cache_dir=self._cache, revision=model.revision)
        return Path(found).parent if isinstance(found, str) else None

    def folder(self, model: HubModel) -> Path | None:
        """The folder in the cache that has all of the model's files; None if any is missing."""
        folder = self.configuration_folder(model)
        return folder if folder and not missing_part(folder) else None

    def look(self, model: HubModel) -> tuple[Path, int]:
        """The folder of a model's configuration, which alone is fetched, and the bytes that are left to download.

        The bytes are 0 if all files are on this machine. What has arrived of an interrupted download counts as left.

        Raises: ModelError as `fetch` does.
        """
        if complete := self.folder(model):
            return complete, 0
        with as_model_errors(model.repository, model.revision, "looked up"):
            folder, files, _ = self._fetch_configuration(model)
            names = {*_FILES, _WEIGHTS} if _WEIGHTS in files else {*_FILES, *filter(_SHARD.fullmatch, files)}
            size = sum(file.size or 0 for name, file in files.items() if name in names)
            self._refuse_if_full(model, size)
        return folder, size

    def fetch(self, model: HubModel, report: OnProgress) -> Path:
        """Download and verify a model, and return its folder.

        An interrupted download is resumed. The family is checked before any weights are downloaded.

        Raises: ModelError for errors of the hub, the network and the disk, and for a model that is not supported.
        """
        with as_model_errors(model.repository, model.revision, "downloaded"):
            return self._fetch(model, report)

    def _fetch_configuration(self, model: HubModel) -> tuple[Path, dict[str, Any], str | None]:
        """Fetch the configuration of a model that is supported; gives its folder, the listed files and their commit."""
        listed = HfApi(endpoint=self._endpoint).model_info(
            model.repository, revision=model.revision, files_metadata=True, timeout=_TIMEOUT
        )
        files: dict[str, Any] = {file.rfilename: file for file in listed.siblings or []}
        if "config.json" not in files and ADAPTER_CONFIG in files:
            adapter = Path(self._download_small(model.repository, ADAPTER_CONFIG, model.revision)).parent
            raise ModelError(adapter_alone(adapter, model.repository))
        check_files(files, model.repository)
        advice = _gguf_advice(files)
        if "config.json" not in files:
            raise ModelError(f"'{model.repository}' on the hub is not supported: it has no config.json.{advice}")
        # By the revision's name, so that the cache records its commit.
        folder = Path(self._download_small(model.repository, "config.json", model.revision)).parent
        read_configuration(folder, name=model.repository)
        if _WEIGHTS not in files and _INDEX not in files:
            raise ModelError(
                f"'{model.repository}' has no weights in safetensors format. Other formats are not read, since they "
                "can contain code. Ask its owner for safetensors, or convert it and put the folder into MODELS_DIR."
                f"{advice}"
            )
        return folder, files, listed.sha

    def _fetch(self, model: HubModel, report: OnProgress) -> Path:
        folder, files, commit = self._fetch_configuration(model)
        wanted = [name for name in _FILES if name in files]
        if _WEIGHTS in files:
            wanted.append(_WEIGHTS)
        else:
            wanted += _shards(Path(self._download_small(model.repository, _INDEX, commit)))
        if missing := [name for name in wanted if name not in files]:
            raise ModelError(f"'{model.repository}' on the hub is incomplete: {missing[0]} is missing.")
        sizes = {name: files[name].size or 0 for name in wanted}
        self._refuse_if_full(model, sum(sizes[n] for n in wanted if not (folder / n).exists()))
        done, total = 0, sum(sizes.values())
        for name in wanted:
            report(done, total)
            if files[name].lfs is not None:
                self._download_large(model, files[name], commit, partial(_report_all, report, done, total))
            self._download_small(model.repository, name, commit)  # after a large download, this only links the file
            done += sizes[name]
        report(total, total)
        complete = self.folder(model)
        if complete is None:
            raise ModelError(f"'{model.repository}' changed on the hub during the download. Download it again.")
        return complete

    def _download_small(self, repository: str, name: str, revision: str | None) -> str:
        return hf_hub_download(
            repository,
            name,
            revision=revision,
            cache_dir=self._cache,
            endpoint=self._endpoint,
            tqdm_class=_NoProgressBar,
        )

    def _download_large(self, model: HubModel, file: Any, commit: str | None, report: Callable[[int], None]) -> None:
        """Download a large file into the cache, where its name is its hash. A partial file has another name until it
        is complete and verified.
        """
        blob = self._storage(model) / "blobs" / file.lfs.sha256
        if blob.exists():
            return
        blob.parent.mkdir(parents=True, exist_ok=True)
        url = hf_hub_url(model.repository, file.rfilename, revision=commit, endpoint=self._endpoint)
        with _PartialFile(blob.with_name(f"{blob.name}.part.incomplete"), report) as part:
            if part.size() > file.size:
                part.truncate(0)
            http_get(
                url,
                part,
                resume_size=part.size(),
                headers=build_hf_headers(),
                expected_size=file.size,
                tqdm_class=_NoProgressBar,
            )
            if part.sha256() != file.lfs.sha256:
                os.unlink(part.name)
                raise ModelError(
                    f"The file {file.rfilename} of '{model.repository}' was damaged on the way: its SHA-256 differs "
                    "from the hub's. The file was removed. Download the model again."
                )
            os.replace(part.name, blob)

    def _storage(self, model: HubModel) -> Path:
        return self._cache / repo_folder_name(repo_id=model.repository, repo_type="model")

    def _refuse_if_full(self, model: HubModel, size: int) -> None:
        arrived = sum(part.stat().st_size for part in self._storage(model).glob("blobs/*.part.incomplete"))
        needed, free = size - arrived + _SPARE_BYTES, shutil.disk_usage(self._storage(model)).free
        if needed > free:
            raise ModelError(
                f"The disk does not have enough space for '{model.repository}': {needed / 1e9:.2g} GB are needed, "
                f"{free / 1e9:.2g} GB are free in {self._cache}. Free some space, or set HF_HOME to a folder on "
                "another disk."
            )


class _PartialFile(io.FileIO):
    """A partial file, which outlives an interruption; it is locked, so that only one download writes to it."""

    def __init__(self, path: Path, report: Callable[[int], None]) -> None:
        super().__init__(path, "ab+")
        self._report = report
        try:
            fcntl.flock(self, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise ModelError("This model is already being downloaded. Wait until the download is complete.") from error

    def size(self) -> int:
        return os.fstat(self.fileno()).st_size

    def write(self, data: Any) -> int:
        left = memoryview(data)
        while left:
            left = left[super().write(left) :]
        self._report(self.size())
        return len(data)

    def sha256(self) -> str:
        self.seek(0)
        return hashlib.file_digest(self, "sha256").hexdigest()


class _NoProgressBar(tqdm):
    """A progress bar that draws nothing."""

    def __init__(self, *args: Any, **named: Any) -> None:
        named.pop("name", None)
        super().__init__(*args, **{**named, "disable": True})  # type: ignore[no-untyped-call]


def _report_all(report: OnProgress, before: int, total: int, here: int) -> None:
    report(before + here, total)


def missing_part(folder: Path) -> str:
    """What a model's folder lacks besides its configuration, in words; empty if it is complete."""
    if not any((folder / name).exists() for name in _TOKENIZERS):
        return "tokenizer (tokenizer.json)"
    if (folder / _WEIGHTS).exists():
        return ""
    with suppress(OSError, ValueError, KeyError, AttributeError):
        missing = [shard for shard in _shards(folder / _INDEX) if not (folder / shard).exists()]
        return f"file of weights {missing[0]}" if missing else ""
    return "weights in safetensors format (model.safetensors)"


def _shards(index: Path) -> list[str]:
    """The weight files in an index, without folders, so that none can lie outside the model's folder."""
    return sorted({Path(name).name for name in json.loads(index.read_text())["weight_map"].values()})


def _gguf_advice(names: Iterable[str]) -> str:
    """Which of several quantizations to download is a person's choice."""
    found = sorted(name for name in names if name.lower().endswith(".gguf"))
    return f" Its GGUF files can be read: download one, such as {found[0]}, and open it by its path." if found else ""
