"""Model preview: what a folder, a file or an id on the hub names, from its configuration alone.

Nothing is loaded, and of a model on the hub only `config.json` is downloaded.
"""

import os.path
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from analysis.checkpoints.gguf_file import find_gguf
from analysis.errors import ModelError
from analysis.models.catalogue import Outline, make_outline
from analysis.models.hub import Hub, HubModel, missing_part
from analysis.models.hub_errors import NotOnHub
from analysis.models.load import read_configuration

_MAX_LISTED = 5  # models that a message names


@dataclass(frozen=True)
class Preview:
    """A model before its weights are read or downloaded.

    Attributes
    ----------
    outline
        Its sizes and parts, all exact.
    download_bytes
        What is left to download, in bytes; 0 if all its files are on this machine.
    """

    outline: Outline
    download_bytes: int = 0


def locate(text: str) -> Path | HubModel:
    """The folder or `.gguf` file with this path, or else the model with this id on the hub.

    A folder with one GGUF file and no other weights stands for the file.
    Raises: ModelError for a path that does not exist, a file of another kind, and what can be neither.
    """
    given = text.strip().strip("\"'")
    path = os.path.expanduser(given)
    if os.path.isdir(path):
        return find_gguf(Path(path).resolve()) or Path(path).resolve()
    if os.path.isfile(path):
        if not find_gguf(Path(path)):
            raise ModelError(f"'{given}' is not a .gguf file. To open any other model, give the folder that it is in.")
        return Path(path).resolve()
    if os.path.isabs(path) or given.startswith(("~", ".")) or given.lower().endswith(".gguf"):
        raise ModelError(f"There is no folder or file '{given}' on this machine. Check its spelling.")
    try:
        return HubModel.parse(given.removeprefix(f"{constants.ENDPOINT}/").replace("/tree/", "@").rstrip("/"))
    except ModelError as error:
        raise ModelError(
            f"'{given[:60]}' is no folder or file in {Path.cwd()}, and cannot be an id on the Hugging Face hub, which "
            "has the form owner/name."
        ) from error


def preview(source: Path | HubModel, hub: Hub) -> Preview:
    """Read a model's configuration.

    Raises: ModelError for a model that is not supported or incomplete, and as `Hub.look` does.
    """
    if isinstance(source, HubModel):
        try:
            folder, download_bytes = hub.look(source)
        except NotOnHub as error:
            raise ModelError(f"{error} No folder or file in {Path.cwd()} has this name, either.") from error
        return Preview(make_outline(read_configuration(folder, name=source.repository), source), download_bytes)
    if source.is_dir():
        _refuse_without_configuration(source)
    outline = make_outline(read_configuration(source), source)
    if source.is_dir() and (missing := missing_part(source)):
        raise ModelError(
            f"The folder '{source.name}' has the configuration of a {outline.info.family} model, but no {missing}."
        )
    return Preview(outline)


def _refuse_without_configuration(folder: Path) -> None:
    if any((folder / name).is_file() for name in ("config.json", "adapter_config.json")):
        return
    inside = sorted(file.parent.name for file in folder.glob("*/config.json"))
    if inside:
        listed = ", ".join(f"'{name}'" for name in inside[:_MAX_LISTED])
        advice = f"Open one of the models in it: {listed}{', …' if len(inside) > _MAX_LISTED else ''}."
    else:
        advice = "Open a folder that save_pretrained wrote, or a .gguf file."
    raise ModelError(f"The folder '{folder.name}' is not a model: it has no config.json. {advice}")
