"""The texts of components."""

from typing import Any


def texts(component: Any) -> list[str]:
    """All texts in a component, in their order."""
    if isinstance(component, list | tuple):
        return [text for part in component for text in texts(part)]
    if isinstance(component, dict):  # as it is sent to the page
        return texts(component["props"].get("children") or [])
    return [component] if isinstance(component, str) else texts(getattr(component, "children", None) or [])
