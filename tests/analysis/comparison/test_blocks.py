"""A minus B of arrays by block."""

import numpy as np

from analysis.comparison.blocks import by_block


def test_blocks_that_b_does_not_have_are_missing():
    here, there = np.arange(6.0).reshape(3, 2), np.ones((2, 2))
    np.testing.assert_array_equal(by_block(here, there), [[-1, 0], [1, 2], [np.nan, np.nan]])
    np.testing.assert_array_equal(by_block(there, here), [[1, 0], [-1, -2]])


def test_blocks_of_other_shapes_are_missing():
    assert np.isnan(by_block(np.ones((2, 3)), np.ones((2, 4)))).all()
