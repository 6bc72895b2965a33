"""Load test (`make load`): runs the server of the Procfile with 25, then 50, then 200 visitors, and prints a table.

With `--minutes`: 25 visitors for that time, and the memory of the server. Everything runs on this machine.
"""

import argparse
import json
import random
import re
import shlex
import subprocess
import sys
import time
from contextlib import suppress
from itertools import takewhile
from statistics import median
from urllib.request import urlopen

from tests.load.measures import HEAD, MB, Stage, print_table, server_bytes, server_seconds
from tests.load.visitor import Visitor
from tests.serving import ROOT, served

STAGES = ((25, 180), (50, 90), (200, 60))  # visitors, seconds
REST_SECONDS = 60  # after the last, until which the server has to be well again
SAMPLE_SECONDS = 10
MOST_CHANGE = 0.05  # of memory, from the second minute to the last
MOST_MS = 1000  # that 95 % of the clicks of the fewest visitors may take
_PATIENCE_SECONDS = 90


def main() -> int:
    """Run the load test, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--minutes", type=int, help="25 visitors for so long, at least 3, to see the server's memory")
    minutes = parser.parse_args().minutes
    command, environment = web_line()
    # Each visitor has an address of its own, as behind a proxy.
    with served(command, **environment, TRUSTED_PROXIES="1", WEB_CONCURRENCY="1") as url:
        stages = []
        for visitors, seconds in [(25, 60 * minutes)] if minutes else STAGES:
            stages.append(run(url, visitors, seconds))
            print_table([HEAD, *(stage.table_row() for stage in stages)])
        time.sleep(REST_SECONDS)
        problems = look(url)
    if minutes:
        problems += memory_problems(stages[0].memory, minutes)
    problems += [f"{stage.visitors} visitors: {stage.errors} errors." for stage in stages if stage.errors]
    if stages[0].quantile("click", 0.95) > MOST_MS:
        problems.append(f"{stages[0].visitors} visitors: clicks take too long.")
    print("\n".join(problems) or "All as it should be.")
    return bool(problems)


def web_line() -> tuple[list[str], dict[str, str]]:
    """How the Procfile serves the page, with defaults, on loopback only: command and environment; `{port}` stands for
    the port.
    """
    found = re.search(r"^web: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert found
    line = re.sub(r"\$\{PORT:-\d+\}", "{port}", found[1]).replace("0.0.0.0", "127.0.0.1")
    words = shlex.split(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", line))
    given = list(takewhile(lambda word: "=" in word, words))
    return words[len(given) :], dict(one.split("=", 1) for one in given)


def run(url: str, visitors: int, seconds: int) -> Stage:
    """Run a number of visitors for some seconds; they arrive one after the other in the first ten seconds."""
    given = {"users": visitors, "spawn-rate": visitors / 10, "run-time": seconds, "host": url}
    command = [sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--headless", "--json"]
    command += ["--stop-timeout", "15", "--exit-code-on-error", "0", "--skip-log-setup"]  # its tables; ours is enough
    command += [part for name, value in given.items() for part in (f"--{name}", str(value))]
    memory, start, before = [], time.monotonic(), server_seconds()
    locust = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        while locust.poll() is None:
            elapsed = time.monotonic() - start
            assert elapsed < seconds + _PATIENCE_SECONDS, "Locust did not stop"
            memory.append((elapsed, server_bytes()))
            with suppress(subprocess.TimeoutExpired):
                locust.wait(SAMPLE_SECONDS)
    finally:
        locust.kill()
    assert locust.stdout
    rows = json.loads(locust.stdout.read())
    return Stage(visitors, time.monotonic() - start, rows, memory, server_seconds() - before)


def look(url: str) -> list[str]:
    """The server says how it is, and one visitor opens the page and clicks; gives what is wrong."""
    problems: list[str] = []
    try:
        urlopen(f"{url}readyz", timeout=10).close()
    except OSError as error:
        problems.append(f"It is not ready: {error}")

    def note(what: str, _seconds: float, problem: str) -> None:
        if problem:
            problems.append(f"{what}: {problem}")

    visitor = Visitor(url, address="10.9.9.9", choose=random.Random(0), note=note)
    visitor.open()
    if visitor.is_open:
        visitor.click()
    visitor.close()
    return problems


def memory_problems(memory: list[tuple[float, int]], minutes: int) -> list[str]:
    """Whether memory has grown from the second minute to the last."""
    second, last = (
        median(held for elapsed, held in memory if minute - 1 <= elapsed / 60 < minute) for minute in (2, minutes)
    )
    change = last / second - 1
    print(f"Memory: {second / MB:,.0f} MB in minute 2, {last / MB:,.0f} MB in minute {minutes} ({change:+.1%}).")
    return ["Memory has grown."] if change > MOST_CHANGE else []


if __name__ == "__main__":
    sys.exit(main())
