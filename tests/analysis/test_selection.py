from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection

NUMBERS = st.integers(0, 999_999_999)
MAYBE = st.none() | NUMBERS
WHOLE = st.builds(Selection, st.sampled_from([Part.EMBEDDING, Part.NORM, Part.OUTPUT]), position=MAYBE, target=MAYBE)
ATTENTION = st.builds(Selection, st.just(Part.ATTENTION), block=NUMBERS, head=MAYBE, position=MAYBE, target=MAYBE)
MLP = st.builds(Selection, st.just(Part.MLP), block=NUMBERS, neuron=MAYBE, position=MAYBE, target=MAYBE)
SELECTIONS = WHOLE | ATTENTION | MLP


@given(SELECTIONS)
def test_writing_and_reading_are_inverses(selection: Selection):
    assert Selection.parse(str(selection)) == selection


@given(st.text(max_size=40) | st.from_regex(r"(block\.\d{1,3}\.)?(attention|mlp|norm)(\.head\.\d+)?@?\d*~?\d*"))
def test_reading_and_writing_are_inverses(text: str):
    """Whatever is read at all is written back as it was: there is one text for a selection."""
    try:
        selection = Selection.parse(text)
    except SelectionError:
        return
    assert str(selection) == text


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("embedding", Selection(Part.EMBEDDING)),
        ("norm@0", Selection(Part.NORM, position=0)),
        ("output~262", Selection(Part.OUTPUT, target=262)),
        ("block.0.attention", Selection(Part.ATTENTION, block=0)),
        ("block.12.mlp", Selection(Part.MLP, block=12)),
        ("block.3.mlp.neuron.17@4", Selection(Part.MLP, block=3, neuron=17, position=4)),
        (
            "block.3.attention.head.5@4~17",
            Selection(Part.ATTENTION, block=3, head=5, position=4, target=17),
        ),
    ],
)
def test_the_text_form(text: str, selection: Selection):
    assert Selection.parse(text) == selection
    assert str(selection) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@5",  # a click may say so; the page merges it into a whole selection first
        "attention",
        "mlp.neuron.3",
        "block.3",
        "block.3.norm",
        "block.3.output",
        "block..mlp",
        "block.-1.mlp",
        "block.+1.mlp",
        "block.1.5.mlp",
        "block.01.mlp",
        "block.00.mlp",
        "block.1_0.mlp",
        "block.٣.mlp",  # an Arabic three, which int() would read
        "block.³.mlp",
        "block.3.attention.neuron.1",
        "block.3.mlp.head.1",
        "block.3.attention.head.",
        "block.3.attention.head.1.neuron.2",
        "block.9999999999.mlp",
        "norm@" + "9" * 5000,
        "norm@",
        "norm~1@2",
        "norm@1@2",
        "norm~",
        "norm@1 ",
        " norm",
        "norm\n",
        "norm@1\n",
        "NORM",
        "norm\x00",
        "<script>alert(1)</script>",
    ],
)
def test_other_forms_are_refused(text: str):
    with pytest.raises(SelectionError) as refused:
        Selection.parse(text)
    assert str(refused.value) == (
        f"'{text[:60]}' is not a selection. One looks like 'block.3.attention.head.5@4', 'block.0.mlp' or 'output'."
    )


@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        (Part.NORM, {"block": 3}),
        (Part.ATTENTION, {}),
        (Part.MLP, {"head": 1}),
        (Part.MLP, {"block": 1, "head": 1}),
        (Part.ATTENTION, {"block": 1, "neuron": 1}),
        (Part.ATTENTION, {"block": 1, "head": -1}),
        (Part.OUTPUT, {"position": -1}),
        (Part.EMBEDDING, {"neuron": 0}),
    ],
)
def test_what_has_no_text_cannot_be_made(part: Part, numbers: dict[str, int]):
    with pytest.raises(SelectionError):
        Selection(part, **numbers)


def test_a_changed_selection_is_checked_too():
    head = Selection(Part.ATTENTION, block=2, head=1)
    assert str(replace(head, position=4)) == "block.2.attention.head.1@4"
    with pytest.raises(SelectionError):
        replace(head, part=Part.MLP)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("block.99.mlp", "The selection names block 99; here they run from 0 to 2. Choose one of these."),
        ("block.3.attention", "The selection names block 3; here they run from 0 to 2. Choose one of these."),
        ("block.2.attention.head.4", "The selection names head 4; here they run from 0 to 3. Choose one of these."),
        ("block.0.mlp.neuron.128", "The selection names neuron 128; here they run from 0 to 127. Choose one of these."),
        ("norm@5", "The selection names position 5; here they run from 0 to 4. Choose one of these."),
        ("output~300", "The selection names token id 300; here they run from 0 to 299. Choose one of these."),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(tiny_gpt2: LanguageModel, text: str, message: str):
    with pytest.raises(SelectionError) as refused:
        Selection.parse(text).checked(tiny_gpt2.info, 5)
    assert str(refused.value) == message


@pytest.mark.parametrize("text", ["block.2.attention.head.3@4~299", "block.2.mlp.neuron.127", "embedding", "norm@0"])
def test_what_exists_is_given_back(tiny_gpt2: LanguageModel, text: str):
    selection = Selection.parse(text)
    assert selection.checked(tiny_gpt2.info, 5) is selection
