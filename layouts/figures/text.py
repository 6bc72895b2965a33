"""Formatting of numbers, tokens and sentences in figures."""

from functools import lru_cache
from html import escape
from textwrap import wrap

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ISOLATE, _END = "\u2068", "\u2069"  # labels have neither, but those of right-to-left text have both around them
QUOTED = f"‘{_ISOLATE}[^{_END}]*{_END}’|‘[^‘’]*’"  # a regular expression for what `quoted` returns

ALL_EQUAL = "A and B are equal here: every difference is 0."
MISSING = "no counterpart in B"
NOT_FINITE = "not finite in A or B"


def percent(share: float) -> str:
    """A share from 0 to 1 as a percentage with sensible digits: `61%`, `2.5%`, `<0.1%`."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def points(difference: float) -> str:
    """The size of a difference of two shares, in percentage points: `31 points`, `0.4 points`."""
    size = 100 * abs(difference)
    shown = "<0.1" if size < 0.05 else f"{size:.0f}" if size >= 9.95 else f"{size:.1f}"
    return f"{shown} point{'' if shown == '1.0' else 's'}"


def signed(value: float) -> str:
    """A number with its sign."""
    return number(value, "+")


def scientific(value: float, sign: str = "") -> str:
    """A small number with its power of ten: `−2.6·10⁻⁷`; 0 as `0`."""
    if value == 0:
        return "0"
    digits, power = f"{value:{sign}.1e}".split("e")
    return f"{digits.replace('-', '−')}·10{str(int(power)).translate(_SUPERSCRIPTS)}"


def number(value: float, sign: str = "") -> str:
    """Two decimals; two significant digits below 0.1; a power of ten below 0.0001."""
    if abs(value) < 1e-4:
        return scientific(value, sign)
    return f"{value:{sign}.{'2f' if abs(value) >= 0.1 else '2g'}}".replace("-", "−")


def counted(count: int, noun: str) -> str:
    """A count with its noun in the singular or the plural: `1 head`, `1,024 neurons`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def neuron_range(first: int, last: int) -> str:
    """Neurons with consecutive numbers: `neuron 5`, `neurons 5–9`."""
    return f"neuron {first}" if first == last else f"neurons {first}–{last}"


@lru_cache(maxsize=16)  # of the models that are looked at
def tile_names(n_neurons: int, width: int) -> tuple[str, ...]:
    """The neurons of each MLP tile. width: of a tile, in neurons; the last tile may be narrower."""
    return tuple(neuron_range(start, min(start + width, n_neurons) - 1) for start in range(0, n_neurons, width))


def quoted(label: str, *, most: int | None = None) -> str:
    """A token's label in quotation marks; `QUOTED` finds it in a sentence, whatever characters it contains.

    most: a longer label is cut to so many characters, the last of them an ellipsis.
    """
    if most is not None and len(seen := label.strip(_ISOLATE + _END)) > most:
        cut = f"{seen[: most - 1]}…"
        label = f"{_ISOLATE}{cut}{_END}" if label.startswith(_ISOLATE) else cut
    ambiguous = ("‘" in label or "’" in label) and not label.startswith(_ISOLATE)
    return f"‘{_ISOLATE}{label}{_END}’" if ambiguous else f"‘{label}’"


def lines(sentence: str, *, most: int) -> list[str]:
    """Plain text in lines of at most `most` characters, escaped for Plotly, which reads a subset of HTML."""
    return [escape(line, quote=False) for line in wrap(sentence, most)]
