"""Differences between two trees of plain data: how the dark theme's pictures differ from the light ones."""

from __future__ import annotations

from typing import Any

SAME: dict[str, Any] = {}


def overlay(base: Any, changed: Any) -> dict[str, Any]:
    """What makes one tree of the other: `{"set": value}`, or `{"at": {key or index: overlay}}`; `{}` if they are equal.

    A dictionary without a key of the base has `{"drop": true}` at it. `viewer.js` applies it.
    """
    if type(base) is type(changed) is dict:
        at = {key: {"drop": True} for key in base if key not in changed}
        at |= {key: overlay(base[key], value) if key in base else {"set": value} for key, value in changed.items()}
    elif type(base) is type(changed) is list and len(base) == len(changed):
        at = {str(index): overlay(*pair) for index, pair in enumerate(zip(base, changed, strict=True))}
    else:
        return SAME if base == changed and type(base) is type(changed) else {"set": changed}
    at = {key: part for key, part in at.items() if part}
    return {"at": at} if at else SAME
