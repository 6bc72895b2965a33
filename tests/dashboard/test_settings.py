"""Settings from the environment, and messages about invalid ones."""

from pathlib import Path

import pytest

from dashboard.settings import Settings


def test_defaults_and_given_values(tmp_path: Path) -> None:
    assert Settings.from_environment({}) == Settings()
    given = Settings.from_environment({"PORT": "9000", "CACHE_DIR": str(tmp_path), "HOST": "0.0.0.0", "UNKNOWN": "1"})
    assert (given.port, given.host, given.cache_path) == (9000, "0.0.0.0", tmp_path)


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5", "٣x"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="MAX_TOKENS"):
        Settings.from_environment({"MAX_TOKENS": text})


def test_a_switch_is_1_or_0() -> None:
    assert Settings().allow_downloads is True
    assert Settings.from_environment({"ALLOW_DOWNLOADS": "0"}).allow_downloads is False
    assert Settings.from_environment({"ALLOW_DOWNLOADS": "1"}).allow_downloads is True
    with pytest.raises(ValueError, match="ALLOW_DOWNLOADS is 'no'; it must be 1 or 0"):
        Settings.from_environment({"ALLOW_DOWNLOADS": "no"})


def test_a_count_may_be_0() -> None:
    assert Settings().trusted_proxies == 0
    assert Settings.from_environment({"TRUSTED_PROXIES": "0", "JOBS_WAITING": "3"}).jobs_waiting == 3
    with pytest.raises(ValueError, match="TRUSTED_PROXIES is '-1'; it must be a whole number"):
        Settings.from_environment({"TRUSTED_PROXIES": "-1"})


def test_a_level_is_one_of_few() -> None:
    assert Settings.from_environment({"LOG_LEVEL": "INFO"}).log_level == "INFO"
    with pytest.raises(ValueError, match="LOG_LEVEL is 'info'; it must be one of DEBUG, INFO, WARNING, ERROR"):
        Settings.from_environment({"LOG_LEVEL": "info"})


def test_the_address_of_a_redis_says_how_its_certificate_is_checked() -> None:
    def address(url: str, **more: str) -> str:
        return Settings.from_environment({"REDIS_URL": url, **more}).redis_address

    unchecked = {"REDIS_CHECK_CERTIFICATE": "0"}
    assert address("") == ""
    assert address("redis://:word@host:1/2", **unchecked) == "redis://:word@host:1/2"
    assert address("rediss://:word@host:1/2") == "rediss://:word@host:1/2?ssl_cert_reqs=required"
    assert address("rediss://host?db=1", **unchecked) == "rediss://host?db=1&ssl_cert_reqs=none"
    assert address("rediss://host?ssl_cert_reqs=optional", **unchecked) == "rediss://host?ssl_cert_reqs=optional"
    with pytest.raises(ValueError, match=r"^REDIS_URL must begin with redis:// or rediss://.$"):
        address("unix:///word@run/redis")
