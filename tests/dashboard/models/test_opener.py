"""The opener: what it finds out about a model, and what it adds to the list."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import dashboard.models.opener
from analysis.bundled import BUNDLED_DIR
from analysis.models.catalogue import BUNDLED
from analysis.models.hub import Hub, HubModel
from analysis.models.registry import ModelRegistry
from dashboard.models.downloads import Downloads
from dashboard.models.menu import ModelMenu
from dashboard.models.model_list import ModelList
from dashboard.models.opener import ModelOpener
from tests.checkpoints import tiny_gpt2
from tests.hub import SmallHub, served_hub
from tests.serving import wait_until
from tests.tiny import make_tiny

GB = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_gpt2(tmp_path / "runs" / "step-500")


@pytest.fixture
def small_hub(folder: Path) -> Iterator[SmallHub]:
    with served_hub() as hub:
        hub.hold("owner/fox", folder)
        yield hub


class Server:
    """A list with the bundled model, and what opens more."""

    def __init__(self, tmp_path: Path, url: str, *, max_bytes: int = GB, allow: bool = True, refusal: str = "") -> None:
        hub = Hub(endpoint=url, cache=tmp_path / "hub")
        self.models = ModelList({BUNDLED: BUNDLED_DIR})
        self.registry = ModelRegistry(self.models, max_bytes=max_bytes, hub=hub)
        downloads = Downloads(tmp_path / "downloads", hub)
        self.menu = ModelMenu(self.registry, downloads, allow_downloads=allow)
        self.opener = ModelOpener(self.models, self.registry, self.menu, hub, lambda: refusal)


@pytest.fixture
def server(tmp_path: Path, small_hub: SmallHub) -> Server:
    return Server(tmp_path, small_hub.url)


def test_a_folder_is_shown_before_it_is_opened(server: Server, folder: Path) -> None:
    found = server.opener.look(str(folder))
    assert found.outline
    assert (found.problem, found.name, found.where) == ("", "step-500", str(folder.resolve()))
    assert (found.download_bytes, found.listed, found.fits, found.allowed_bytes) == (0, False, True, GB)
    assert 0 < found.free_bytes < found.total_bytes
    assert list(server.models) == [BUNDLED], "looking opens nothing"


def test_an_opened_folder_is_on_the_menu_and_can_be_used(server: Server, folder: Path) -> None:
    assert server.opener.open(str(folder)).name == "step-500"
    assert [entry.name for entry in server.menu.entries()] == [BUNDLED, "step-500"]
    assert server.menu.entry("step-500").state == "on disk"
    assert server.registry.get("step-500").info.fingerprint == make_tiny("gpt2").info.fingerprint
    assert server.opener.look(str(folder)).listed
    assert server.opener.look("step-500").where == str(folder.resolve()), "its name stands for it"


def test_a_folder_that_is_opened_again_is_read_again(server: Server, folder: Path) -> None:
    server.opener.open(str(folder))
    before = server.registry.get("step-500")
    tiny_gpt2(folder.parent / "new", seed=1)
    for file in (folder.parent / "new").iterdir():
        file.replace(folder / file.name)
    assert server.registry.get("step-500") is before
    assert server.opener.open(str(folder)).name == "step-500"
    assert server.registry.get("step-500").info.fingerprint == make_tiny("gpt2", seed=1).info.fingerprint
    assert len(server.models) == 2


def test_a_model_on_the_hub_is_downloaded_when_it_is_opened(server: Server, small_hub: SmallHub) -> None:
    found = server.opener.look("owner/fox")
    assert found.download_bytes > 100_000
    assert not small_hub.sent("model.safetensors")
    assert server.opener.open("owner/fox").name == "owner/fox"
    wait_until(lambda: server.menu.entry("owner/fox").state == "on disk")
    assert server.registry.get("owner/fox").info.fingerprint == make_tiny("gpt2").info.fingerprint
    again = server.opener.look("owner/fox")
    assert (again.download_bytes, again.listed, again.outline) == (0, True, found.outline)


def test_what_needs_too_much_memory_is_listed_without_its_weights(tmp_path: Path, small_hub: SmallHub) -> None:
    server = Server(tmp_path, small_hub.url, max_bytes=100_000)
    found = server.opener.open("owner/fox")
    assert (found.problem, found.fits, found.allowed_bytes) == ("", False, 100_000)
    assert server.menu.entry("owner/fox").state == "too large"
    assert not small_hub.sent("model.safetensors")


def test_a_server_that_does_not_download_opens_what_is_here(tmp_path: Path, small_hub: SmallHub, folder: Path) -> None:
    server = Server(tmp_path, small_hub.url, allow=False)
    assert "does not download (ALLOW_DOWNLOADS)" in server.opener.open("owner/fox").problem
    assert small_hub.asked == []
    assert server.opener.open(str(folder)).problem == ""
    Hub(endpoint=small_hub.url, cache=tmp_path / "hub").fetch(HubModel("owner/fox"), lambda _done, _total: None)
    assert server.opener.open("owner/fox").problem == ""


@pytest.mark.parametrize("ask", ["look", "open"])
def test_reasons_are_results_and_nothing_is_listed(ask: str, server: Server, folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "mamba"}')
    for text, reason in [
        ("", "Type the path of a folder"),
        ("  ", "Type the path of a folder"),
        ("/no/such", "There is no folder or file"),
        ("owner/absent", "no public model 'owner/absent'"),
        (str(folder), "family 'mamba'"),
    ]:
        assert reason in getattr(server.opener, ask)(text).problem
    assert list(server.models) == [BUNDLED]


@pytest.mark.parametrize("ask", ["look", "open"])
def test_a_request_that_is_refused_looks_nowhere(
    ask: str, tmp_path: Path, small_hub: SmallHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard.models.opener, "locate", lambda _text: pytest.fail("it was looked for"))
    server = Server(tmp_path, small_hub.url, refusal="Not from here.")
    for text in (str(folder), "owner/fox", BUNDLED):
        assert getattr(server.opener, ask)(text).problem == "Not from here."
    assert list(server.models) == [BUNDLED]


def test_a_folder_that_may_not_be_read(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "is_file", forbidden)
    assert server.opener.look(str(folder)).problem == f"'{folder}' cannot be read: Permission denied."
