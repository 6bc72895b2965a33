"""Readings of attention, from hand-made results."""

from typing import Any

import numpy as np
import pytest

from layouts.figures.attention import attention_reading
from tests.layouts.figures.test_attention import result


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "‘·a’ attends most to itself (60%); 10% of its attention goes to the first token; "
            "this head is most focused at ‘·a’ (position 2).",
        ),
        (
            {"sharpest": None},
            "‘·a’ attends most to itself (60%); 10% of its attention goes to the first token.",
        ),
        (
            {"position": 1, "strongest": 0, "first_share": 0.75, "sharpest": None},
            "‘·<b>’ attends most to the first token, ‘Once’ (75%).",
        ),
        (
            {"head": None, "position": 2, "strongest": 1, "first_share": 0.5},
            "‘·a’ attends most to ‘·<b>’ at position 1 (30%); 50% of its attention goes to the first token; "
            "the heads’ mean is most focused at ‘·a’ (position 2).",
        ),
        (
            {"view": "rollout"},
            "Through blocks 0 to 2, rollout traces ‘·a’ mostly back to itself (60%); "
            "it counts each block as half attention and half residual stream.",
        ),
        (
            {"view": "rollout", "block": 0, "position": 1, "strongest": 0},
            "Through block 0, rollout traces ‘·<b>’ mostly back to the first token, ‘Once’ (75%); "
            "it counts each block as half attention and half residual stream.",
        ),
        (
            {"view": "without_first"},
            "Without the first token, ‘·a’ attends most to itself (60%); 10% of its attention goes to the first token.",
        ),
        (
            {"view": "without_first", "grid": np.full((4, 4), np.nan, np.float32), "first_share": 1.0, "position": 0},
            "‘Once’ attends only to the first token here (100%), so nothing remains without it.",
        ),
    ],
)
def test_the_reading(changes: dict[str, Any], sentence: str):
    assert attention_reading(result(**changes)) == sentence
