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
def test_parse_inverts_str(selection: Selection):
    assert Selection.parse(str(selection)) == selection


@pytest.mark.long
@given(st.text(max_size=40) | st.from_regex(r"(block\.\d{1,3}\.)?(attention|mlp|norm)(\.head\.\d+)?@?\d*~?\d*"))
def test_str_inverts_parse(text: str):
    """A selection has exactly one text, so whatever can be parsed is written back unchanged."""
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
        "@5",  # a change: the page merges it into the current selection first
        "~7",
        "@5~7",
        "block.3@5",
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
def test_a_selection_without_a_text_form_cannot_be_made(part: Part, numbers: dict[str, int]):
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
        ("block.99.mlp", "There is no block 99: this model has blocks 0–2. Select one of these."),
        ("block.3.attention", "There is no block 3: this model has blocks 0–2. Select one of these."),
        ("block.2.attention.head.4", "There is no head 4: this model has heads 0–3. Select one of these."),
        ("block.0.mlp.neuron.128", "There is no neuron 128: this model has neurons 0–127. Select one of these."),
        ("norm@5", "There is no position 5: this text has positions 0–4. Select one of these."),
        ("output~300", "There is no token id 300: this model has token ids 0–299. Select one of these."),
    ],
)
def test_an_out_of_range_number_is_named_with_the_range(tiny_gpt2: LanguageModel, text: str, message: str):
    with pytest.raises(SelectionError) as refused:
        Selection.parse(text).checked(tiny_gpt2.info, 5)
    assert str(refused.value) == message


@pytest.mark.parametrize("text", ["block.2.attention.head.3@4~299", "block.2.mlp.neuron.127", "embedding", "norm@0"])
def test_a_selection_within_range_is_returned(tiny_gpt2: LanguageModel, text: str):
    selection = Selection.parse(text)
    assert selection.checked(tiny_gpt2.info, 5) is selection
