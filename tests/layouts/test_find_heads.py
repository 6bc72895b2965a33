"""The list of heads, from hand-made scores."""

import numpy as np

from layouts.find_heads import PROBE, SORT, SOURCE, TEXT, WEIGHTS, find_heads, head_list
from tests.layouts.texts import texts

SCORES = {
    PROBE: np.float32([[0.25, 0.5], [np.nan, 0.25]]),
    TEXT: np.float32([[0.1, 0.2], [0.75, np.nan]]),
}


def test_heads_are_links_ordered_by_the_score() -> None:
    table = head_list("induction", SCORES, order=PROBE)
    links = [item for item in table._traverse() if getattr(item, "data-select", None)]
    assert [getattr(link, "data-select") for link in links] == [
        "block.0.attention.head.1",
        "block.0.attention.head.0",
        "block.1.attention.head.1",
        "block.1.attention.head.0",
    ]
    rows = [texts(row) for row in table.children[2].children]
    assert rows[0] == ["Block 0, head 1", "50%", "20%"]
    assert rows[2] == ["Block 1, head 1", "25%", "–"]
    assert texts(table.children[1]) == ["head", "repeated random tokens", "this text"]
    ordering = [item for item in table._traverse() if "ordering" in getattr(item, "className", "")]
    assert [texts(item) for item in ordering] == [["50%"], ["25%"], ["25%"], ["–"]]


def test_the_text_can_order_them() -> None:
    table = head_list("induction", SCORES, order=TEXT)
    assert [texts(row)[0] for row in table.children[2].children][:2] == ["Block 1, head 0", "Block 0, head 1"]


def test_copying_is_from_the_weights() -> None:
    table = head_list("copying", {WEIGHTS: SCORES[PROBE]}, order=WEIGHTS)
    assert texts(table.children[1]) == ["head", "from the weights"]
    assert texts(table.children[2].children[0]) == ["Block 0, head 1", "+0.50"]


def test_the_menus_are_labelled() -> None:
    labels = {item.htmlFor: texts(item) for item in find_heads()._traverse() if getattr(item, "htmlFor", None)}
    assert set(labels) == {SORT, SOURCE}
    assert all(labels.values())
