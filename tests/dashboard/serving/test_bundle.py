"""Bundle: all scripts and style sheets of the page in two files, which browsers keep until their contents change."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.serving import bundle
from dashboard.settings import Settings


@pytest.fixture
def client(tmp_path: Path, tiny_gpt2: LanguageModel) -> FlaskClient:
    return create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2}).server.test_client()


def addresses(client: FlaskClient) -> list[str]:
    return re.findall(r'(?:src|href)="(/_bundle/[^"]+)"', client.get("/").text)


def test_a_page_asks_for_one_file_of_each_kind_which_hold_all(client: FlaskClient) -> None:
    page, (style, script) = client.get("/").text, addresses(client)
    assert "/assets/" not in page
    assert page.index("/deps/react") < page.index(script) < page.index("dash_renderer")
    for address, kind in ((style, "css"), (script, "js")):
        whole = client.get(address).text
        places = [whole.index(file.read_text()) for file in sorted(bundle.ASSETS.glob(f"*.{kind}"))]
        assert len(places) > 10
        assert places == sorted(places)


def test_browsers_keep_them_for_a_year_and_get_others_at_another_address(
    client: FlaskClient, tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = addresses(client)
    for address in before:
        assert client.get(address).headers["Cache-Control"] == "max-age=31536000"
    (tmp_path / "one.js").write_text("1")
    (tmp_path / "one.css").write_text("a {}")
    monkeypatch.setattr(bundle, "ASSETS", tmp_path)
    changed = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2}).server.test_client()
    assert [changed.get(address).text for address in addresses(changed)] == ["a {}", "1"]
    assert not {*addresses(changed)} & {*before}
    assert changed.get(before[0]).status_code == 404


def test_opening_the_page_transfers_less_than_two_megabytes(client: FlaskClient) -> None:
    """All files, and what the page is made of; answers and headers take 0.1 MB more."""
    paths = [*re.findall(r'(?:src|href)="(/[^"]+)"', client.get("/").text), "/", "/_dash-layout", "/_dash-dependencies"]
    sizes = {path: len(client.get(path, headers={"Accept-Encoding": "zstd"}).data) for path in paths}
    assert any("plotly.min" in path for path in sizes)
    assert sum(sizes.values()) < 1_900_000
    assert len(sizes) < 25
