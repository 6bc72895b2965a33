"""HTML elements as they are sent to the page, for what a click draws anew."""

from typing import Any


def element(kind: str, children: Any = None, **props: Any) -> dict[str, Any]:
    """What Dash sends for a component of `dash.html`, without the component, which takes several times as long to make
    and to write. children: texts and other elements.
    """
    return {"props": {"children": children, **props}, "type": kind, "namespace": "dash_html_components"}
