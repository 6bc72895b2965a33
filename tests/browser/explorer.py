"""Page object: what a person does and sees on the page, as methods for the tests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Error, FloatRect, Page, Request, Route, TimeoutError, expect

from analysis.trace import Trace
from layouts.architecture import OPENING
from layouts.examples import EXAMPLES
from tests.browser.projection import Projection
from tests.serving import wait_until

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)
# The selection that tests begin with, at the last token. Which one the page opens with depends on the model's weights.
BEGINNING = "block.3.attention.head.0"
# A browser that cannot draw 3D. In software that takes most of a test's time, so only tests of the scene do without.
NO_WEBGL = (
    "const all = HTMLCanvasElement.prototype.getContext;"
    "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
    "  return /webgl/.test(kind) ? null : all.call(this, kind, ...more); };"
)
# A browser in which the page was open before, and so offers no tour.
HAS_BEEN_HERE = "try { localStorage.setItem('llm-architecture-explorer.tour', 'seen'); } catch { /* about:blank */ }"
PANELS = "section.panel:not([hidden])"  # those that are visible
DRAWN = "!document.querySelector('.dash-graph--pending')"  # figures follow their panels' words
PLOT = "document.querySelector('#{id} .js-plotly-plot')"
FRAMES = (
    "new Promise((done) => { let n = 6; const next = () => (n-- ? requestAnimationFrame(next) : done()); next(); })"
)


def draws_panels(request: Request) -> bool:
    """Whether a request is the one with which the page has its panels drawn."""
    return '"output":"..panels.data-selection' in (request.post_data or "")


def follows_selection(request: Request) -> bool:
    """Whether a request has panels drawn because of a new selection: a finished job causes others, at any time."""
    return draws_panels(request) and "selection.data" in json.loads(request.post_data or "")["changedPropIds"]


class Explorer:
    """One tab with the explorer in it."""

    def __init__(self, page: Page, address: str, errors: list[str]) -> None:
        self.page = page
        self.address = address
        self.errors = errors
        page.set_default_timeout(WAIT_MS)
        # Playwright's own way needs `eval`, which the page's content policy forbids.
        page.wait_for_function = self._wait_for  # type: ignore[method-assign]

    def open(self, **fragment: str) -> None:
        """Open the page, at a fragment if one is given, and wait until it is drawn."""
        self.page.goto("about:blank")
        self.page.goto(self.address + (f"#{urlencode(fragment)}" if fragment else ""))
        self.page.wait_for_function(
            f"document.querySelectorAll('{PANELS}').length > 2 &&"
            f" [...document.querySelectorAll('{PANELS}')].every((s) => s.dataset.selection) && {DRAWN}"
        )
        if self.page.evaluate("!document.documentElement.classList.contains('no-webgl')"):
            self.page.wait_for_function("document.querySelector('#architecture-graph .drawn')")
            self.page.evaluate(FRAMES)

    def restart(self) -> None:
        """Go back to the opening question, settings and view without loading the page again, as a link does."""
        text, select = next(iter(EXAMPLES.values())).text, f"{BEGINNING}@18"
        opening = {"model": "bundled", "text": text, "select": select, "architecture-color": OPENING}
        fragment = urlencode(opening, quote_via=quote)
        self.page.fill("#prompt-text", text)  # where the page leaves what somebody has typed
        with self.page.expect_response(lambda answer: '"output":"..prompt.data' in (answer.request.post_data or "")):
            self.page.evaluate(
                """(hash) => { history.replaceState(null, "", hash); dash_clientside.explorer.resetView();
                   dash_clientside.set_props("address", { data: dash_clientside.explorer.openAddress() }); }""",
                f"#{fragment}",
            )
        self.page.evaluate(FRAMES)
        self.page.wait_for_function("(text) => dash_clientside.explorer.shown().text === text", arg=text)
        self.follows(select)

    def _wait_for(self, expression: str, *, arg: Any = None) -> None:
        """Wait until an expression, or a function of `arg`, is true in the page, across reloads too."""
        script = f"(arg) => {{ const it = ({expression}); return Boolean(typeof it === 'function' ? it(arg) : it); }}"

        def holds() -> Any:
            try:
                return self.page.evaluate(script, arg)
            except Error as error:
                if "navigation" not in error.message:
                    raise
                return False

        wait_until(holds, WAIT_MS / 1000)

    def selections(self) -> list[str]:
        """The `data-selection` of each visible panel."""
        found: list[str] = self.page.eval_on_selector_all(PANELS, "all => all.map((s) => s.dataset.selection)")
        return found

    def follows(self, selection: str) -> None:
        """Wait until every visible panel shows this selection; fail if one does not."""
        self.page.wait_for_function(
            f"(text) => {{ const panels = [...document.querySelectorAll('{PANELS}')];"
            f" return panels.length && panels.every((s) => s.dataset.selection === text) && {DRAWN}; }}",
            arg=selection,
        )

    @contextmanager
    def held(self) -> Iterator[list[Route]]:
        """Hold back the requests that have panels drawn, until the end; gives those that are held."""
        routes: list[Route] = []
        ended: list[bool] = []

        def hold(route: Route) -> None:
            if draws_panels(route.request) and not ended:
                routes.append(route)
            else:
                route.continue_()

        self.page.route("**/_dash-update-component*", hold)
        yield routes
        ended.append(True)
        for route in routes:
            route.continue_()
        self.page.unroute("**/_dash-update-component*")

    def selection(self) -> str:
        """Current selection in the browser, after waiting until all visible panels show it."""
        self.page.wait_for_function(
            "() => { const { explorer } = dash_clientside, text = explorer.writeSelection(explorer.selection());"
            f" return [...document.querySelectorAll('{PANELS}')].every((s) => s.dataset.selection === text)"
            f" && {DRAWN}; }}"
        )
        return self.selections()[0]

    def show(self, panel: str) -> None:
        """Open a panel's tab, and wait until it shows the selection."""
        self.page.click(f"#tab-{panel}")
        self.page.wait_for_function(
            "(name) => document.getElementById(`${name}-panel`).dataset.selection"
            f" === document.getElementById('panels').dataset.selection && {DRAWN}",
            arg=panel,
        )

    def opening(self) -> str:
        """The selection that the server has found for the page to open with; without one, the middle block's head 0."""
        script = (
            "() => { const { opening, n_blocks, n_positions } = dash_clientside.explorer.shown();"
            " const middle = `block.${Math.floor(n_blocks / 2)}.attention.head.0`;"
            " return `${opening ? opening.select : middle}@${n_positions - 1}`; }"
        )
        return str(self.page.evaluate(script))

    def analyse(self, text: str) -> None:
        """Type a text and press the button."""
        self.page.fill("#prompt-text", text)
        self.page.click("#prompt-analyse")

    def job_words(self) -> str:
        """The text of the saliency panel's job bar."""
        return self.page.inner_text("#saliency-job-words")

    def compute(self) -> None:
        """Have the selected saliency computed: press the button, unless the job has started automatically."""
        self.page.wait_for_timeout(200)
        self.page.wait_for_selector("#saliency-panel:not([aria-busy='true'])")

        def begun() -> bool:
            if self.job_words().startswith(("Computed", "Cached")):
                return True
            try:
                self.page.click("#saliency-job-compute", timeout=2000)
            except TimeoutError:  # it is not there, or not any more
                return False
            return True

        wait_until(begun, 90)

    def notice(self) -> str:
        """The words of the notice that is shown."""
        notice = self.page.locator("#notice")
        expect(notice).to_be_visible()
        return notice.inner_text()

    def data(self, graph: str, path: str) -> Any:
        """A value of a figure as the browser has it, for instance `data[0].z`; typed arrays as lists."""
        script = f"JSON.stringify({PLOT.format(id=graph)}.{path}, (_, v) => ArrayBuffer.isView(v) ? [...v] : v)"
        return json.loads(self.page.evaluate(script) or "null")

    def shows_attention(self, trace: Trace, block: int, head: int) -> None:
        """Fail unless the heat map holds the attention of this head."""
        grid = self.data("attention-graph", "_fullData[0].z")
        last = trace.n_positions - 1
        for query, key in [(1, 0), (7, 3), (last, last)]:
            assert grid[query][key] == pytest.approx(float(trace.attention(block)[head, query, key]), abs=1e-5)

    def stored(self, name: str) -> Any:
        """What the fragment holds under a name."""
        return self.page.evaluate("(name) => new URLSearchParams(location.hash.slice(1)).get(name)", name)

    def camera(self) -> dict[str, float]:
        """The position of the scene’s camera (`eye`)."""
        eye: dict[str, float] = self.data("architecture-graph", "_fullLayout.scene._scene.getCamera().eye")
        return eye

    def scene_box(self) -> FloatRect:
        """The scene's place in the window, once it is there."""
        graph = self.page.locator("#architecture-graph .js-plotly-plot")
        graph.scroll_into_view_if_needed()
        box = graph.bounding_box()
        assert box
        return box

    def turn_scene(self) -> dict[str, float]:
        """Drag the scene's background."""
        box = self.scene_box()
        self.page.mouse.move(box["x"] + 200, box["y"] + 60)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + 240, box["y"] + 70, steps=4)
        self.page.mouse.up()
        return self.camera()

    def box(self, trace: int, node: int) -> tuple[float, float]:
        """A point of the window at which a box of the scene is seen."""
        self.scene_box()
        point = Projection.of(self.page).point(trace, node)
        assert point, f"box {node} of trace {trace} is hidden"
        return point

    def hover_box(self, trace: int, node: int) -> str:
        """Put the mouse on a box of the scene, and return the words beside it."""
        self.page.mouse.move(*self.box(trace, node))
        self.page.evaluate(FRAMES)
        expect(self.page.locator("#tip")).to_have_class("tip shown")
        return self.page.locator("#tip").inner_text()

    def click_box(self, trace: int, node: int, *, hold_ms: int = 20) -> None:
        """Click a box of the scene with the mouse."""
        self.page.mouse.move(*self.box(trace, node))
        self.page.mouse.down()
        self.page.wait_for_timeout(hold_ms)
        self.page.mouse.up()
