"""Own numbers as the colouring: scene and overview show them, of A and of B, and say why there are none."""

import base64
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.architecture import draw_architecture, draw_architecture_difference
from callbacks.overview import draw_overview, draw_overview_difference
from dashboard.app import create_app
from dashboard.services import AppServices
from dashboard.settings import Settings
from layouts.architecture import COLOR_BY
from layouts.figures.architecture import HEADS
from layouts.figures.tables.architecture import architecture_tables
from layouts.figures.tables.overview import overview_tables
from layouts.own_numbers import SENT
from tests.callbacks.comparisons import A, B
from tests.dashboard.web.test_request_checks_attack import HOSTILE
from tests.page import of_app
from tests.tiny import TEXT

SELECTION = Selection.parse("block.1.attention.head.2@5")
PANELS = ((draw_architecture, HEADS), (draw_overview, 0))
TABLES = {draw_architecture: architecture_tables, draw_overview: overview_tables}


def own_heads(n_blocks: int, n_heads: int) -> tuple[Any, dict[str, Any]]:
    values = np.random.default_rng(0).normal(size=(n_blocks, n_heads)).astype("<f4")
    text = base64.b64encode(values.tobytes()).decode()
    return values, {"kind": "head", "n_blocks": n_blocks, "n_units": n_heads, "n_given": values.size, "values": text}


def test_scene_and_overview_show_the_numbers(services: AppServices, prompt: Prompt) -> None:
    values, own = own_heads(3, 4)
    rank = 1 + int((np.abs(values) > abs(values[1, 2])).sum())
    for draw, heads_at in PANELS:
        drawn: Any = draw(services, prompt, SELECTION, color_by="own", own=own)
        assert_allclose(drawn["figure"].data[heads_at].meta["values"], values.ravel(), rtol=6e-3)
        block, head = np.unravel_index(np.abs(values).argmax(), values.shape)
        assert f"the strongest is at block {block} head {head} " in drawn["reading"]
        assert "12 of 12 heads have one" in drawn["reading"]
        heads, *_ = TABLES[draw](**drawn["results"])
        assert_array_equal(heads.columns["own number"], values.ravel())
    assert f"rank {rank} of 12 heads by size" in drawn["reading"]


def test_without_numbers_or_with_another_models_the_words_say_so(services: AppServices, prompt: Prompt) -> None:
    for own, words in ((None, "no numbers of your own"), (own_heads(2, 4)[1], "another model, of 2 × 4 heads")):
        for draw, heads_at in PANELS:
            drawn: Any = draw(services, prompt, SELECTION, color_by="own", own=own)
            assert words in drawn["reading"]
            assert drawn["figure"].data[heads_at].meta["values"] == []
    with pytest.raises(SelectionError, match="damaged"):
        draw_overview(services, prompt, SELECTION, color_by="own", own={"kind": "head"})


def test_a_minus_b_has_none(services: AppServices) -> None:
    for draw in (draw_architecture_difference, draw_overview_difference):
        drawn: Any = draw(services, services.comparison(A, B), SELECTION, color_by="own", own=own_heads(3, 4)[1])
        assert drawn["reading"].startswith("Your own numbers depend on no text")


@pytest.mark.long
def test_a_request_with_hostile_numbers_is_answered_or_refused(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    """Over HTTP, in the place of the store and of its parts; a right one among them is drawn."""
    app = create_app(Settings(cache_dir=str(tmp_path), requests_per_minute=10**9), models={"tiny": tiny_gpt2})
    page, client = of_app(app.server), app.server.test_client()
    page.values |= {
        ("prompt", "data"): {**asdict(Prompt("tiny", TEXT)), "written": []},
        ("selection", "data"): str(SELECTION),
        ("visible", "data"): ["architecture", "overview"],
        (COLOR_BY, "value"): "own",
    }
    right = own_heads(3, 4)[1]
    spoilt = [right | {name: value} for name in ("n_units", "values") for value in HOSTILE]
    seen: dict[int, int] = {}
    for data in [right, *HOSTILE, *spoilt]:
        page.values[SENT, "data"] = data
        ((_, body),) = [one for one in page.requests(f"{SENT}.data") if one[0].startswith("..panels.data-selection")]
        answer = client.post("/_dash-update-component", data=body, content_type="application/json")
        assert answer.status_code // 100 in (2, 4), (answer.status_code, data)
        assert b"Something went wrong" not in answer.data, data
        if data is right:
            assert b"your own numbers" in answer.data
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
    assert seen[200] > len(HOSTILE)
