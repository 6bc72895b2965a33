"""Memory of the server: all processes of the Procfile's `web` line, at rest, in use, and while a job runs.

It is the proportional set size, which counts shared memory once. Run it alone (`python -m tests.bench.memory`): another
process that uses the same libraries, such as a test, would be charged for a part of them.
"""

import threading
import time
from tempfile import TemporaryDirectory

import psutil

from tests.page import Page, of_address
from tests.serving import answers, gunicorn_of, has_settled, procfile, wait_until

TEXT = (
    "When the king and the queen went to garden {}, the king gave a rose to the queen, and a crow who had a cheese "
    "flew over the wall to the old tower by the sea. "
)
Budget = dict[str, float]


def budget(web: psutil.Process) -> Budget:
    """MiB by process: of gunicorn's master, what serves, what forks jobs, and the jobs."""
    (server,) = web.children()
    found = {"gunicorn's master": web, "the web process": server}
    for forker in server.children():
        found["the process that jobs are forked from"] = forker
        found |= {f"job {number}": job for number, job in enumerate(forker.children())}
    return {name: process.memory_full_info().pss / 2**20 for name, process in found.items()}


class Peak:
    """The largest budget that was seen."""

    def __init__(self, web: psutil.Process) -> None:
        self._web, self._ended = web, threading.Event()
        self.budget: Budget = {}

    def __enter__(self) -> "Peak":
        threading.Thread(target=self._watch).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            try:
                now = budget(self._web)
            except psutil.NoSuchProcess:  # a job that has just ended
                continue
            if sum(now.values()) > sum(self.budget.values()):
                self.budget = now


def use(page: Page, text: str) -> None:
    """Have a text analysed, and every panel drawn for all kinds of parts, with all choices."""
    page.set("prompt", "data", {"model": "bundled", "text": text, "start": False})
    for block in range(6):
        for part in (f"attention.head.{block}@{block + 5}", f"mlp.neuron.{block * 37}@{block + 9}"):
            page.set("selection", "data", f"block.{block}.{part}")
    for part in ("embedding", "norm", "output"):
        page.set("selection", "data", part)
    for view in ("rollout", "without_first", "raw"):
        page.set("attention-view", "value", view)
    for dimensions in ("3", "2"):
        page.set("embedding-dimensions", "value", dimensions)
    for color in ("entropy", "norm"):
        page.set("architecture-color", "value", color)


def measure() -> dict[str, Budget]:
    """The largest budget of each part of the scenario."""
    with (
        TemporaryDirectory() as cache,
        procfile("web", CACHE_DIR=cache, LOG_LEVEL="WARNING", REQUESTS_PER_MINUTE="100000") as (url, runner),
    ):
        wait_until(lambda: answers(url, runner), 120)
        wait_until(lambda: has_settled(url), 60)
        time.sleep(1)
        web = gunicorn_of(runner)
        at_rest = budget(web)
        page = of_address(url)
        with Peak(web) as in_use:
            for number in range(5):
                use(page, TEXT.format(number) * (1 + number % 2))
        with Peak(web) as beside:
            prompt = page.values["prompt", "data"]
            question = {"prompt": prompt, "selection": "output@30", "choices": ["integrated", "mean", ""]}
            job, ended = page.start_job("saliency", question), False
            while not ended:
                page.set("selection", "data", "block.2.attention.head.1@7")
                ended = job.outcome() is not None
    return {"at rest": at_rest, "five texts, every panel": in_use.budget, "and integrated gradients": beside.budget}


def rows(found: dict[str, Budget]) -> list[tuple[str, str]]:
    """A line for each sum and each process."""
    lines = []
    for words, seen in found.items():
        lines.append((f"memory {words}", f"{sum(seen.values()):.0f} MiB"))
        lines += [(f"  {name}", f"{mebibytes:.0f} MiB") for name, mebibytes in seen.items()]
    return lines


if __name__ == "__main__":
    for what, figure in rows(measure()):
        print(f"{what:<48}{figure:>12}")
