"""The tables of each panel, from the hand-made results that its figures are tested with."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from analysis.architecture import ColorBy
from analysis.generation.continuation import ContinuationResult
from analysis.numerics.own_numbers import OwnNumbers
from analysis.overview import OverviewResult
from dashboard.panels import PANELS
from layouts.figures.tables.activation import activation_tables
from layouts.figures.tables.architecture import architecture_tables
from layouts.figures.tables.attention import attention_tables
from layouts.figures.tables.attribution import attribution_tables
from layouts.figures.tables.continuation import continuation_tables
from layouts.figures.tables.effect import effect_tables
from layouts.figures.tables.embedding import embedding_tables
from layouts.figures.tables.logit_lens import logit_lens_tables
from layouts.figures.tables.overview import overview_tables
from layouts.figures.tables.saliency import saliency_tables
from layouts.figures.tables.strip import strip_tables
from layouts.figures.tables.summary import summary_tables
from tests.layouts.figures import (
    test_activation,
    test_architecture,
    test_attention,
    test_attribution,
    test_continuation,
    test_effect,
    test_embedding,
    test_logit_lens,
    test_overview,
    test_saliency,
    test_strip,
    test_summary,
)

SCENE = test_architecture.RESULT
OWN = replace(SCENE, color_by="own", tiles=None, own=OwnNumbers("head", 4, 4, np.ones((2, 2)), None, None))
WRITTEN = ContinuationResult(
    test_effect.TOKENS, (test_effect.A, test_effect.B), np.array([0.5, 0.25]), np.array([0.625, 0]), np.array([1, 2]),
    test_continuation.RESULT.sampling, "planned",
)  # fmt: skip
# Of each panel: tables with their number of rows, and one row by the names of its columns.
CASES: dict[str, tuple[Any, dict[str, tuple[int, int, dict[str, str]]]]] = {
    "activation": (
        activation_tables(test_activation.RESULT),
        {
            "residual stream": (
                12, 4,
                {"position": "1", "token id": "1", "token": '"·fox"', "blocks passed": "1", "L2 norm": "10.0"},
            ),
            "neuron": (
                4, 2,
                {"block": "1", "neuron": "7", "position": "2", "token id": "2", "token": '"<b>"', "value": "0.0"},
            ),
            "neurons": (3, 0, {"block": "1", "neuron": "812", "position": "1", "value": "2.31"}),
        },
    ),
    "architecture": (
        architecture_tables(SCENE),
        {
            "heads": (4, 3, {"block": "1", "head": "1", "L2 norm of what it writes": "0.25"}),
            "MLP tiles": (
                12, 11,
                {
                    "block": "1", "first neuron": "5", "last neuron": "5", "strongest neuron": "5",
                    "L2 norm of what it writes": "2.0",
                },
            ),
            "residual stream": (3, 2, {"blocks passed": "2", "L2 norm": "3.0"}),
        },
    ),
    "attention": (
        attention_tables(test_attention.result()),
        {
            "attention": (
                10, 4,
                {
                    "block": "2", "head": "1", "query position": "2", "query token id": "9", "query token": '"·a"',
                    "key position": "1", "key token id": "8", "key token": '"·<b>"', "attention": "0.3",
                },
            ),
            "heads": (
                30, 29,
                {
                    "block": "2", "head": "2", "query position": "3", "query token id": "10", "query token": '"·a"',
                    "key position": "3", "key token id": "10", "key token": '"·a"', "attention": "0.6",
                },
            ),
        },
    ),
    "attribution": (
        attribution_tables(test_attribution.RESULT),
        {
            "parts": (15, 8, {"part": "head", "block": "1", "head": "2", "share in logits": "4.0"}),
            "MLP tiles": (
                8, 4, {"block": "1", "first neuron": "0", "last neuron": "0", "share in logits": "-3.0"},
            ),
        },
    ),
    "continuation": (
        continuation_tables(WRITTEN, alternatives=test_continuation.RESULT),
        {
            "alternatives": (
                3, 1,
                {"token id": "9", "token": '"<b>"', "probability": "0.25", "after truncation": "0.4", "rank": "2"},
            ),
            "written": (
                2, 0,
                {"token id": "4", "token": '"·Mary"', "probability": "0.5", "after truncation": "0.625", "rank": "1"},
            ),
        },
    ),
    "effect": (
        effect_tables(test_effect.RESULT, sweep=test_effect.SWEEP),
        {
            "predictions": (3, 2, {"token id": "6", "token": '"·John"', "before": "0.0625", "after": "0.5"}),
            "removals": (
                6, 3, {"block": "1", "part": "head 0", "effect in logits": "-2.0", "estimate": "-1.0"},
            ),
        },
    ),
    "embedding": (
        embedding_tables(test_embedding.SQUARE),
        {
            "points": (4, 1, {"position": "1", "token id": "1", "token": '"<b>"', "x": "4.0", "y": "0.0"}),
            "paths": (
                12, 9,
                {
                    "blocks passed": "2", "position": "1", "token id": "1", "token": '"<b>"', "x": "5.0", "y": "1.0",
                },
            ),
            "axes": (2, 1, {"axis": "y", "share of variance": "0.22"}),
        },
    ),
    "logit_lens": (
        logit_lens_tables(test_logit_lens.RESULT),
        {
            "logit lens": (
                12, 3,
                {
                    "blocks passed": "1", "position": "0", "token id": "7", "token": '"The"',
                    "most probable token id": "3", "most probable token": '"·extraordinarily"', "probability": "0.4",
                    "rank of the next token": "1234", "rank of the output’s token": "1",
                    "probability of the output’s token": "0.1",
                },
            ),
            "followed tokens": (
                8, 5,
                {"blocks passed": "2", "token id": "1", "token": '"·dog"', "probability": "0.8", "rank": "1"},
            ),
        },
    ),
    "overview": (
        overview_tables(OverviewResult(OWN, 1.0, 1)),
        {
            "heads": (4, 2, {"block": "1", "head": "0", "own number": "4.0"}),
            "residual stream": (3, 0, {"blocks passed": "0", "L2 norm": "1.0"}),
        },
    ),
    "saliency": (
        saliency_tables(replace(test_saliency.DEEP, path=test_saliency.RESULT.path)),
        {
            "attributions": (
                5, 1, {"position": "1", "token id": "8", "token": '"·<b>"', "attribution": "-0.25"},
            ),
            "through depth": (
                10, 7,
                {"block": "1", "position": "2", "token id": "9", "token": '"·wolf"', "attribution": "4.0"},
            ),
            "path": (3, 1, {"share of the path": "0.25", "logit": "4.0"}),
        },
    ),
    "strip": (
        strip_tables(test_strip.RESULT, attention=np.float32([0.25, 0.75])),
        {
            "tokens": (
                4, 1,
                {
                    "position": "1", "token id": "11", "token": '"·fox"', "surprisal in bits": "3.0",
                    "probability": "0.125", "rank": "2", "attention": "0.75",
                },
            )
        },
    ),
    "summary": (
        summary_tables(test_summary.LENS),
        {
            "predictions": (
                3, 1, {"token id": "9", "token": '"<b>"', "probability": "0.031", "logit": "1.25"},
            )
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("panel", [panel.name for panel in PANELS])
def test_columns_and_rows(panel: str) -> None:
    tables, expected = CASES[panel]
    assert [table.name for table in tables] == list(expected)
    for table in tables:
        n_rows, n, row = expected[table.name]
        assert table.n_rows == n_rows
        assert dict(zip(table.columns, table.rows()[n], strict=True)) == row


@pytest.mark.parametrize("color_by", get_args(ColorBy))
def test_every_colouring_has_a_name_in_the_tables(color_by: ColorBy) -> None:
    parts = test_overview.KIND.parts if color_by == "kind" else replace(SCENE, color_by=color_by)
    heads = [table for table in architecture_tables(parts) if table.name == "heads"]
    assert len(heads) == (color_by != "kind")
    for table in heads:
        *_, quantity = table.columns
        assert table.caption.casefold().startswith(quantity.casefold())
