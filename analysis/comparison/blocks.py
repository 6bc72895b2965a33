"""A minus B of arrays whose first axis is the model's blocks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def by_block(here: NDArray[Any], there: NDArray[Any]) -> NDArray[Any]:
    """A minus B, block by block, in the shape of A; NaN in blocks that B does not have, and everywhere if the blocks
    of A and B have different shapes.
    """
    difference = np.full_like(here, np.nan)
    if here.shape[1:] == there.shape[1:]:
        n_both = min(len(here), len(there))
        difference[:n_both] = here[:n_both] - there[:n_both]
    return difference
