"""Memory of the server, as `tests.bench.memory` measures it; `make bench` runs that script on its own as well."""

from typing import Any

import pytest

from tests.bench.memory import measure, rows

pytestmark = pytest.mark.slow
MOST_AT_REST, MOST = 450, 640  # MiB


def test_the_whole_tree(report: Any) -> None:
    found = measure()
    for what, figure in rows(found):
        report(what, figure)
    at_rest, in_use, beside = (sum(budget.values()) for budget in found.values())
    assert any(name.startswith("job") for name in found["and integrated gradients"])
    assert at_rest < MOST_AT_REST
    assert max(in_use, beside) < MOST
