"""Redis over TLS, with a self-signed certificate or with a trusted one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from dashboard.jobs.stores.redis_store import RedisStore
from dashboard.settings import Settings
from tests.page import of_address, question
from tests.serving import GUNICORN, celery_worker, redis_server, served, wait_until


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def redis(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("redis")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "certificate.pem")
    with redis_server(folder, certificate=folder / "certificate.pem") as url:
        yield url


def works(**environment: str) -> bool:
    return RedisStore(Settings.from_environment(environment).redis_address).works()


def test_a_certificate_that_nobody_knows(redis: str) -> None:
    assert not works(REDIS_URL=redis)
    assert works(REDIS_URL=redis, REDIS_CHECK_CERTIFICATE="0")
    assert works(REDIS_URL=f"{redis}?ssl_cert_reqs=none"), "what an address says of it itself goes first"


def test_one_of_an_authority_that_this_machine_trusts(
    redis: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert works(REDIS_URL=redis)


@pytest.mark.thorough
def test_a_job(redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server, Celery's client and worker, and the limits each connect in their own way."""
    monkeypatch.setenv("REDIS_CHECK_CERTIFICATE", "0")
    log = tmp_path / "log"
    with celery_worker(redis, tmp_path / "worker"), served(GUNICORN, log, REDIS_URL=redis) as url:
        page = of_address(url)
        page.show("The fox met a crow")
        job = page.start_job("saliency", question("The fox met a crow", "occlusion", "zero", ""))
        found = []
        wait_until(lambda: found.append(job.outcome()) or found[-1], 90)
        assert found[-1]["kind"] == "done"
    told = [json.loads(line).get("logger") for line in log.read_text().splitlines()]
    assert set(told) <= {"celery.backends.redis"}, "that it does not check is told, and nothing fell back on less"
