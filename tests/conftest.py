"""Which tests are fast, in which order they run, and where their fixtures are."""

import gc
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WITH_SERVER = ("bench", "browser", "faults", "load", "dashboard/jobs", "dashboard/snapshot")
SERVERS = {
    "dashboard.app.create_app",
    "tests.hub.served_hub",
    *(f"tests.serving.{name}" for name in ("celery_worker", "process", "procfile", "redis_server", "served")),
}


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures where tests run: the process that hands tests to others needs neither torch nor transformers,
    whose import takes 5 s.
    """
    here = config.getoption("dist", "no") == "no" or config.getoption("collectonly")
    if here or hasattr(config, "workerinput"):
        config.pluginmanager.import_plugin("tests.fixtures")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not read tests of which none is fast, if only the fast ones are asked for."""
    only_fast = config.getoption("markexpr") == "fast" and collection_path.is_relative_to(HERE)
    return True if only_fast and _folder(collection_path).startswith(WITH_SERVER) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without Python's garbage collector, which would walk through all modules and tests again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # what is there now stays to the end
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark the fast tests and the benchmarks before pytest selects; after it, put what takes longest first."""
    for item in items:
        if item.path.parent.name == "bench":
            item.add_marker(pytest.mark.thorough)
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.slow)
        if not _is_slow(item):
            item.add_marker(pytest.mark.fast)
    yield
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _is_slow(item: pytest.Item) -> bool:
    """Whether a test needs a browser, a server or a background job, takes long, or repeats one on a further family."""
    marked = any(item.get_closest_marker(name) for name in ("browser", "long", "slow"))
    module = item.getparent(pytest.Module)
    assert module
    return marked or _has_server(module) or _is_one_more(item)


@cache
def _has_server(module: pytest.Module) -> bool:
    used = (f"{getattr(one, '__module__', '')}.{getattr(one, '__name__', '')}" for one in vars(module.obj).values())
    return _folder(module.path.parent).startswith(WITH_SERVER) or not SERVERS.isdisjoint(used)


def _folder(path: Path) -> str:
    return path.relative_to(HERE).as_posix()


def _is_one_more(item: pytest.Item) -> bool:
    """Whether the fast tests have others of its kind, of a few families."""
    from tests.tiny import FAST, TINY

    call = getattr(item, "callspec", None)
    named = {value for value in call.params.values() if isinstance(value, str)} if call else set()
    return bool(named & TINY.keys() - FAST)
