"""Design tokens: colours, colour scales, and the layout that all figures share.

`dashboard/assets/theme.css` has the same values as CSS variables; a test compares the two.
"""

from dataclasses import dataclass
from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

ColorScale = list[list[Any]]


@dataclass(frozen=True, eq=False)  # there are two, so that what is drawn from one can be cached by it
class Theme:
    """The light or the dark theme.

    Attributes
    ----------
    name : str
        "light" or "dark".
    page, surface, line : str
        Colours of the page, of panels, and of lines.
    text, quiet : str
        Colours of text, and of less important text.
    accent, accent2 : str
        Colours of the selection, and of the selected position's token.
    probabilities, norms, signed : ColorScale
        Colour scales from low to high; zero is in the middle of `signed`.
    """

    name: str
    page: str
    surface: str
    line: str
    text: str
    quiet: str
    accent: str
    accent2: str
    probabilities: ColorScale
    norms: ColorScale
    signed: ColorScale


def _scale(*colors: str) -> ColorScale:
    return [[n / (len(colors) - 1), color] for n, color in enumerate(colors)]


# mako (Waskom 2021): perceptually uniform, monotonic in lightness, and safe for colour-blind people; its ends are cut,
# so that the lowest value still stands out from the page.
_MAKO = ("#2E1E3B", "#413D7B", "#37659E", "#348FA7", "#40B7AD", "#8BDAB2", "#DEF5E5")

LIGHT = Theme(
    name="light",
    page="#F6F7F9",
    surface="#FFFFFF",
    line="#E3E7ED",
    text="#161B22",
    quiet="#57606A",
    accent="#2F5BEA",
    accent2="#C2410C",
    probabilities=_scale("#FFFFFF", "#DCE6F8", "#AFC6EF", "#7A9FE0", "#4674C9", "#1F4BA5", "#0A2A6C"),
    norms=_scale("#B5E7C7", *reversed(_MAKO[:-2])),
    signed=_scale("#9A3412", "#E07B39", "#F7F4F0", "#5B8DEF", "#1E3FA8"),
)
DARK = Theme(
    name="dark",
    page="#0D1117",
    surface="#151B23",
    line="#2A323D",
    text="#E8EDF3",
    quiet="#9AA6B2",
    accent="#7EA2FF",
    accent2="#FFA25E",
    probabilities=_scale("#151B23", "#1B2F5C", "#25478F", "#3767C0", "#5F8FE3", "#9CBDF5", "#E3EDFF"),
    norms=_scale("#362A55", *_MAKO[1:]),
    signed=_scale("#FFB27A", "#C4621F", "#20242B", "#3D6FE0", "#A9C4FF"),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def base_layout(theme: Theme, **more: Any) -> dict[str, Any]:
    """The layout that all figures share, with `more` merged over it. A reader's zoom and camera survive new data."""
    shared = {
        "template": {},  # Plotly's default adds 7 kB, a millisecond and light-theme colours to every figure
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": theme.text},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {
            "bgcolor": theme.surface,
            "bordercolor": theme.line,
            "font": {"family": FONT, "size": 12, "color": theme.text},
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": theme.quiet, "activecolor": theme.text},
        "uirevision": "kept",
        "showlegend": False,
    }
    return {**shared, **more}


def axis(theme: Theme, **more: Any) -> dict[str, Any]:
    """The properties that all axes share, with `more` merged over them."""
    shared = {
        "gridcolor": theme.line,
        "zerolinecolor": theme.line,
        "linecolor": theme.line,
        "tickfont": {"color": theme.quiet, "size": 11},
        "fixedrange": True,
        "automargin": True,
    }
    title: dict[str, Any] = {"font": {"color": theme.quiet, "size": 12}, "standoff": 6}
    if text := more.pop("title", ""):
        title["text"] = text
    return {**shared, "title": title, **more}


def token_axis(theme: Theme, labels: list[str], *, most: int, **more: Any) -> dict[str, Any]:
    """A numeric axis of positions, labelled by tokens; with more than `most` tokens, only every n-th is labelled.

    It is numeric because a category axis merges equal labels. labels: short and escaped for Plotly.
    """
    step = max(1, -(-len(labels) // most))
    ticks = list(range(0, len(labels), step))
    return axis(
        theme,
        **{
            "tickmode": "array",
            "tickvals": ticks,
            "ticktext": [labels[n] for n in ticks],
            "tickfont": {"family": MONOSPACE, "size": 11, "color": theme.quiet},
            "showgrid": False,
            "zeroline": False,
            **more,
        },
    )


def color_bar(theme: Theme, title: str, *, side: str = "right", **more: Any) -> dict[str, Any]:
    """Colour bar. title: the quantity and its unit. side: the side of the bar on which the title stands."""
    shared = {
        "title": {"text": title, "side": side, "font": {"size": 11, "color": theme.quiet}},
        "tickfont": {"size": 11, "color": theme.quiet},
        "thickness": 10,
        "outlinewidth": 0,
    }
    return {**shared, **more}
