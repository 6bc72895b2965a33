"""Background colours from a colour scale, each with a readable text colour."""

from bisect import bisect_right
from functools import cache

from layouts.theme import ColorScale, Theme

_LEAST_CONTRAST = 4.5


def shade(scale: ColorScale, share: float, theme: Theme) -> tuple[str, str]:
    """CSS colours of background and text. share: 0 to 1 along the scale; values outside are clipped."""
    background = mixed(scale, share)
    # On any background, black or white has a contrast of at least 4.58.
    readable = (theme.text, theme.page, "#000000", "#FFFFFF")
    return background, next(text for text in readable if contrast(text, background) >= _LEAST_CONTRAST)


def mixed(scale: ColorScale, share: float) -> str:
    """The CSS colour at a share of the scale, 0 to 1; values outside are clipped."""
    after = bisect_right([stop for stop, _ in scale], share)
    (low, one), (high, other) = scale[min(max(after, 1), len(scale) - 1) - 1 :][:2]
    part = min(max((share - low) / (high - low), 0), 1)
    channels = [round(a + part * (b - a)) for a, b in zip(_channels(one), _channels(other), strict=True)]
    return "#{:02X}{:02X}{:02X}".format(*channels)


@cache
def neutral(theme: Theme) -> str:
    """The colour of what has no number."""
    return mixed([[0, theme.quiet], [1, theme.page]], 0.35)


@cache
def no_number(theme: Theme) -> str:
    """The grey of parts without a number among others, which cannot be taken for the pale grey of zero."""
    return mixed([[0, theme.quiet], [1, theme.page]], 0.12)


@cache
def missing_color(theme: Theme) -> str:
    """The grey of what is missing: darker than zero and than pale blue, for which it could be taken."""
    return mixed([[0, theme.line], [1, theme.quiet]], 0.3)


def gradient(scale: ColorScale) -> str:
    """The scale from low to high, as a CSS gradient."""
    return f"linear-gradient(90deg, {', '.join(color for _, color in scale)})"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (#RRGGBB), 1 to 21; WCAG 2.1 asks for 4.5 between text and background."""
    low, high = sorted(_luminance(color) for color in (one, other))
    return float((high + 0.05) / (low + 0.05))


def _channels(color: str) -> list[int]:
    return [int(color[n : n + 2], 16) for n in (1, 3, 5)]


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
