from itertools import pairwise

import pytest

from analysis import errors
from analysis.errors import AnalysisError


def children():
    return [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, AnalysisError)]


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = [line.split()[1] for line in errors.__doc__.splitlines() if line.startswith(("├", "└"))]
    assert drawn == [error.__name__ for error in children() if error is not AnalysisError]


@pytest.mark.parametrize("error", children())
def test_the_message_is_what_was_said(error):
    assert str(error("Say it.")) == "Say it."
    assert all(issubclass(a, b) for a, b in pairwise(error.__mro__))
