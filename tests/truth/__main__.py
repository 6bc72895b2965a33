"""Run the truth suite, print its tables, and end with status 1 if a difference is too large."""

import os
import sys
from functools import partial
from typing import Any

from analysis.models.load import load_model
from tests.truth import effects, numbers, page, saliency
from tests.truth.check import Check
from tests.truth.checkpoint import NotAvailable, checkpoint
from tests.truth.reference import Reference
from tests.truth.steps import Step, measured

LOADING = "loading the file"
TRACES = "traces of 16 and 9 tokens"
LENS = "logit lens of 16 tokens"
INTEGRATED = "integrated gradients of 16 and 9 tokens"
SWEEP = "removing each of 270 heads and 30 MLPs, 16 tokens"
STEP_NAMES = [LOADING, TRACES, LENS, INTEGRATED, SWEEP, *page.STEP_NAMES]
HEAD = ("checked", "compared with", "may differ by", "differs by")
STEPS_HEAD = ("step", "time", "memory")
ALL_CHECKS: list[Check[Any]] = [
    *numbers.CHECKS,
    *saliency.CHECKS,
    *effects.CHECKS,
    *page.CHECKS,
]


def main() -> int:
    """Run everything; without the model, fail in continuous integration only."""
    try:
        path = checkpoint()
    except NotAvailable as reason:
        print(f"The truth suite needs a model that is not here. {reason}", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    steps: list[Step] = []
    with measured(steps, LOADING):
        model = load_model(path)
    ours = numbers.Numbers(model, partial(Reference, path))
    with measured(steps, TRACES):
        assert ours.traces
    with measured(steps, LENS):
        assert ours.cells
    found = saliency.Attributions(ours)
    with measured(steps, INTEGRATED):
        assert found.integrated
    removed = effects.Effects(ours)
    with measured(steps, SWEEP):
        assert removed.sweep
    seen = page.visit(path, model)
    cases = [(numbers.CHECKS, ours), (saliency.CHECKS, found), (effects.CHECKS, removed), (page.CHECKS, seen)]
    results = [(check, check.difference(case)) for checks, case in cases for check in checks]
    print(table(HEAD, [row(check, difference) for check, difference in results]))
    print()
    print(table(STEPS_HEAD, [step_row(step) for step in [*steps, *seen.steps]]))
    wrong = [check.what for check, difference in results if not difference <= check.most]
    for what in wrong:
        print(f"WRONG: {what}", file=sys.stderr)
    return bool(wrong)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Rows in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fixed(check: Check[Any]) -> tuple[str, ...]:
    """What does not depend on the measurement."""
    return check.what, check.right, f"{check.most:.0%}" if check.most >= 0.01 else f"{check.most:g}"


def row(check: Check[Any], difference: float) -> tuple[str, ...]:
    """A check and its outcome."""
    return *fixed(check), f"{difference:.1g}"


def step_row(step: Step) -> tuple[str, ...]:
    """A step, its time and its memory."""
    memory = "" if step.memory is None else f"{step.memory / 2**20:,.0f} MiB"
    seconds = f"{step.seconds:.0f}" if step.seconds >= 10 else f"{step.seconds:.2g}"
    return step.what, f"{seconds} s", memory


if __name__ == "__main__":
    sys.exit(main())
