"""The list of removals and its choices; what its buttons do is tested with the panel."""

import pytest

from analysis.causes.intervention import read_interventions
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from callbacks.removals import everywhere_of, removal_list
from tests.callbacks.test_effect import buttons


def test_where_parts_are_removed():
    assert (everywhere_of("all"), everywhere_of("one")) == (True, False)
    with pytest.raises(SelectionError):
        everywhere_of("none")


def test_each_removal_can_be_taken_back(tiny_gpt2: LanguageModel):
    removed = read_interventions("block.1.mlp=zero,block.0.mlp=mean")
    rows = removal_list(removed, removed[0], tiny_gpt2.info)
    assert list(buttons(rows).values()) == ["block.0.mlp=mean", "block.1.mlp=zero"]
