"""Quadrature by segments: a line integral as a sum over segments of its path, each with an error that is known.

Integrated gradients along a segment must sum to the change of the function along it, which two forward passes tell. So
every segment has an error of its own, and the sum of the absolute errors is a certificate: unlike the error of the
whole sum, it cannot be small because large errors cancel.
Source: Sundararajan et al. 2017, "Axiomatic attribution for deep networks" (completeness on every straight path);
Piessens et al. 1983, "QUADPACK" (globally adaptive quadrature).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
Span = tuple[float, float]  # two shares of the path

TOLERANCE = 0.01  # of the change of the function, for the certificate
PRECISION = 1e-5  # of the function's size: an error of float32's rounding is none
BUDGET = 1200  # gradients
# Points of the Gauss-Legendre quadrature on each segment. On a smooth path, a few already suffice; on one with cliffs,
# a higher order needs fewer halvings.
_SMOOTH_POINTS, _ROUGH_POINTS = 3, 7
_MOST_SMOOTH = 8  # segments of a smooth path, after it was looked at
_FIRST_SPANS = 3  # segments before any is halved
_STEEP = 0.02  # third difference over a segment, as a share of the function's change, above which it is halved
LEAST_BUDGET = _SMOOTH_POINTS * _FIRST_SPANS
_MOST_SPANS = 96  # segments that forward passes alone may make
_ENOUGH = 0.9  # of the tolerance: what segments that are not halved may leave of the error
_ROUNDING = 2.0  # variation along the path, as a multiple of its change, above which bfloat16 would be too coarse


class Path(Protocol):
    """A function of vectors on a straight path, whose points are shares from 0 (its start) to 1 (its end)."""

    @property
    def batch_size(self) -> int:
        """Points in one pass."""

    @property
    def bfloat16(self) -> bool:
        """Whether gradients in bfloat16 are much faster."""

    def values(self, points: Sequence[float]) -> Double:
        """The function at some points, from forward passes in float32."""

    def integrate(self, spans: Sequence[Span], n_points: int, *, bfloat16: bool) -> Double:
        """Integrated gradients along some segments, (number of segments, n_positions)."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment of the path with its attributions.

    Attributes
    ----------
    start, end : float
        Shares of the path.
    change : float
        The function at the end minus at the start.
    values : float64, (n_positions,)
        Integrated gradients along the segment.
    bfloat16 : bool
        Whether they were computed in bfloat16.
    """

    start: float
    end: float
    change: float
    values: Double
    bfloat16: bool

    @property
    def error(self) -> float:
        """The absolute difference between the sum of the attributions and the change."""
        return abs(float(self.values.sum()) - self.change)


@dataclass(frozen=True, eq=False)
class Integral:
    """The integral along the path.

    Attributes
    ----------
    segments : tuple of Segment
        In the order of the path, which they cover.
    known : dict
        The function by points of the path at which it is known.
    spent : int
        Gradients that were computed, also on segments that were halved later.
    """

    segments: tuple[Segment, ...]
    known: dict[float, float]
    spent: int

    @property
    def values(self) -> Double:
        """Integrated gradients, (n_positions,)."""
        total: Double = np.sum([segment.values for segment in self.segments], axis=0)
        return total

    @property
    def change(self) -> float:
        """The function at the end of the path minus at its start."""
        return self.known[1.0] - self.known[0.0]

    @property
    def certificate(self) -> float:
        """Sum of the segments' errors; the absolute error of the sum of all attributions is at most that."""
        return sum(segment.error for segment in self.segments)

    @property
    def smallest(self) -> float:
        """Length of the shortest segment, as a share of the path."""
        return min(segment.end - segment.start for segment in self.segments)

    @property
    def bfloat16(self) -> bool:
        """Whether any part was computed in bfloat16."""
        return any(segment.bfloat16 for segment in self.segments)

    @property
    def converged(self) -> bool:
        """Whether the certificate is within the tolerance, or within rounding."""
        size = max(abs(self.known[0.0]), abs(self.known[1.0]))
        return self.certificate <= max(TOLERANCE * abs(self.change), PRECISION * size)


def integrate_by_segments(
    path: Path, ends: tuple[float, float], *, budget: int = BUDGET, report: Callable[[Integral], None]
) -> Integral:
    """The integral along a path: the segments with the largest errors are halved until it has converged.

    Steep parts of the path are found by forward passes first, which cost less than gradients. What was computed in
    bfloat16 is computed again in float32 before it is halved, since its error may be rounding.

    ends: the function at the start and at the end of the path. budget: of gradients; segments are halved as long as
    it lasts. report: called with each integral but the last.
    """
    known = {0.0: ends[0], 1.0: ends[1]}
    spans = _look(path, known, most=budget // _ROUGH_POINTS)
    n_points = _SMOOTH_POINTS if len(spans) <= _MOST_SMOOTH else _ROUGH_POINTS
    # Rounding is a share of all that the function moves along the path, the tolerance a share of its change.
    bfloat16 = path.bfloat16 and _variation(known) <= _ROUNDING * abs(ends[1] - ends[0])
    segments = _integrated(path, known, spans, n_points, bfloat16=bfloat16)
    spent = n_points * len(spans)
    while not (found := Integral(_in_order(segments), known, spent)).converged:
        at_once = max(1, path.batch_size // (2 * n_points))
        chosen = _worst(found, most=min(at_once, (budget - spent) // (2 * n_points)))
        if not chosen:
            break
        report(found)
        spans = [span for segment in chosen for span in _refined(segment)]
        _learn(path, known, [end for _, end in spans])
        segments = [segment for segment in found.segments if segment not in chosen]
        segments += _integrated(path, known, spans, n_points, bfloat16=False)
        spent += n_points * len(spans)
    return found


def _look(path: Path, known: dict[float, float], *, most: int) -> list[Span]:
    """Segments on each of which the function is smooth, from forward passes; adds to what is known of it."""
    spans = [(n / _FIRST_SPANS, (n + 1) / _FIRST_SPANS) for n in range(_FIRST_SPANS)]
    smooth: list[Span] = []
    limit = _STEEP * abs(known[1.0] - known[0.0])
    while spans:
        thirds = [_thirds(span) for span in spans]
        _learn(path, known, chain.from_iterable(thirds))
        rough = [abs(float(np.diff([known[point] for point in points], 3)[0])) / 8 for points in thirds]
        order = sorted(range(len(spans)), key=rough.__getitem__, reverse=True)
        room = max(0, min(most, _MOST_SPANS) - len(smooth) - len(spans))
        halved = [n for n in order[:room] if rough[n] > limit]
        smooth += [span for n, span in enumerate(spans) if n not in halved]
        spans = [half for n in halved for half in _halves(spans[n])]
    return smooth


def _learn(path: Path, known: dict[float, float], points: Iterable[float]) -> None:
    """Add the function at some points to what is known of it."""
    new = [point for point in dict.fromkeys(points) if point not in known]
    known.update(zip(new, path.values(new).tolist(), strict=True) if new else ())


def _integrated(
    path: Path, known: dict[float, float], spans: list[Span], n_points: int, *, bfloat16: bool
) -> list[Segment]:
    values = path.integrate(spans, n_points, bfloat16=bfloat16)
    return [
        Segment(start, end, known[end] - known[start], value, bfloat16)
        for (start, end), value in zip(spans, values, strict=True)
    ]


def _worst(found: Integral, *, most: int) -> list[Segment]:
    """The segments with the largest errors: as few as need to be better, and no more than `most`."""
    ordered = sorted(found.segments, key=lambda segment: segment.error, reverse=True)
    left = np.array([segment.error for segment in ordered])[::-1].cumsum()[::-1]  # if none from here on is refined
    n_needed = int((left > _ENOUGH * TOLERANCE * abs(found.change)).sum())
    return ordered[: max(0, min(n_needed, most))]


def _refined(segment: Segment) -> list[Span]:
    span = (segment.start, segment.end)
    return [span] if segment.bfloat16 else _halves(span)


def _halves(span: Span) -> list[Span]:
    middle = (span[0] + span[1]) / 2
    return [(span[0], middle), (middle, span[1])]


def _thirds(span: Span) -> list[float]:
    """A segment's ends and the points between its thirds; rounded, since halves of the segment share them."""
    start, end = span
    return [start, *np.linspace(start, end, 4)[1:3].round(12).tolist(), end]


def _variation(known: dict[float, float]) -> float:
    """How much the function moves up and down along the path, as far as it is known."""
    return float(np.abs(np.diff([known[point] for point in sorted(known)])).sum())


def _in_order(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: segment.start))
