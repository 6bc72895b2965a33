"""The static copy of the lessons, served by Python's own web server and clicked through."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.explorer import NO_WEBGL
from tests.serving import ROOT, free_port, process, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lessons, written by the command."""
    made = tmp_path_factory.mktemp("site") / "lessons"
    command = [sys.executable, "-m", "dashboard", "export-site", str(made)]
    environment = {"CACHE_DIR": str(tmp_path_factory.mktemp("cache")), "PATH": "/usr/bin:/bin"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    port = free_port()
    server = ["http.server", "--bind", "127.0.0.1", "--directory", str(folder), str(port)]
    with process(server):
        import urllib.request

        def answers() -> bool:
            try:
                return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/").status == 200)
            except OSError:
                return False

        wait_until(answers)
        yield f"http://127.0.0.1:{port}/"


def opened(browser: Browser, site: str, problems: list[str], **options: Any) -> Page:
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark", **options})
    context.add_init_script(NO_WEBGL)
    page = context.new_page()
    page.on("request", lambda one: None if one.url.startswith((site, "data:", "blob:")) else problems.append(one.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("response", lambda one: None if one.ok else problems.append(f"{one.status} {one.url}"))
    page.goto(site)
    expect(page.locator(".panel")).to_have_count(12)
    return page


def test_the_lessons_are_clicked_through_with_no_other_request(browser: Browser, folder: Path, site: str) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 12 * 10**6
    groups = json.loads((folder / "views.json").read_text(encoding="utf-8"))["groups"]
    assert len(groups) == 6
    views = [view for group in groups for view in group["views"]]
    problems: list[str] = []
    page = opened(browser, site, problems)
    assert page.locator("nav h2").all_inner_texts() == [group["title"] for group in groups]
    texts = set()
    for number, view in enumerate(views):
        page.click(f"nav button[data-view='{number}']")
        expect(page.locator(".view-name")).to_have_text(view["name"])
        expect(page.locator(".note")).to_have_text(view["note"])
        expect(page.locator("nav [aria-current]")).to_have_text(view["name"])
        assert page.url == f"{site}#{number + 1}"
        snapshot = json.loads((folder / view["file"]).read_text(encoding="utf-8"))
        assert page.locator(".chip").all_inner_texts() == snapshot["tokens"]
        first = page.locator(".panel h2").nth(1).get_attribute("id")
        assert first == f"{snapshot['first'][0]}-title"
        texts.add(snapshot["question"]["text"])
    assert len(texts) > 2
    page.locator(".attention-panel .dash-graph").first.scroll_into_view_if_needed()
    plot = page.locator(".attention-panel .js-plotly-plot").first
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] - 3)
    expect(page.locator("#tip.shown")).to_contain_text(" → ")
    page.context.close()
    assert problems == []


@pytest.mark.thorough
def test_it_is_used_by_keyboard_and_on_a_phone(browser: Browser, site: str) -> None:
    problems: list[str] = []
    page = opened(browser, site, problems, viewport={"width": 390, "height": 844}, color_scheme="light")
    name = page.locator(".view-name")
    before = name.inner_text()
    page.focus("nav button[data-view='0']")
    page.keyboard.press("ArrowDown")
    expect(name).not_to_have_text(before)
    expect(page.locator(":focus")).to_have_text(name.inner_text())
    page.focus(".stepper button:first-child")
    page.keyboard.press("Enter")
    expect(name).to_have_text(before)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(f"{site}#3")
    expect(page.locator(".stepper")).to_contain_text(re.compile("^‹3 of"))
    page.context.close()
    assert problems == []


@pytest.mark.thorough
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, site: str, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    problems: list[str] = []
    page = opened(browser, site, problems, color_scheme=theme, bypass_csp=True)
    found = Axe().run(page)
    page.context.close()
    assert found.violations_count == 0, found.generate_report()
