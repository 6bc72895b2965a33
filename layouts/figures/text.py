"""How numbers and sentences are written in figures."""

from html import escape
from textwrap import wrap


def percent(share: float) -> str:
    """A share from 0 to 1 with as many digits as are sensible."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def lines(sentence: str, *, most: int) -> list[str]:
    """Plain text in lines of at most `most` characters, for Plotly, which reads a subset of HTML in every text."""
    return [escape(line, quote=False) for line in wrap(sentence, most)]
