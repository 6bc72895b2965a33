"""The cost of one click: the single request that it causes, with the trace and its projection cached.

The panels are those that a large screen shows: one of each dock. Hidden ones are not drawn.

The server's time is that of the WSGI application, as in the request log: from the headers, which the web server has
parsed, to the compressed answer. The client's own work does not count.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch

from analysis.bundled import BUNDLED_DIR
from analysis.models.forward import encode
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from callbacks.panel import PanelCallback
from dashboard.app import create_app
from dashboard.drawing import PanelDrawer
from dashboard.panels import PANELS
from dashboard.serving.lifecycle import prepare_to_fork
from dashboard.settings import Settings
from layouts.workspace import opening_panels
from tests.bench.conftest import N_POSITIONS
from tests.page import Answers, of_app
from tests.tiny import long_text

MOST_BYTES = 250_000
MOST_BYTES_OF_A_COMPARISON = 500_000
N_FEW = 30  # tokens of a usual text
N_LONG = 256  # the longest that the server reads by default


class Clicks:
    """Clicks on heads and neurons of all blocks, at changing positions, and forward passes for comparison.

    forwards: seconds of each pass. seconds: the server's for each click. answers: to each click.
    """

    def __init__(self, model: LanguageModel, text: str, cache: Path, *, other: str = "") -> None:
        """other: the text B, with which the text is then compared."""
        self.forwards: list[float] = []
        self.seconds: list[float] = []
        self.answers: list[Answers] = []
        self._spent = 0.0
        self._network, self._ids = model.network, torch.tensor([model.tokenize(text)])
        app = create_app(Settings(cache_dir=str(cache)), models={"measured": model})
        prepare_to_fork(app)  # as every server does once
        self._wsgi_app = app.server.wsgi_app
        app.server.wsgi_app = self._timed  # type: ignore[method-assign]
        self.page = page = of_app(app.server)
        self.panels = opening_panels((panel.dock, panel.name) for panel in PANELS)
        page.values["visible", "data"] = self.panels
        question = {"model": "measured", "text": text, "start": False}
        page.set("prompt", "data", question)
        if other:
            page.values["compare-side", "value"] = "difference"
            page.set("second", "data", {**question, "text": other, "of": question})
        # The 3D scene and the chips are drawn once, and PCA is fitted once.
        page.set("selection", "data", "block.0.attention.head.0@1")
        self._selections = selections(model, self._ids.shape[1])

    def forward(self) -> None:
        start = time.perf_counter()
        with torch.inference_mode():
            self._network(self._ids, output_attentions=True, output_hidden_states=True, use_cache=False)
        self.forwards.append(time.perf_counter() - start)

    def click(self) -> None:
        self._spent = 0.0
        self.answers.append(self.page.set("selection", "data", next(self._selections)))
        self.seconds.append(self._spent)

    def compared(self, warmup: int) -> tuple[float, float]:
        """Medians of the server's seconds for a click, and of a forward pass's."""
        return median(self.seconds[warmup:]), median(self.forwards[warmup:])

    def _timed(self, *given: Any) -> Any:
        start = time.perf_counter()
        answer = self._wsgi_app(*given)  # complete, since Dash streams nothing
        self._spent += time.perf_counter() - start
        return answer


def selections(model: LanguageModel, n_positions: int) -> Iterator[str]:
    """Each in another block and at another position than the one before."""
    for n in cycle(range(1000)):
        block, position = n * 5 % model.info.n_blocks, n * 7 % n_positions
        part = f"mlp.neuron.{n * 11 % model.info.n_neurons}" if n % 2 else f"attention.head.{n % model.info.n_heads}"
        yield f"block.{block}.{part}@{position}"


@pytest.fixture
def panel_seconds(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """What drawing each panel takes, by its name; filled while the server draws."""
    seconds: dict[str, list[float]] = defaultdict(list)
    draw = PanelDrawer._one

    def timed(drawer: PanelDrawer, panel: PanelCallback, *given: Any) -> dict[str, Any]:
        start = time.perf_counter()
        values = draw(drawer, panel, *given)
        seconds[panel.name].append(time.perf_counter() - start)
        return values

    monkeypatch.setattr(PanelDrawer, "_one", timed)
    return seconds


@pytest.fixture
def clicks(tmp_path: Path, model: LanguageModel, prompt: Prompt) -> Clicks:
    """Clicks on the model that is measured."""
    return Clicks(model, prompt.text, tmp_path)


@pytest.fixture
def bundled_clicks(tmp_path: Path, bundled_model: LanguageModel) -> Clicks:
    """Clicks on the bundled model, with a text of 30 tokens."""
    text = (BUNDLED_DIR / "heldout.txt").read_text(encoding="utf-8")
    few = next(text[:n] for n in range(1, len(text)) if len(encode(bundled_model, text[:n])) == N_FEW)
    return Clicks(bundled_model, few, tmp_path)


def test_one_click(benchmark: Any, clicks: Clicks, panel_seconds: dict[str, list[float]], report: Any) -> None:
    measure(benchmark, clicks, panel_seconds, rounds=16, warmup=2)
    if benchmark.disabled:
        return
    click, forward = clicks.compared(warmup=2)
    benchmark.extra_info["ratio to a plain forward"] = round(click / forward, 3)
    report("server time of one click, of a forward", f"{click / forward:.2f}")
    report("answer to one click, compressed, at most", f"{most_sent(clicks) / 1e3:.0f} kB")
    report_panels(report, panel_seconds, click, forward)


def test_one_click_on_the_bundled_model(
    benchmark: Any, bundled_clicks: Clicks, panel_seconds: dict[str, list[float]], report: Any
) -> None:
    measure(benchmark, bundled_clicks, panel_seconds, rounds=100, warmup=10)
    if benchmark.disabled:
        return
    click, forward = bundled_clicks.compared(warmup=10)
    benchmark.extra_info["ratio to a plain forward"] = round(click / forward, 3)
    report(f"bundled model, {N_FEW} tokens: server time of one click, of a forward", f"{click / forward:.2f}")
    report("  both in milliseconds", f"{1e3 * click:.1f}, {1e3 * forward:.1f}")
    report("  its answer, compressed, at most", f"{most_sent(bundled_clicks) / 1e3:.0f} kB")
    report_panels(report, panel_seconds, click, forward)


def test_one_click_on_a_comparison(
    benchmark: Any, model: LanguageModel, tmp_path: Path, panel_seconds: dict[str, list[float]], report: Any
) -> None:
    """A minus B of two long texts that differ in a few places."""
    text = long_text(model, N_LONG if benchmark.enabled else N_POSITIONS)
    clicks = Clicks(model, text, tmp_path, other=text.replace("crow", "fox", 3))
    measure(benchmark, clicks, panel_seconds, rounds=16, warmup=2, most_bytes=MOST_BYTES_OF_A_COMPARISON)
    if benchmark.disabled:
        return
    click, forward = clicks.compared(warmup=2)
    benchmark.extra_info["ratio to a plain forward"] = round(click / forward, 3)
    report(f"A − B of two texts of {N_LONG} tokens: server time of one click, of a forward", f"{click / forward:.2f}")
    report("  its answer, compressed, at most", f"{most_sent(clicks) / 1e3:.0f} kB")
    report_panels(report, panel_seconds, click, forward)


def measure(
    benchmark: Any,
    clicks: Clicks,
    panel_seconds: dict[str, list[float]],
    *,
    rounds: int,
    warmup: int,
    most_bytes: int = MOST_BYTES,
) -> None:
    """Click and compute a forward pass in turn; fails unless each click is one request that draws what is visible."""
    panel_seconds.clear()
    benchmark.pedantic(clicks.click, setup=clicks.forward, rounds=rounds, warmup_rounds=warmup)
    assert {name: len(seconds) for name, seconds in panel_seconds.items()} == dict.fromkeys(
        clicks.panels, len(clicks.answers)
    )
    assert all(len(answer.seconds) == 1 for answer in clicks.answers)
    assert most_sent(clicks) <= most_bytes


def most_sent(clicks: Clicks) -> int:
    return max(sum(answer.sent.values()) for answer in clicks.answers)


def report_panels(report: Any, panel_seconds: dict[str, list[float]], click: float, forward: float) -> None:
    """What each panel's drawing takes of the server's time, and what is left for the request itself."""
    medians = {name: median(seconds) for name, seconds in panel_seconds.items()}
    for name, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        report(f"  drawing {name}", f"{seconds / forward:.3f}")
    report("  request, checks, JSON, compression", f"{(click - sum(medians.values())) / forward:.3f}")
