"""The saliency panel's controls and the pieces of HTML that its callback fills in."""

from typing import Any, get_args

from dash import html

from analysis.saliency import SaliencyMethod
from analysis.saliency_methods.baselines import Baseline
from analysis.tokens import Piece, Token
from layouts import saliency
from layouts.job import JobIds, picture_of
from layouts.saliency import (
    AGAINST,
    baseline_options,
    baseline_reason,
    layout,
    numbers,
    shaded_text,
    warning,
)
from layouts.target import target_actions
from tests.layouts.texts import texts


def props(component: Any) -> dict[str, Any]:
    return component.to_plotly_json()["props"]


def buttons(component: Any) -> list[dict[str, Any]]:
    return [props(item) for item in component._traverse() if isinstance(item, html.Button)]


def test_every_id_is_on_the_panel_once() -> None:
    named = [item.id for item in layout()._traverse() if getattr(item, "id", None)]
    assert len(named) == len(set(named))
    own = {value for name, value in vars(saliency).items() if name.isupper() and isinstance(value, str)}
    assert own - {"saliency"} <= set(named)
    assert {"saliency-graph", picture_of("saliency"), JobIds("saliency").offer} <= set(named)


def test_the_jobs_result_holds_all_that_it_computes() -> None:
    inside = {item.id for item in layout()[picture_of("saliency")]._traverse() if getattr(item, "id", None)}
    assert inside == {
        "saliency-graph", "saliency-depth", "saliency-depth-graph", "saliency-text", "saliency-numbers",
        "saliency-warning", "saliency-path", "saliency-path-graph", "saliency-reason",
    }  # fmt: skip


def test_the_choices_are_those_of_the_analysis() -> None:
    section = layout()
    for id, choices, first in (
        (saliency.METHOD, SaliencyMethod, "integrated"),
        (saliency.BASELINE, Baseline, "mean"),
    ):
        assert [option["value"] for option in section[id].options] == list(get_args(choices))
        assert section[id].value == first


def test_zero_is_not_offered_as_equal_where_it_is_singular() -> None:
    plain, singular = (baseline_options(singular=singular) for singular in (False, True))
    assert [option["value"] for option in singular] == [option["value"] for option in plain] == list(get_args(Baseline))
    assert singular[:2] == plain[:2]
    assert "not for this model" in singular[2]["label"]
    assert "Not a fair baseline" in baseline_reason("zero", singular=True)
    assert "Not a fair baseline" not in baseline_reason("zero", singular=False)
    assert "finite" in baseline_reason("mean", singular=True)


def test_a_warning_can_offer_methods_that_need_no_path() -> None:
    words, *others = warning("No answer.", offer_others=True)
    assert words.children == "No answer."
    assert [(props(one)["data-set"], props(one)["data-value"]) for one in others] == [
        ("saliency-method", "occlusion"),
        ("saliency-method", "input_gradient"),
    ]
    assert len(warning("", offer_others=False)) == 1


def test_nothing_is_subtracted_at_first() -> None:
    against = layout()[saliency.AGAINST]
    assert (against.type, against.value) == ("hidden", "")


def test_two_buttons_reset_the_explained_logit() -> None:
    back, none = [
        button
        for button in buttons(layout())
        if button["className"] == "quiet-button" and not {"id", "data-export"} & button.keys()
    ]
    assert back["data-select"] == "~"
    assert (none["data-set"], none["data-value"]) == ("saliency-against", "")


def test_the_name_of_every_button_contains_its_visible_label() -> None:
    labelled = [button for button in buttons(layout()) if button["children"] and "aria-label" in button]
    labelled += [props(button) for button in target_actions(Piece(3, "·he"), AGAINST)]
    assert [button["children"] for button in labelled] == [
        "explain most probable",
        "subtract none",
        "explain",
        "subtract",
    ]
    for button in labelled:
        assert button["children"] in button["aria-label"].lower()


def test_the_text_is_shaded_and_clickable() -> None:
    tokens = [Token(9, "The", 0, 0), Token(8, "·<b>", 1, 1)]
    first, second = map(props, shaded_text(tokens, [("#112233", "#FFFFFF"), ("transparent", "#57606A")], 1))
    assert (first["children"], second["children"]) == ("The", "·<b>")
    assert first["style"] == {"background": "#112233", "color": "#FFFFFF"}
    assert second["style"] == {"background": "transparent", "color": "#57606A"}
    assert (first["data-select"], second["data-select"]) == ("@0", "@1")
    assert (first["aria-pressed"], second["aria-pressed"]) == ("false", "true")
    assert (second["title"], second["dir"], second["tabIndex"]) == ("position 1", "auto", -1)


def test_numbers_are_a_list_of_names_and_values() -> None:
    first, second = numbers([("F(x)", "3.2 logits"), ("steps", "32")])
    assert [(type(child), texts(child)) for child in first.children] == [(html.Dt, ["F(x)"]), (html.Dd, ["3.2 logits"])]
    assert getattr(first.children[0].children[0], "aria-describedby") == "term-F(x)"
    assert texts(second) == ["steps", "32"]
    assert isinstance(layout()[saliency.NUMBERS], html.Dl)
