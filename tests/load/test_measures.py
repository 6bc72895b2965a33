"""The table of results, from hand-made counts; and how the server is started."""

import subprocess
import sys
from typing import Any

import pytest

from tests.load.__main__ import memory_problems, web_line
from tests.load.measures import HEAD, ProcessorSeconds, Stage, print_table, server_seconds

# A server as gunicorn starts it: its first process, a worker, the process that jobs are forked from, and a job.
PROCESSES = """
import os, sys, time

def work(seconds):
    while time.process_time() < seconds:
        pass

work(0.2)
if os.fork() == 0:
    work(0.3)
    if os.fork() == 0:
        work(0.4)
        job = os.fork()
        if job == 0:
            work(0.5)
            os._exit(0)
        os.waitpid(job, 0)
        print("done", flush=True)
sys.stdin.read()
"""


def row(name: str, times: dict[str, int], *, failures: int = 0, method: str | None = "") -> dict[str, Any]:
    requests = sum(times.values())
    return {
        "name": name, "method": method, "num_requests": requests, "num_failures": failures, "response_times": times,
    }  # fmt: skip


STAGE = Stage(
    visitors=25,
    seconds=100,
    rows=[
        row("click", {"30": 50, "100": 44, "800": 5, "2000": 1}, failures=2),
        row("click", {"9000": 3}, method="given up"),
        row("text", {"200": 7}),
        row("busy", {"0": 11}),
    ],
    memory=[(0, 400 * 10**6), (10, 500 * 10**6), (20, 450 * 10**6)],
    server_seconds=ProcessorSeconds(web=49, jobs=11),
)


def test_the_table() -> None:
    cells = dict(zip(HEAD[:5], STAGE.table_row()[:5], strict=True))
    assert cells == {"visitors": "25", "clicks": "103", "p50 ms": "30", "p95 ms": "800", "max ms": "2,000"}
    assert STAGE.table_row()[5:] == ("7", "200", "0", "2", "11 (3)", "60%", "2.0", "500")  # 98 clicks were answered
    assert dict(zip(HEAD, STAGE.table_row(), strict=True))["clicks per\ncore-second"] == "2.0"
    assert STAGE.quantile("click", 0.94) == 100


def test_a_heading_of_two_lines_stands_on_the_rows_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("visitors", "clicks per\ncore-second"), ("25", "2.0")])
    assert capsys.readouterr().out.splitlines() == [
        "           clicks per",
        "visitors  core-second",
        "      25          2.0",
    ]


def test_the_processor_seconds_of_jobs_are_told_from_the_others() -> None:
    program = [sys.executable, "-c", PROCESSES, "dashboard.server:server"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == "done\n"
        found = server_seconds()
        server.stdin.close()  # at which all of them end
    assert found.web == pytest.approx(0.2 + 0.3, abs=0.1)
    assert found.jobs == pytest.approx(0.4 + 0.5, abs=0.1)
    assert server_seconds() == ProcessorSeconds(0, 0)


@pytest.mark.parametrize(("last", "problems"), [(104, []), (90, []), (106, ["Memory has grown."])])
def test_memory_is_compared_by_the_minute(last: int, problems: list[str]) -> None:
    memory = [(30, 50), (70, 99), (80, 100), (110, 101), (130, 700), (190, last), (200, last), (239, last), (245, 900)]
    assert memory_problems(memory, minutes=4) == problems


def test_the_server_is_the_procfiles_on_loopback() -> None:
    command, environment = web_line()
    assert command[:2] == ["gunicorn", "dashboard.server:server"]
    assert command[command.index("--bind") + 1] == "127.0.0.1:{port}"
    assert environment["MALLOC_ARENA_MAX"] == "2"
    assert not any(sign in part for part in [*command, *environment.values()] for sign in ("$", "0.0.0.0"))
