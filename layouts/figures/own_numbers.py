"""A person's own numbers in scene and overview: their colour scale, and the sentence about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from layouts.figures.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.architecture import ArchitectureResult

NO_NUMBER = "no number"
_STEPS = (1, 2, 5, 10)  # between the ticks of a colour bar, times a power of ten
_MOST_STEPS = 5


class OwnScale(NamedTuple):
    """The ends of the colour scale: the smallest and the largest number if all have one sign, else −most and +most."""

    low: float
    high: float

    @property
    def is_signed(self) -> bool:
        """Whether there are numbers of both signs, so that zero is in the middle."""
        return self.low < 0 < self.high

    def shares(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Values as shares of the scale, 0 to 1, in equal steps; of negative numbers alone, the largest size is 1."""
        exact = values.astype(np.float64)
        if self.low == self.high:
            only: NDArray[np.float64] = np.where(np.isnan(exact), np.nan, float(self.high != 0))
            return only
        first, last = (self.high, self.low) if self.high <= 0 else (self.low, self.high)
        share: NDArray[np.float64] = (exact - first) / (last - first)
        return share

    def ticks(self) -> NDArray[np.float64]:
        """Round numbers on the scale, or the only one."""
        span = self.high - self.low
        if not span:
            return np.array([self.low])
        power = 10.0 ** np.floor(np.log10(span / _MOST_STEPS))
        step = next(n * power for n in _STEPS if span <= _MOST_STEPS * n * power * (1 + 1e-9))
        first, last = np.ceil(self.low / step - 1e-6), np.floor(self.high / step + 1e-6)
        ticks: NDArray[np.float64] = np.arange(first, last + 1) * step
        return ticks


def own_scale(numbers: Sequence[NDArray[np.float32]]) -> OwnScale:
    """The scale that fits the sign of all numbers; NaN is no number."""
    given = np.concatenate([values[np.isfinite(values)].astype(np.float64) for values in numbers])
    if not given.size:
        return OwnScale(0, 0)
    low, high = float(given.min()), float(given.max())
    most = max(-low, high)
    return OwnScale(-most, most) if low < 0 < high else OwnScale(low, high)


def own_reading(result: ArchitectureResult) -> str:
    """One sentence on the strongest number, and on how many there are."""
    assert result.own is not None
    own = result.own
    number = result.heads if own.tiles is None else result.tiles
    assert number is not None
    given = f"{own.n_given:,} of {counted(own.n_all, own.kind)} {'has' if own.n_given == 1 else 'have'} one"
    if not np.isfinite(number).any():
        return f"Your own numbers: {given}."
    block, unit = np.unravel_index(int(np.nanargmax(np.abs(number))), number.shape)
    most = f"{number[block, unit]:.3g}".replace("-", "−")
    name = unit if own.neurons is None else own.neurons[block, unit]
    tiles = "; each tile shows its strongest" if own.tiles is not None and result.info.tile_width > 1 else ""
    return f"Your own numbers: the strongest is at block {block} {own.kind} {name} ({most}); {given}{tiles}."
