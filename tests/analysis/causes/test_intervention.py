import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.causes.intervention import (
    MOST_INTERVENTIONS,
    Intervention,
    misfit,
    read_interventions,
    removal_of,
    write_interventions,
)
from analysis.errors import SelectionError
from analysis.model_info import ModelInfo
from analysis.selection import Selection

INFO = ModelInfo("GPT-2", 3, 4, 32, 8, 130, 300, 64, 1, "0")  # 44 tiles of 3 neurons
numbers = st.integers(0, 999_999_999)
replacements = st.sampled_from(["zero", "mean", "reference", "other"])
interventions = st.one_of(
    st.builds(Intervention, numbers, st.sampled_from(["attention", "mlp"]), st.none(), st.none() | numbers,
              replacements),
    st.builds(Intervention, numbers, st.sampled_from(["head", "tile", "neuron"]), numbers, st.none() | numbers,
              replacements),
    st.builds(Intervention, numbers, st.just("stream"), st.none(), numbers, replacements),
)  # fmt: skip


@pytest.mark.long
@given(st.lists(interventions, max_size=MOST_INTERVENTIONS, unique=True))
def test_the_text_is_read_as_it_was_written(some: list[Intervention]):
    assert list(read_interventions(write_interventions(some))) == some


@pytest.mark.parametrize(
    "text",
    [
        "block.0.mlp",
        "block.0.mlp=",
        "block.0.mlp=none",
        "block.0.mlp=zero\n",
        "block.00.mlp=zero",
        "block.0.stream=zero",
        "block.0.attention.neuron.1=zero",
        "block.0.mlp.head.1=zero",
        "block.0.mlp@-1=zero",
        "block.٣.mlp=zero",
        "block.1234567890.mlp=zero",
        "norm=zero",
        "embedding@1=zero",
        ",",
        "block.0.mlp=zero,",
        "block.0.mlp=zero,block.0.mlp=zero",
        ",".join(f"block.{n}.mlp=zero" for n in range(MOST_INTERVENTIONS + 1)),
        ["block.0.mlp=zero"],
        {"block": 0},
        7,
        True,
        "a" * 100_000,
    ],
)
def test_anything_else_is_refused(text: object):
    with pytest.raises(SelectionError) as error:
        read_interventions(text)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_text_is_no_intervention(nothing: object):
    assert read_interventions(nothing) == ()


@pytest.mark.parametrize(
    ("unit", "index", "position"),
    [("head", None, None), ("attention", 3, None), ("stream", None, None), ("mlp", None, -1), ("stream", 2, 3)],
)
def test_what_has_no_text_cannot_be_made(unit: str, index: int | None, position: int | None):
    with pytest.raises(SelectionError):
        Intervention(0, unit, index, position)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selection", "what", "everywhere", "expected"),
    [
        ("block.2.attention.head.3@5", "part", True, "block.2.attention.head.3=mean"),
        ("block.2.attention.head.3@5", "part", False, "block.2.attention.head.3@5=mean"),
        ("block.2.attention@5", "part", True, "block.2.attention=mean"),
        ("block.2.mlp@5~9", "part", False, "block.2.mlp@5=mean"),
        ("block.2.mlp.neuron.7@5", "part", True, "block.2.mlp.neuron.7=mean"),
        ("block.2.mlp.neuron.7@5", "tile", True, "block.2.mlp.tile.2=mean"),
        ("block.2.mlp@5", "tile", True, "block.2.mlp=mean"),
        ("block.2.mlp@5", "stream", True, "block.2.stream@5=mean"),
        ("embedding@5", "part", True, "block.0.stream@5=mean"),
        ("norm@5", "part", True, None),
        ("output@5", "stream", True, None),
    ],
)
def test_what_is_removed_for_a_selection(selection: str, what: str, everywhere: bool, expected: str | None):
    chosen = Selection.parse(selection)
    found = removal_of(chosen, 5, what=what, replacement="mean", everywhere=everywhere, info=INFO)  # type: ignore[arg-type]
    assert (found and str(found)) == expected


@given(interventions)
def test_an_intervention_selects_its_block_and_position(one: Intervention):
    text = one.selection if "@" in one.selection else f"{one.selection}@0"
    selection = Selection.parse(text)
    assert (selection.block, selection.position) == (one.block, one.position or 0)
    assert {"head": selection.head, "neuron": selection.neuron}.get(one.unit, one.index) == one.index


@pytest.mark.parametrize("word", ["replacement", "what"])
def test_choices_are_checked(word: str):
    given = {"what": "part", "replacement": "zero", word: "other thing"}
    with pytest.raises(SelectionError, match="other thing"):
        removal_of(Selection.parse("block.0.mlp"), 0, everywhere=True, info=INFO, **given)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("block.2.attention.head.3@9=zero,block.0.mlp.tile.43=zero", ""),
        ("block.3.mlp=zero", "block 3"),
        ("block.0.attention.head.4=zero", "head 4"),
        ("block.0.mlp.tile.44=zero", "tile 44"),
        ("block.0.mlp.neuron.130=zero", "neuron 130"),
        ("block.0.mlp=zero,block.0.stream@10=zero", "position 10"),
    ],
)
def test_what_does_not_fit_is_named(text: str, words: str):
    found = misfit(read_interventions(text), INFO, 10)
    assert (words in found) if words else not found
