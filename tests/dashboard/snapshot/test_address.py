"""Questions of addresses: settings, selections and comparisons, as the page's scripts read them."""

from urllib.parse import urlencode

import pytest

from analysis.errors import AnalysisError, SelectionError
from dashboard.snapshot.address import written_address
from dashboard.snapshot.draw import Snapshots
from tests.tiny import TEXT


def link(**parts: str) -> str:
    return urlencode({name.replace("_", "-"): value for name, value in parts.items()})


def test_an_empty_address_asks_what_the_page_opens_with(snapshots: Snapshots) -> None:
    question = snapshots.question("")
    assert (question.prompt.model, question.prompt.text) == ("tiny", TEXT)
    assert question.settings["architecture-color"] == "attribution"
    assert question.settings["attention-view"] == "raw"
    assert (question.side, question.other, question.compared) == ("a", None, None)


def test_a_link_with_a_selection_implies_the_settings_of_its_time(snapshots: Snapshots) -> None:
    assert snapshots.question(link(select="output@2")).settings["architecture-color"] == "norm"
    given = link(select="output@2", architecture_color="entropy", attention_view="rollout", saliency_method="nonsense")
    settings = snapshots.question(f"#{given}").settings
    assert (settings["architecture-color"], settings["attention-view"]) == ("entropy", "rollout")
    assert settings["saliency-method"] == "integrated"  # not what is not on the menu


@pytest.mark.parametrize(
    ("select", "whole"),
    [
        ("block.2.mlp.neuron.9@5~7", "block.2.mlp.neuron.9@5~7"),
        ("output", "output@{last}"),
        ("@4", "block.1.attention.head.0@4"),
        ("~7", "block.1.attention.head.0@{last}~7"),
        ("block.2@3", "block.2.attention.head.0@3"),
    ],
)
def test_a_selection_is_merged_into_the_middle_of_the_model(snapshots: Snapshots, select: str, whole: str) -> None:
    last = snapshots.snapshot(snapshots.question(link(select="output")))["token_ids"]
    assert str(snapshots.question(link(select=select)).selection) == whole.format(last=len(last) - 1)


def test_an_older_name_of_a_setting_is_read(snapshots: Snapshots) -> None:
    question = snapshots.question(link(select="output@2", effect_text="a fox"))
    assert question.compared
    assert question.compared[1].text == "a fox"
    assert (question.side, question.prompt.text) == ("a", TEXT)


def test_each_side_of_a_comparison(snapshots: Snapshots) -> None:
    b = {"select": "output@2", "compare_text": "a fox met a crow"}
    shown = snapshots.question(link(**b, compare_side="b"))
    assert (shown.prompt.text, shown.other) == ("a fox met a crow", None)
    difference = snapshots.question(link(**b, compare_side="difference"))
    assert (difference.prompt.text, difference.other and difference.other.text) == (TEXT, "a fox met a crow")
    assert snapshots.question(link(select="output@2", compare_side="b")).side == "a"  # there is no B


@pytest.mark.parametrize(
    "address",
    [
        "",
        link(select="block.2.mlp.neuron.9@5~7", attention_view="rollout", tabs="overview_and_saliency"),
        link(select="output@2", compare_text="a fox met a crow", compare_side="difference"),
        link(text="a fox", start="1", select="norm@1", architecture_color="kind", effect_removed="block.0.mlp=mean"),
    ],
)
def test_a_written_address_asks_the_same(snapshots: Snapshots, address: str) -> None:
    question = snapshots.question(address)
    again = snapshots.question(written_address(question, snapshots.controls))
    assert again == question


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        (link(select="block.9.mlp"), SelectionError, "There is no block 9"),
        (link(select="output@99"), SelectionError, "There is no position 99"),
        (link(select="nonsense"), SelectionError, "‘nonsense’ names no part"),
        (link(text=""), AnalysisError, "The link cannot be opened"),
        (link(model="absent"), AnalysisError, "absent"),
        (link(select="output@2", compare_text="x " * 900), AnalysisError, "B cannot be shown"),
        ("&".join(f"a{n}=1" for n in range(65)), AnalysisError, "too many parts"),
    ],
)
def test_what_the_page_would_not_show_is_refused(
    snapshots: Snapshots, address: str, error: type[AnalysisError], words: str
) -> None:
    with pytest.raises(error, match=words):
        snapshots.question(address)
