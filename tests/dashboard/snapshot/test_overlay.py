"""Overlays of plain data: applied to the base, as the viewer's script does it, they give the other tree."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.snapshot.overlay import overlay

LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.sampled_from(["a", "b", ""])
TREES = st.recursive(
    LEAVES, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inside), max_leaves=8
)


def applied(base: Any, change: dict[str, Any]) -> Any:
    if "set" in change:
        return change["set"]
    copy = base.copy() if change else base
    for key, part in change.get("at", {}).items():
        at: Any = int(key) if isinstance(base, list) else key
        if part.get("drop"):
            del copy[at]
        else:
            copy[at] = applied(copy[at] if isinstance(base, list) else copy.get(at), part)
    return copy


@given(TREES, TREES)
def test_an_overlay_makes_the_other_tree(base: Any, changed: Any) -> None:
    assert (
        repr(applied(base, overlay(base, changed))) == repr(changed) or applied(base, overlay(base, changed)) == changed
    )
    assert overlay(base, base) == {}


def test_only_what_differs_is_in_it() -> None:
    base, changed = {"a": [1, {"b": 2, "c": 3}], "d": "same"}, {"a": [1, {"b": 5}], "d": "same"}
    assert overlay(base, changed) == {"at": {"a": {"at": {"1": {"at": {"b": {"set": 5}, "c": {"drop": True}}}}}}}
    assert overlay([1], [1, 2]) == {"set": [1, 2]}
    assert overlay(1, True) == {"set": True}
