"""Killed processes (SIGKILL): a gunicorn worker, the fork server of jobs, Celery."""

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.page import JobOfPage, Page, of_address, question
from tests.serving import GUNICORN, celery_worker, redis_server, served, server_of, wait_until

pytestmark = [pytest.mark.long, pytest.mark.thorough]
LONG = "Once upon a time there was a fox who lived in the forest and a crow who lived in the old tree. " * 9


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(GUNICORN, WEB_CONCURRENCY="2") as url:
        wait_until(lambda: len(workers(url)) == 2)
        yield url


def workers(url: str) -> list[psutil.Process]:
    """The processes of gunicorn that serve."""
    return server_of(url).children()


def kill(*processes: psutil.Process) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def answered(url: str, text: str) -> None:
    """A page and a click, asked for again as a browser's connection may have been the one that broke."""

    def shown() -> bool:
        with suppress(OSError, HTTPException):
            of_address(url).show(text)
            return True
        return False

    wait_until(shown, 60)


def kind(job: JobOfPage) -> str:
    """How a job ends, for a page whose connection may have been the one that broke."""
    found: list[Any] = []

    def ended() -> bool:
        with suppress(OSError, HTTPException):
            answer = job.ask()
            found[:] = (
                ["lost"] if answer == {} else [outcome["kind"] for outcome in [job.outcome_in(answer)] if outcome]
            )
        return bool(found)

    wait_until(ended, 90)
    return str(found[0])


def running(page: Page, text: str) -> JobOfPage:
    """A job that computes for long."""
    job = page.start_job("saliency", question(text, "depth", "mean", ""))

    def computes() -> bool:
        tick = job.ask().get("progress", {}).get("saliency-job-tick.data", {})
        return bool(tick.get("phase") == "running")

    wait_until(computes, 60)
    return job


def test_workers_that_serve(address: str) -> None:
    """One, beside which the other serves; then all, and with them a job, which its page is told."""
    page = of_address(address)
    page.show("The fox met a crow")
    assert kind(page.start_job("saliency", question("The fox met a crow", "occlusion", "zero", ""))) == "done"
    kill(workers(address)[0])
    answered(address, "The fox met a hen")
    wait_until(lambda: len(workers(address)) == 2)
    job = running(of_address(address), LONG)
    before = workers(address)
    family = [child for worker in before for child in worker.children(recursive=True)]
    kill(*before)
    _, left = psutil.wait_procs(family, timeout=10)
    assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == [], "jobs end with the server"
    answered(address, "The fox met a crow")
    assert kind(job) == "lost"
    later = of_address(address)
    later.values |= {("saliency-method", "value"): "occlusion", ("saliency-baseline", "value"): "zero"}
    later.show("The fox met a crow")
    assert later.values["saliency-job-offer", "data"]["kept"] > 0
    assert kind(later.start_job("saliency", question("The fox met a goose", "occlusion", "zero", ""))) == "done"


def test_the_process_that_jobs_are_forked_from(address: str) -> None:
    """Its jobs may go on, and the next one finds another."""
    page = of_address(address)
    page.show("The fox met a crow")
    job = running(page, f"A duck. {LONG}")
    forkers = [child for worker in workers(address) for child in worker.children()]
    kill(*forkers)
    assert kind(job) in ("done", "lost")
    assert kind(page.start_job("saliency", question("The fox met a duck", "occlusion", "zero", ""))) == "done"
    assert kind(page.start_job("embedding", question("The fox met a duck", "tsne", "2", "equal"))) == "done"


def test_a_worker_of_celery(tmp_path: Path) -> None:
    """All of it, as when its machine fails: its job is reported, and the next worker runs what waited meanwhile."""
    with redis_server(tmp_path) as redis, served(GUNICORN, REDIS_URL=redis) as url:
        page = of_address(url)
        page.show("The fox met a crow")
        with celery_worker(redis, tmp_path / "one") as worker:
            job = running(page, LONG)
            kill(*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid))
            assert kind(job) == "lost"
            waiting = page.start_job("saliency", question("The fox met a duck", "occlusion", "zero", ""))
            assert waiting.outcome() is None
            page.show("The fox met a hen")
        with celery_worker(redis, tmp_path / "two"):
            assert kind(waiting) == "done"
