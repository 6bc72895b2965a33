"""Interventions in request bodies: whatever a stranger writes for one, the panel is drawn or refuses it in words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analysis.models.language_model import LanguageModel
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.page import of_app

pytestmark = pytest.mark.long

UPDATE = "/_dash-update-component"
NUMBERS = st.sampled_from(["0", "1", "2", "3", "9", "00", "-1", "1e9", "٣", "999999999", "9" * 40, ""])
PARTS = ["attention", "attention.head.{}", "mlp", "mlp.tile.{}", "mlp.neuron.{}", "stream", "norm", "mlp.head.{}", "{}"]
ONE = st.builds(
    lambda block, part, index, at, by: f"block.{block}.{part.format(index)}{at}{by}",
    NUMBERS,
    st.sampled_from(PARTS),
    NUMBERS,
    st.one_of(st.just(""), NUMBERS.map("@{}".format)),
    st.sampled_from(["=zero", "=mean", "=reference", "=other", "=", "=none", "", "=zero\n"]),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
VALUES = {
    "effect-removed": st.one_of(st.lists(ONE, max_size=4).map(",".join), st.lists(ONE, min_size=17).map(",".join)),
    "effect-grid": st.sampled_from(["removals", "stream", "attention", "mlp", "heads", "", "neurons"]),
    "compare-text": st.one_of(st.sampled_from(["a fox met", "a hen met", "a met", "x" * 30_000]), st.text(max_size=12)),
    "effect-replacement": st.sampled_from(["zero", "mean", "reference", "other", ""]),
    "effect-where": st.sampled_from(["all", "one", "__class__"]),
    "effect-what": st.sampled_from(["part", "tile", "stream", "all"]),
    "effect-against": st.sampled_from(["", "7", "99999", "-1", "1" * 50]),
}
CHANGES = st.fixed_dictionaries({}, optional={name: value | ANYTHING for name, value in VALUES.items()})
SELECTIONS = st.sampled_from(["block.1.attention.head.2@2", "block.0.mlp.neuron.7@0~5", "embedding@1", "output@2"])


@pytest.mark.parametrize("n_requests", [500, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_whatever_is_removed_is_drawn_or_refused(tmp_path: Path, tiny_gpt2: LanguageModel, n_requests: int) -> None:
    app = create_app(Settings(cache_dir=str(tmp_path), requests_per_minute=10**9), models={"tiny": tiny_gpt2})
    page, client = of_app(app.server), app.server.test_client()
    page.values["prompt", "data"] = {"model": "tiny", "text": "a fox met", "start": False}
    page.values["visible", "data"] = ["effect"]
    page.set("selection", "data", "block.1.attention.head.2@2")
    page.values["effect-panel", "data-drawn"] = ""
    ((_, sent),) = page.requests("selection.data")
    body = json.loads(sent)
    given_values = {item["id"]: item for item in (*body["inputs"], *body["state"]) if item["property"] == "value"}
    (selection,) = [item for item in body["inputs"] if item["id"] == "selection"]
    usual = {name: given_values[name].get("value") for name in VALUES}
    seen: dict[int, int] = {}

    @settings(
        max_examples=n_requests,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(CHANGES, SELECTIONS)
    def attack(changes: dict[str, Any], selected: str) -> None:
        selection["value"] = selected
        for name, value in (usual | changes).items():
            given_values[name]["value"] = value
        answer = client.post(UPDATE, data=json.dumps(body), content_type="application/json")
        assert answer.status_code // 100 in (2, 4), (answer.status_code, changes)
        assert b"Something went wrong" not in answer.data, changes
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1

    attack()
    assert seen[200] > n_requests / 20
    assert seen[400] > n_requests / 20
