"""Hand-made tasks, and jobs that run them in the test's own process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Progress, Task
from analysis.trace import Prompt
from dashboard.jobs.service import Jobs
from dashboard.settings import Settings

START = {"nonce": "n", "question": None, "measure": False}


def jobs_in(folder: Path, **settings: Any) -> Jobs:
    return Jobs(Settings(cache_dir=str(folder), **settings))


def task(
    model: LanguageModel, compute: Callable[[Progress], Arrays], name: str = "x", *, version: int = 1, work: float = 1
) -> Task:
    trace = compute_trace(model, Prompt("tiny", "the fox"))
    return Task(trace, name, version, kind="test", work=work, compute=compute, result=lambda arrays: arrays)


def run(jobs: Jobs, wanted: Task, set_progress: Callable[[Any], None] = lambda _: None, **start: Any) -> dict[str, Any]:
    return jobs.run(lambda _question: wanted, START | start, set_progress)
