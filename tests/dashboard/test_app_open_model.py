"""Opening any model: a local server does it through its dialog, and a host through nothing that a request can hold."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from analysis.errors import AnalysisError
from analysis.models.hub import Hub
from analysis.models.language_model import LanguageModel
from dashboard.app import Explorer, create_app
from dashboard.panels import PANELS
from dashboard.services import AppServices
from dashboard.settings import Settings
from layouts import ids
from layouts.models import MODEL, OPEN_ANOTHER
from layouts.open_model import DIALOG, FOUND, LOOK, LOOKED, OPEN, SOURCE
from tests.hub import SmallHub, served_hub
from tests.page import Page, of_address, of_app
from tests.serving import PLAIN, ROOT, answers, procfile, served, wait_until
from tests.tiny import make_tiny

UPDATE = "/_dash-update-component"
TEXT = "The fox met a crow"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that no server lists."""
    folder = tmp_path_factory.mktemp("runs") / "unlisted-model"
    model = make_tiny("gpt2", seed=5)
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    (folder / "unlisted.gguf").touch()
    return folder


@pytest.fixture(scope="module")
def small_hub(folder: Path) -> Iterator[SmallHub]:
    with served_hub() as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.app.Hub", lambda: Hub(endpoint=hub.url, cache=folder.parent / "hub"))
        hub.hold("owner/fox", folder)
        yield hub


def make(tmp_path_factory: pytest.TempPathFactory, model: LanguageModel, **options: Any) -> Explorer:
    settings = Settings(cache_dir=str(tmp_path_factory.mktemp("cache")), requests_per_minute=10**9)
    app = create_app(settings, models={"tiny": model}, **options)
    app.server.test_client().get("/")
    return app


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel, small_hub: SmallHub) -> Explorer:
    """As `dashboard.server` makes it for gunicorn."""
    assert small_hub
    return make(tmp_path_factory, tiny_gpt2)


@pytest.fixture
def local(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: LanguageModel, small_hub: SmallHub) -> Explorer:
    assert small_hub
    return make(tmp_path_factory, tiny_gpt2, local=True)


def showing(app: Explorer) -> Page:
    page = of_app(app.server)
    page.values["selection", "data"] = "block.1.attention.head.2@1"
    page.set("prompt", "data", {"model": "tiny", "text": TEXT, "start": False})
    return page


def options(page: Page) -> list[str]:
    return [option["value"] for option in page.values[MODEL, "options"]]


# A local server.


def look(page: Page, text: str) -> str:
    page.values[SOURCE, "value"] = text
    page.set(LOOK, "n_clicks", 1)
    return str(page.values[FOUND, "children"])


def test_a_model_is_looked_up_and_opened_and_stays_on_the_menu(local: Explorer, folder: Path) -> None:
    page = showing(local)
    assert options(page) == ["tiny", OPEN_ANOTHER]
    assert "GPT-2: 3 blocks, 4 heads each" in look(page, str(folder))
    assert page.values[OPEN, "disabled"] is False
    page.values[SOURCE, "value"] = "typed on, and not looked up"
    page.set(OPEN, "n_clicks", 1)
    assert page.values[DIALOG, "is_open"] is False
    assert options(of_app(local.server)) == ["tiny", "unlisted-model", OPEN_ANOTHER]
    # Another page chooses it, and a link names it.
    other = of_app(local.server)
    other.values |= {("prompt-text", "value"): TEXT, (ids.PROMPT, "data"): page.values[ids.PROMPT, "data"]}
    other.values[ids.SELECTION, "data"] = "output"
    for change in ((MODEL, "value", "unlisted-model"), (ids.ADDRESS, "data", link(model="unlisted-model"))):
        other.set(*change)
        wait_until(lambda: local.menu.entry("unlisted-model").state == "ready")
        assert other.values[ids.PROMPT, "data"]["model"] == "unlisted-model"


def test_a_link_to_a_model_that_was_not_opened_opens_nothing(local: Explorer, folder: Path) -> None:
    page = showing(local)
    for name in (str(folder), "owner/fox", "unlisted-model"):
        with pytest.raises(
            AssertionError, match=r"There is no model .* that this server has opened\. Choose ‘Open ano"
        ):
            page.set(ids.ADDRESS, "data", link(model=name, text="A crow"))
        asked = page.values[ids.PROMPT, "data"]
        assert (asked["model"], asked["text"]) == ("tiny", "A crow"), "the link's text is not lost"
    assert local.registry.names() == ("tiny",)


def test_a_page_of_another_site_opens_nothing(local: Explorer, folder: Path, small_hub: SmallHub) -> None:
    client = local.server.test_client()
    body = dialogs_requests(local, str(folder))[0]
    send = {"data": body, "content_type": "application/json"}
    assert client.post(UPDATE, **send, headers={"Host": "rebound.example"}).status_code == 403
    for headers in ({"Origin": "https://evil.example"}, {"X-Forwarded-For": "192.0.2.1"}):
        answer = client.post(UPDATE, **send, headers=headers)
        assert "server’s own machine" in answer.get_json()["response"][FOUND]["children"][0]["props"]["children"]
    assert (
        client.post(UPDATE, data=body, content_type="text/plain").status_code == 415
    )  # without asking the server first
    assert local.registry.names() == ("tiny",)
    assert small_hub.asked == []


def link(**parts: str) -> dict[str, Any]:
    return {"hash": f"#{urlencode(parts)}", "opened": 1}


# A host.


def dialogs_requests(app: Explorer, text: str) -> list[bytes]:
    """What the dialog of a local server sends to look a text up, and to open it."""
    page = showing(app)
    page.values |= {(SOURCE, "value"): text, (LOOKED, "data"): text}
    return [body for change in (LOOK, OPEN) for _, body in page.requests(f"{change}.n_clicks")]


@contextmanager
def files_opened_in(folder: Path) -> Iterator[list[str]]:
    """What this process opens or lists in a folder."""
    found: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:  # it cannot be taken away again
        if watching and event in ("open", "os.listdir", "os.scandir") and str(folder) in repr(arguments[0]):
            found.append(f"{event} {arguments[0]!r}")

    sys.addaudithook(hook)
    try:
        yield found
    finally:
        watching = False


def hostile(folder: Path) -> list[Any]:
    """Values that name what is not on the list: a folder, a file, ids."""
    names = [str(folder), f"{folder}/unlisted.gguf", "owner/fox"]
    prompts = [{"model": name, "text": TEXT, "start": False, "n_positions": 2, "n_blocks": 3} for name in names]
    return [*names, *prompts, *(link(model=name, text=TEXT) for name in names)]


def every_request(page: Page) -> Iterator[dict[str, Any]]:
    """The requests to every callback, whichever of its inputs has changed; of the drawing of panels only one. What
    starts a job runs elsewhere.
    """
    for row in page._callbacks:
        if "-job-" in row["output"]:
            continue
        inputs = [f"{one['id']}.{one['property']}" for one in row["inputs"]]
        for changed in inputs if len(inputs) < 10 else inputs[:1]:
            yield json.loads(page._body(row, [changed]))


def test_a_host_has_no_dialog(host: Explorer, local: Explorer, folder: Path) -> None:
    assert [name for name in host.callback_map if "open-model" in name] == []
    assert [item.id for item in host.layout._traverse() if str(getattr(item, "id", "")).startswith("open-model")] == []
    assert options(of_app(host.server)) == ["tiny"]
    requests = dialogs_requests(local, str(folder))
    assert len(requests) == 2
    for body in requests:
        answer = host.server.test_client().post(UPDATE, data=body, content_type="application/json")
        assert answer.status_code == 400


def test_on_a_host_no_job_opens_what_is_not_listed(host: Explorer, folder: Path, small_hub: SmallHub) -> None:
    """As a job's process reads the question that a page has sent."""
    parts = (host.registry, host.traces, host.jobs, host.menu)
    services = AppServices(*parts, max_tokens=64, example=TEXT, waits=True)
    with files_opened_in(folder) as opened:
        for name in hostile(folder)[:3]:
            question = {"prompt": {"model": name, "text": TEXT}, "selection": "output"}
            for panel in PANELS:
                for n_choices in range(6) if panel.task else ():
                    with pytest.raises(AnalysisError):
                        panel.task(services, {**question, "choices": ["a"] * n_choices})
    assert opened == []
    assert small_hub.asked == []


@pytest.mark.long
def test_on_a_host_no_request_opens_what_is_not_listed(host: Explorer, folder: Path, small_hub: SmallHub) -> None:
    """Every value of every callback in turn is a path or an id; nothing is opened, asked for or listed."""
    page = showing(host)
    page.values |= {("prompt-text", "value"): TEXT, (ids.ADDRESS, "data"): link(text=TEXT)}
    n_answered = 0
    with files_opened_in(folder) as opened:
        for body in every_request(page):
            for item in [*body["inputs"], *body.get("state", [])]:
                before = item.get("value")
                for item["value"] in hostile(folder):
                    status, _, _ = page._ask("POST", UPDATE, json.dumps(body).encode())
                    n_answered += status == 200
                item["value"] = before
        assert n_answered > 100, "not all are refused for their form"
    assert opened == []
    assert small_hub.asked == []
    assert host.registry.names() == ("tiny",)


def test_the_watch_sees_what_a_local_server_opens(local: Explorer, folder: Path) -> None:
    with files_opened_in(folder) as opened:
        look(showing(local), str(folder))
    assert any("config.json" in one for one in opened)


@pytest.fixture(params=["the Procfile's line", "all addresses"])
def served_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A host in a process of its own."""
    if request.param == "all addresses":
        with served((*PLAIN, "--host", "0.0.0.0")) as url:
            yield url
    else:
        with procfile("web", ROOT, CACHE_DIR=str(tmp_path)) as (url, runner):
            wait_until(lambda: answers(url, runner), 120)
            yield url


@pytest.mark.thorough
def test_a_served_host_has_no_dialog(served_host: str, local: Explorer, folder: Path) -> None:
    page = of_address(served_host)
    assert "open-model" not in str(page.values)
    assert OPEN_ANOTHER not in options(page)
    for body in dialogs_requests(local, str(folder)):
        status, said, _ = page._ask("POST", UPDATE, body)
        assert (status, b"does not compute" in said) == (400, True)
    page.values[ids.SELECTION, "data"] = "output"
    page.values[ids.PROMPT, "data"] = {"model": "bundled", "text": TEXT}
    for name in (str(folder), "owner/fox"):
        with pytest.raises(AssertionError, match=f"There is no model '{name[:20]}"):
            page.set(ids.ADDRESS, "data", link(model=name, text=TEXT))
