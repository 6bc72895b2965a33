"""Token ids of the explained logits, as the page sends them."""

from typing import Any

import pytest

from analysis.errors import SelectionError
from analysis.saliency import read_token_id


@pytest.mark.parametrize(("text", "token_id"), [("", None), ("0", 0), ("299", 299), ("007", 7), (None, None)])
def test_a_token_id_is_read_from_the_page(text: Any, token_id: int | None) -> None:
    assert read_token_id(text) == token_id


@pytest.mark.parametrize("text", ["-1", "1.0", "²", "٣", "a", " 1", "9" * 10, ["1"], {"1": 1}, 1])
def test_what_is_not_a_token_id_is_refused(text: Any) -> None:
    with pytest.raises(SelectionError, match="must be a number"):
        read_token_id(text)
