"""The list of models: names of what is opened, and other processes."""

import os
from pathlib import Path

import pytest

from analysis.models.hub import HubModel
from dashboard.models.model_list import ModelList

CONFIGURED = {"bundled": Path("/models/bundled"), "gpt2": HubModel("gpt2"), "fox": HubModel("fox")}


@pytest.fixture
def models() -> ModelList:
    return ModelList(CONFIGURED)


def test_the_configured_models_come_first(models: ModelList) -> None:
    assert dict(models) == CONFIGURED
    assert models.add(Path("/runs/a/step-500")) == "step-500"
    assert list(models) == [*CONFIGURED, "step-500"]
    assert models["step-500"] == Path("/runs/a/step-500")
    assert models.opened() == {"step-500": Path("/runs/a/step-500")}
    assert len(models) == 4
    assert "step-600" not in models


def test_a_name_is_never_a_path_and_belongs_to_one_model(models: ModelList) -> None:
    paths = ["/runs/a/step-500", "/runs/b/step-500", "/other/b/step-500", "/home/me/gpt2", "/x/fox.gguf", "/y/fox.gguf"]
    names = [models.add(Path(path)) for path in paths]
    assert names == [
        "step-500", "step-500 (b)", "step-500 (other/b)", "gpt2 (me)", "fox.gguf", "fox.gguf (y)",
    ]  # fmt: skip
    assert [models[name] for name in names] == list(map(Path, paths))
    assert not [name for name in names if name.startswith(("/", "~", "."))]


def test_what_is_listed_is_not_added_again(models: ModelList) -> None:
    for source, name in [(HubModel("gpt2"), "gpt2"), (Path("/models/bundled"), "bundled")]:
        assert models.add(source) == name
    assert models.add(HubModel("owner/fox", "v1")) == models.add(HubModel("owner/fox", "v1")) == "owner/fox@v1"
    assert models.add(HubModel("owner/fox")) == "owner/fox"
    assert list(models.opened()) == ["owner/fox@v1", "owner/fox"]


def test_a_configured_folder_is_known_by_another_spelling(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    models = ModelList({"mine": tmp_path / "link"})
    assert models.name_of(tmp_path.resolve()) == "mine"


def test_names_of_any_bytes(models: ModelList) -> None:
    odd = Path(os.fsdecode(b"/runs/caf\xe9\n<b>"))
    name = models.add(odd)
    assert models[name] == odd
    name.encode()


def test_a_process_that_was_forked_before_sees_what_is_opened_later(models: ModelList) -> None:
    models.add(HubModel("owner/first"))
    (read, write), (go, start) = os.pipe(), os.pipe()
    if (child := os.fork()) == 0:
        os.read(go, 1)
        os.write(write, ",".join(models).encode())
        os._exit(0)
    models.add(Path("/runs/second"))
    os.write(start, b"x")
    assert os.read(read, 1000).decode() == "bundled,gpt2,fox,owner/first,second"
    os.waitpid(child, 0)
    for file in (read, write, go, start):
        os.close(file)
