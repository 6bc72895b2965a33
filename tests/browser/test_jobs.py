"""Background jobs as visitors see them, run by forks of the server and by Celery workers with a real Redis."""

import os
import re
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Route, TimeoutError, expect

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from analysis.trace import Prompt
from tests.browser.explorer import NO_WEBGL, Explorer
from tests.serving import celery_worker, redis_server, served, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.slow]
# Long enough to be looked at while it runs on any processor; and what none is to wait for.
SENTENCE = "Once upon a time there was a fox who lived in the forest and a crow who lived in the old tree."
LONG, LONGEST = " ".join([SENTENCE] * 3), " ".join([SENTENCE] * 10)
# Whether what was started last is only measured.
NOTE_STARTS = (
    "const ask = window.fetch; window.fetch = (resource, options) => {"
    '  const start = /"measure":(true|false)/.exec(options && options.body);'
    "  if (start) window.onlyMeasured = start[1] === 'true';"
    "  return ask(resource, options); };"
)
SLOW = {"saliency-method": "depth", "saliency-baseline": "mean"}
PATIENT = {"JOB_TIMEOUT_SECONDS": "3600"}  # else a busy machine refuses what it could not end in time


@pytest.fixture(scope="module", params=["fork", pytest.param("celery", marks=pytest.mark.thorough)])
def jobs_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of each kind."""
    if request.param == "fork":
        with served(**PATIENT) as url:
            yield url
    else:
        folder = tmp_path_factory.mktemp("redis")
        with (
            redis_server(folder) as redis,
            celery_worker(redis, folder / "worker"),
            served(REDIS_URL=redis, **PATIENT) as url,
        ):
            yield url


@pytest.fixture
def visit(browser: Browser, jobs_address: str) -> Iterator[Callable[..., Explorer]]:
    """Open the page as another visitor, at a question."""
    contexts: list[BrowserContext] = []

    def visit(**fragment: str) -> Explorer:
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        context.add_init_script(NO_WEBGL)
        context.add_init_script(NOTE_STARTS)
        contexts.append(context)
        explorer = Explorer(context.new_page(), jobs_address, [])
        explorer.open(**fragment)
        return explorer

    yield visit
    for context in contexts:
        context.close()


def wait_for(explorer: Explorer, *possible: str, seconds: float = 90) -> str:
    expect(explorer.page.locator("#saliency-job-words")).to_contain_text(
        re.compile("|".join(possible)), timeout=seconds * 1000
    )
    return explorer.job_words()


def computing(explorer: Explorer) -> None:
    """Have it computed, and wait until that is under way; not while it is only measured, which soon ends."""

    def runs() -> bool:
        if re.match("Computing: [1-9]", explorer.job_words()) and not explorer.page.evaluate("window.onlyMeasured"):
            return True
        with suppress(TimeoutError):
            explorer.page.click("#saliency-job-compute", timeout=2000)
        return False

    wait_until(runs, 120)


def shows(explorer: Explorer, model: LanguageModel, text: str, **choices: str) -> None:
    """Fail unless the bars are the attributions of this text."""
    trace = compute_trace(model, Prompt("bundled", text))
    expected = compute_saliency(model, trace, trace.n_positions - 1, **choices)  # type: ignore[arg-type]
    assert expected is not None
    np.testing.assert_allclose(explorer.data("saliency-graph", "_fullData[0].y"), expected.attributions, atol=1e-3)


def job_processes() -> list[psutil.Process]:
    """The processes that use the processor for a job: forks of the server, or of the worker."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            parent = process.parent()
            ours = "dashboard" in " ".join(process.cmdline())
            if ours and parent and parent.cmdline() == process.cmdline() and process.status() == "running":
                found.append(process)
    return found


def test_visitors_get_their_own_and_the_next_one_the_cache(
    visit: Callable[..., Explorer], bundled_model: LanguageModel
) -> None:
    texts = [f"The canary {secrets.token_hex(4)} said to the king that the river was near" for _ in range(2)]
    visitors = [visit(text=text, **{"saliency-baseline": "end"}) for text in texts]
    for visitor in visitors:
        visitor.compute()
    for visitor, text in zip(visitors, texts, strict=True):
        wait_for(visitor, "Computed in", "Cached")
        shows(visitor, bundled_model, text, baseline="end")
        others = [other.split()[2] for other in texts if other != text]
        assert not any(canary in visitor.page.content() for canary in others)
    third = visit(text=texts[0], **{"saliency-baseline": "end"})
    assert "Cached" in wait_for(third, "Cached", "Comput")
    shows(third, bundled_model, texts[0], baseline="end")


@pytest.mark.thorough
def test_progress_then_cancel_then_another(visit: Callable[..., Explorer], bundled_model: LanguageModel) -> None:
    visitor = visit(text=LONGEST, **SLOW)
    computing(visitor)
    before = visitor.job_words()
    wait_until(lambda: visitor.job_words() != before)
    wait_until(job_processes)
    running = job_processes()
    with visitor.page.expect_response(lambda answer: "cancelJob" in answer.url):
        visitor.page.click("#saliency-job-cancel")
    wait_until(lambda: not any(process.is_running() and process.status() == "running" for process in running), 5)
    wait_for(visitor, "Cancelled")
    visitor.page.select_option("#saliency-method", "input_gradient")
    visitor.compute()
    wait_for(visitor, "Computed in")
    shows(visitor, bundled_model, LONGEST, method="input_gradient")


@pytest.mark.thorough
def test_a_killed_job_is_reported_and_can_be_run_again(visit: Callable[..., Explorer]) -> None:
    visitor = visit(text=f"A king. {LONGEST}", **SLOW)
    computing(visitor)
    wait_until(job_processes)
    for process in job_processes():
        os.kill(process.pid, signal.SIGKILL)
    wait_for(visitor, "ended without a result", seconds=10)
    again = visitor.page.locator("#saliency-job-compute")
    expect(again).to_contain_text("Run again")
    again.click()
    wait_for(visitor, r"Computing: [1-9]")  # its place is free again
    visitor.page.click("#saliency-job-cancel")


@pytest.mark.thorough
def test_of_two_who_wait_for_equal_work_one_cancels(
    visit: Callable[..., Explorer], bundled_model: LanguageModel
) -> None:
    """The one who computes: the other takes over."""
    text = f"A queen. {LONG}"
    first, second = visit(text=text, **SLOW), visit(text=text, **SLOW)
    first.compute()
    wait_for(first, "Computing")
    second.compute()
    wait_for(second, "Another job is computing the same result")
    first.page.click("#saliency-job-cancel")
    wait_for(first, "Cancelled")
    wait_for(second, "Computed in")
    shows(second, bundled_model, text, method="depth", baseline="mean")


@pytest.fixture
def visitor(context: BrowserContext, address: str) -> Explorer:
    context.add_init_script(NOTE_STARTS)
    return Explorer(context.new_page(), address, [])


@pytest.mark.thorough
def test_a_start_that_is_answered_late(visitor: Explorer, bundled_model: LanguageModel) -> None:
    """Cancelled before: the job ends. Another question meanwhile: that one is answered."""
    page, held = visitor.page, []
    text = f"A duck. {LONGEST}"

    def hold(route: Route) -> None:
        if "saliency-job-done" in (route.request.post_data or "") and not held:
            held.append(route)
        else:
            route.continue_()

    def asked() -> bool:
        with suppress(TimeoutError):  # by itself, or by the button
            page.click("#saliency-job-compute", timeout=200)
        return bool(held)

    page.route(re.compile("_dash-update-component(?!.*job=)"), hold)
    visitor.open(text=text, **SLOW)
    wait_until(asked)
    page.click("#saliency-job-cancel")
    wait_for(visitor, "Cancelled")
    with page.expect_response(lambda answer: answer.request == held[0].request):
        held[0].continue_()
    wait_until(lambda: not job_processes())  # long before it would have come to its end
    held.clear()
    wait_until(asked)
    page.select_option("#saliency-method", "input_gradient")
    page.wait_for_timeout(1000)
    held[0].continue_()
    visitor.compute()
    wait_for(visitor, "Computed in", "Cached")
    shows(visitor, bundled_model, text, method="input_gradient")


@pytest.mark.thorough
def test_a_job_that_is_not_heard_of_any_more(visitor: Explorer) -> None:
    """One lost answer changes nothing; when none comes for long, the page says so and offers to run it again."""
    page = visitor.page
    visitor.open(text=f"A goose. {LONGEST}", **SLOW)
    computing(visitor)
    lost = []

    def lose(route: Route, *, at_most: int) -> None:
        lost.append(1)
        if len(lost) <= at_most:
            route.abort()
        else:
            route.continue_()

    polls = re.compile("_dash-update-component.*job=")
    page.route(polls, lambda route: lose(route, at_most=1))
    wait_until(lambda: page.wait_for_timeout(100) or len(lost) > 3)  # requests are answered while Playwright waits
    assert "Comput" in visitor.job_words()
    page.unroute(polls)
    page.route(polls, lambda route: lose(route, at_most=1000))
    # If it has ended meanwhile, its result is there all the same.
    if "ended without" in wait_for(visitor, "ended without a result", "Cached", seconds=60):
        expect(page.locator("#saliency-job-compute")).to_contain_text("Run again")
