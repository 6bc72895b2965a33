"""Damaged session files, and what the server and the page say of them."""

import json
from typing import Any

VIEW = {"name": "A head", "note": "It copies.", "address": "text=a", "fingerprint": "f"}


def session_text(*views: Any, **changed: Any) -> str:
    """A session file with these views."""
    return json.dumps({"format": "LLM Architecture Explorer session", "version": 1, "views": views, **changed})


def _version(written: str) -> str:
    return (
        f"The session has version {written}; this page reads version 1. Open it with the version of the program that "
        "saved it."
    )


NOT_OURS = "The file is not a session of this page."
NO_LIST = "The session is damaged: it has no list of views."
DAMAGED = {
    "empty": ("", "The file is damaged or not a session: it is not JSON."),
    "cut": (session_text(VIEW)[:-5], "The file is damaged or not a session: it is not JSON."),
    "null": ("null", NOT_OURS),
    "list": ("[]", NOT_OURS),
    "another format": (session_text(VIEW, format="something else"), NOT_OURS),
    "another version": (session_text(VIEW, version=2), _version("2")),
    "no version": (session_text(VIEW, version=None), _version("null")),
    "a version that is true": (session_text(VIEW, version=True), _version("true")),
    "a version in words": (session_text(VIEW, version="1"), _version('"1"')),
    "no list of views": (session_text(VIEW, views={"0": VIEW}), NO_LIST),
    "many views": (session_text(*[VIEW] * 201), "The session has 201 views; at most 200 can be opened."),
    "a view that is a list": (
        session_text(VIEW, []),
        "The session is damaged: view 2 has no name, or not as text.",
    ),
    "a view without an address": (
        session_text({"name": "A head"}),
        "The session is damaged: view 1 has no address, or not as text.",
    ),
    "a note that is a number": (
        session_text({**VIEW, "note": 3}),
        "The session is damaged: view 1 has no note, or not as text.",
    ),
    "half a character": (
        session_text({**VIEW, "name": "\ud83c"}),
        "The session is damaged: view 1 has no name, or not as text.",
    ),
    "a long name": (
        session_text({**VIEW, "name": "🌲" * 101}),
        "The name of view 1 has more than 200 characters.",
    ),
    "a long note": (
        session_text({**VIEW, "note": "n" * 2001}),
        "The note of view 1 has more than 2,000 characters.",
    ),
}
