"""Models of the Hugging Face hub: what lies in its cache on this machine, and how it gets there.

The hub's own library asks the hub and keeps the cache. Two things are added: what has arrived of a large file is kept
when a download ends early and goes on from there, and no file enters the cache before its SHA-256 is what the hub says.
"""

import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._validators import validate_repo_id
from huggingface_hub.utils.tqdm import tqdm

from analysis.errors import ModelError
from analysis.models.load import read_configuration

Report = Callable[[int, int], None]  # bytes that are here, and bytes in all; what it raises ends the download

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
_SMALL = (*_TOKENIZERS, "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_TIMEOUT = 10  # seconds
_SPARE_BYTES = 100_000_000  # that a download leaves free
constants.DOWNLOAD_CHUNK_SIZE = 2**20  # so much is lost when a download ends early, and so often its progress is told


@dataclass(frozen=True)
class HubModel:
    """A model of the hub. revision: a branch, tag or commit; None for the main branch."""

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubModel":
        """From `owner/name` or `owner/name@revision`.

        Raises: ModelError if it cannot be the name of one.
        """
        repository, _, revision = text.partition("@")
        try:
            validate_repo_id(repository)
        except ValueError as error:
            raise ModelError(f"'{text[:60]}' cannot be the name of a model of the hub: {error}") from error
        return cls(repository, revision or None)


class Hub:
    """The hub and its cache on this machine; by default those that the hub's own library uses."""

    def __init__(self, *, endpoint: str | None = None, cache: Path | None = None) -> None:
        self._endpoint = endpoint
        self._cache = Path(cache or constants.HF_HUB_CACHE)

    def configured(self, model: HubModel) -> Path | None:
        """The folder in the cache with the model's configuration, complete or not."""
        found = try_to_load_from_cache(model.repository, "config.json", cache_dir=self._cache, revision=model.revision)
        return Path(found).parent if isinstance(found, str) else None

    def folder(self, model: HubModel) -> Path | None:
        """The folder in the cache with all of the model's files; None if any is missing."""
        folder = self.configured(model)
        if folder is None or not any((folder / name).exists() for name in _TOKENIZERS):
            return None
        if (folder / _WEIGHTS).exists():
            return folder
        with suppress(OSError, ValueError, KeyError, AttributeError):
            if all((folder / shard).exists() for shard in _shards(folder / _INDEX)):
                return folder
        return None

    def fetch(self, model: HubModel, report: Report) -> Path:
        """Bring all of a model's files here, check them, and give the folder where they are.

        What arrived before a download ended early, however it did, is not asked for again. The family is known from
        the configuration before any weights are asked for.
        Raises: ModelError in words for all that a hub, a network and a disk may do, and for what cannot be shown.
        """
        with _in_words(model):
            return self._fetch(model, report)

    def _fetch(self, model: HubModel, report: Report) -> Path:
        listed = HfApi(endpoint=self._endpoint).model_info(
            model.repository, revision=model.revision, files_metadata=True, timeout=_TIMEOUT
        )
        files: dict[str, Any] = {file.rfilename: file for file in listed.siblings or []}
        if "config.json" not in files:
            raise ModelError(f"'{model.repository}' on the hub is no model that can be shown: it has no config.json.")
        # By the revision's name, which is then known to stand for this commit.
        folder = Path(self._small(model.repository, "config.json", model.revision)).parent
        read_configuration(folder, name=model.repository)
        wanted = [name for name in _SMALL if name in files]
        if _WEIGHTS in files:
            wanted.append(_WEIGHTS)
        elif _INDEX in files:
            wanted += _shards(Path(self._small(model.repository, _INDEX, listed.sha)))
        else:
            raise ModelError(
                f"'{model.repository}' has no weights as safetensors, and other formats are not read, as they may run "
                "programs. Ask its owner for them, or convert it and put the folder into MODELS_DIR."
            )
        if missing := [name for name in wanted if name not in files]:
            raise ModelError(f"'{model.repository}' on the hub is incomplete: {missing[0]} is missing.")
        sizes = {name: files[name].size or 0 for name in wanted}
        self._refuse_if_full(model, sum(sizes[n] for n in wanted if not (folder / n).exists()))
        done, total = 0, sum(sizes.values())
        for name in wanted:
            report(done, total)
            if files[name].lfs is not None:
                self._large(model, files[name], listed.sha, partial(_report_all, report, done, total))
            self._small(model.repository, name, listed.sha)  # a large file, once it is here, gets its name by this
            done += sizes[name]
        report(total, total)
        complete = self.folder(model)
        if complete is None:
            raise ModelError(f"'{model.repository}' changed on the hub in the meantime. Download it again.")
        return complete

    def _small(self, repository: str, name: str, revision: str | None) -> str:
        return hf_hub_download(
            repository, name, revision=revision, cache_dir=self._cache, endpoint=self._endpoint, tqdm_class=_Silent
        )

    def _large(self, model: HubModel, file: Any, commit: str | None, report: Callable[[int], None]) -> None:
        """Bring a large file to where the cache keeps it, under its hash; what has arrived has another name until
        it is complete and right.
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
                tqdm_class=_Silent,
            )
            if part.sha256() != file.lfs.sha256:
                os.unlink(part.name)
                raise ModelError(
                    f"The file {file.rfilename} of '{model.repository}' that arrived is not the one that the hub "
                    "announces (its SHA-256 differs); it was removed. Download it again."
                )
            os.replace(part.name, blob)

    def _storage(self, model: HubModel) -> Path:
        return self._cache / repo_folder_name(repo_id=model.repository, repo_type="model")

    def _refuse_if_full(self, model: HubModel, size: int) -> None:
        arrived = sum(part.stat().st_size for part in self._storage(model).glob("blobs/*.part.incomplete"))
        needed, free = size - arrived + _SPARE_BYTES, shutil.disk_usage(self._storage(model)).free
        if needed > free:
            raise ModelError(
                f"The disk has too little room for '{model.repository}': {needed / 1e9:.2g} GB are needed, "
                f"{free / 1e9:.2g} GB are free in {self._cache}. Make room, or set HF_HOME to a folder on another disk."
            )


class _PartialFile(io.FileIO):
    """What has arrived of a file: written to by one download at a time, and kept whatever happens."""

    def __init__(self, path: Path, report: Callable[[int], None]) -> None:
        super().__init__(path, "ab+")
        self._report = report
        try:
            fcntl.flock(self, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise ModelError("The same file is being downloaded already. Wait until it is here.") from error

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


class _Silent(tqdm):
    """The progress bar of a library that draws none."""

    def __init__(self, *args: Any, **named: Any) -> None:
        named.pop("name", None)
        super().__init__(*args, **{**named, "disable": True})  # type: ignore[no-untyped-call]


def _report_all(report: Report, before: int, total: int, here: int) -> None:
    report(before + here, total)


def _shards(index: Path) -> list[str]:
    """The files of weights that an index names; in one folder, whatever it says."""
    return sorted({Path(name).name for name in json.loads(index.read_text())["weight_map"].values()})


@contextmanager
def _in_words(model: HubModel) -> Iterator[None]:
    name = f"'{model.repository}'"
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name} is gated: its owner wants an agreement first. Accept it on the model's page, then set HF_TOKEN to "
            "a token of that account."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{name} on the hub has no revision '{model.revision}'.") from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The hub has no public model {name}. Look for a mistake in its name; if it is private, set HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = "Set HF_TOKEN to a token that may read it." if status in (401, 403) else "Try again later."
        raise ModelError(f"The hub did not give {name} (status {status}). {advice}") from error
    except (httpx2.HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise ModelError(
            f"The hub cannot be reached, so {name} cannot be downloaded. Is this machine connected to the internet? "
            "What has arrived is kept."
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"The disk is full: {name} did not fit. What has arrived is kept; make room and download it again."
            ) from error
        raise ModelError(f"{name} could not be downloaded: {error}. What has arrived is kept.") from error
