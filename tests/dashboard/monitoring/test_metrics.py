"""Metrics: counters and gauges, which contain nothing that a visitor wrote."""

import os
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from analysis.models.language_model import LanguageModel
from dashboard.app import Explorer, create_app
from dashboard.jobs.store import JobsError
from dashboard.monitoring.metrics import Metrics, Reading
from dashboard.monitoring.request_log import RequestRecord
from dashboard.settings import Settings
from tests.page import of_address, of_app
from tests.serving import GUNICORN, served, wait_until

Samples = dict[str, float]  # by name and labels, as they are written


@pytest.fixture
def app(tmp_path: Path, tiny_gpt2: LanguageModel) -> Explorer:
    return create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})


def samples(text: str) -> Samples:
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def asked(app: Explorer) -> Samples:
    answer = app.server.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return samples(answer.text)


def show(app: Explorer, text: str) -> None:
    page = of_app(app.server)
    page.values["selection", "data"] = "block.1.attention.head.2@3"
    page.set("prompt", "data", {"model": "tiny", "text": text, "start": False})


def test_requests_are_counted_by_route(app: Explorer) -> None:
    show(app, "The canary met a crow")
    client = app.server.test_client()
    for path in ("/healthz", "/canary", "/assets/canary", "/assets/page.js"):
        client.get(path)
    client.post("/canary")
    found = asked(app)
    assert found["explorer_requests_total{route=panels,status=2xx}"] == 1
    assert found["explorer_requests_total{route=health,status=2xx}"] == 1
    assert found["explorer_requests_total{route=asset,status=4xx}"] == 1
    assert found["explorer_requests_total{route=asset,status=2xx}"] == 1
    assert found["explorer_requests_total{route=other,status=4xx}"] == 1
    pages = [key for key in found if "route=page" in key and "_bucket" not in key]
    assert len(pages) == 4, pages  # two kinds of answers, a number and a sum of times
    assert found["explorer_request_seconds_count{route=panels}"] == 1
    assert 0 < found["explorer_request_seconds_sum{route=panels}"] < 60
    assert "canary" not in str(found)


def test_a_text_is_computed_once_and_then_read(app: Explorer, tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    hits, misses = (f"explorer_cache_reads_total{{result={result}}}" for result in ("hit", "miss"))
    show(app, "The fox met a crow")
    found = asked(app)
    assert found["explorer_forward_passes_total"] == 1
    assert found[misses] > 0
    later = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    show(later, "The fox met a crow")
    found = asked(later)
    assert found["explorer_forward_passes_total"] == found[misses] == 0
    assert found[hits] > 0


def test_jobs_are_counted_by_panel_and_end(app: Explorer) -> None:
    page, jobs = of_app(app.server), app.jobs
    app.server.secret_key = "secret"
    job = page.start_job("saliency", {"no": "question"})
    ends = time.monotonic() + 30
    while (outcome := job.outcome()) is None and time.monotonic() < ends:
        time.sleep(0.05)
    jobs.manager.close()
    assert outcome
    found = asked(app)
    assert found["explorer_jobs_started_total{panel=saliency}"] == 1
    assert found["explorer_jobs_ended_total{kind=error,panel=saliency}"] == 1


def test_gauges(app: Explorer, tmp_path: Path) -> None:
    show(app, "The fox met a crow")
    own = psutil.Process().memory_full_info()
    found = asked(app)
    assert found["explorer_models_loaded"] == 1
    assert found["explorer_jobs{state=running}"] == found["explorer_jobs{state=waiting}"] == 0
    assert found["explorer_memory_bytes{kind=resident}"] > 0.9 * own.rss
    assert found["explorer_memory_bytes{kind=resident}"] > found["explorer_memory_bytes{kind=proportional}"] > 0
    kept = sum(file.stat().st_size for file in (tmp_path / "traces").iterdir())
    assert found["explorer_cache_bytes{cache=traces}"] >= kept > 0
    assert found["explorer_cache_bytes{cache=results}"] > 0


def test_jobs_at_work_and_waiting(app: Explorer) -> None:
    jobs, (ready, tell), (stay, end) = app.jobs, os.pipe(), os.pipe()
    holder = os.fork()
    if holder == 0:
        slots, queue = jobs._machine.slots, jobs._machine.queue
        with queue.acquire(os.abort), slots.acquire(os.abort), queue.acquire(os.abort):
            os.write(tell, b"x")
            os.close(end)
            os.read(stay, 1)
        os._exit(0)
    os.read(ready, 1)
    found = asked(app)
    os.close(end)
    os.waitpid(holder, 0)
    assert found["explorer_jobs{state=running}"] == 1
    assert found["explorer_jobs{state=waiting}"] == 1


def test_a_number_that_cannot_be_read_is_left_out() -> None:
    def unreachable() -> int:
        raise JobsError("It cannot be reached.")

    def unreadable() -> int:
        raise OSError

    server = Flask(__name__)
    read = {"one": lambda: 1, "unknown": lambda: None, "unreachable": unreachable, "unreadable": unreadable}
    Metrics().install(
        server, [Reading("things", "Things.", read, label="kind"), Reading("all", "All.", {"": lambda: 7})]
    )
    text = server.test_client().get("/metrics").text
    found = {name: value for name, value in samples(text).items() if "requests" not in name}
    assert found == {"explorer_things{kind=one}": 1, "explorer_all": 7}


def test_totals_are_counted_once() -> None:
    total = 3
    server = Flask(__name__)
    metrics = Metrics([Reading("reads", "Reads.", {"hit": lambda: total}, label="result")])
    metrics.install(server, [])
    metrics.count_request(RequestRecord("GET"))
    for total in (3, 5):
        assert samples(server.test_client().get("/metrics").text)["explorer_reads_total{result=hit}"] == total


def test_waiting_jobs_are_left_out_while_the_store_cannot_be_reached(
    app: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.jobs.store, "works", lambda: False)
    found = asked(app)
    assert "explorer_jobs{state=running}" in found
    assert "explorer_jobs{state=waiting}" not in found


def test_without_the_setting_there_is_nothing(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    app = create_app(Settings(cache_dir=str(tmp_path), metrics=False), models={"tiny": tiny_gpt2})
    assert app.server.test_client().get("/metrics").status_code == 404


@pytest.mark.long
@pytest.mark.thorough
def test_workers_count_together() -> None:
    with served(GUNICORN, WEB_CONCURRENCY="2") as url:
        for _ in range(10):
            page = of_address(url)  # each its own connection, to whichever worker is free
        wait_until(page.start_job("saliency", {"no": "question"}).outcome)
        found = [samples(urllib.request.urlopen(f"{url}metrics", timeout=30).read().decode()) for _ in range(6)]
    pages = [one["explorer_requests_total{route=page,status=2xx}"] for one in found]
    assert min(pages) >= 30
    assert pages == sorted(pages)
    ends = {one["explorer_jobs_ended_total{kind=error,panel=saliency}"] for one in found}
    assert ends == {1}
    memory = [one["explorer_memory_bytes{kind=proportional}"] for one in found]
    assert max(memory) < 1.3 * min(memory), "of all workers, whichever answers"
