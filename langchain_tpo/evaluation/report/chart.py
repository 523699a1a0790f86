"""One plot: as a PNG file, and as part of a page whose colours it takes on.

Needs matplotlib (extra `evaluation`). Knows colours and formats; does not know what is plotted.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.text.well_formed import well_formed

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
except ImportError:
    raise MissingExtraError("matplotlib", "evaluation") from None

__all__ = ["COLOURS", "MUTED", "Axes", "Chart", "figure", "label", "legend_below", "log_scale"]

INK, MUTED, LINES = "#101213", "#565859", "#c9cbcc"
"""Text, secondary text and grid; on the page they become the page's own."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0629b", "#b8860b", "#3f97c9", "#7a6ff0", "#8c6d5a")
"""One per system, told apart by colour-blind readers and on light and dark alike."""

WIDTH = 5.0
"""Inches: text stays legible where a phone shrinks the plot, and is not huge on a screen."""

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINES: "var(--line)"}
_FONT = re.compile(r"font: ([\d.]+px) [^\";<>]*")
LONGEST_LABEL = 24
"""Characters of a name that a plot of this width has room for."""

_STYLE: Any = {
    "text.parse_math": False,  # a system may be called `$x$`
    "svg.fonttype": "none",
    "svg.hashsalt": "langchain-tpo",
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINES,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINES,
    "grid.linewidth": 0.6,
    "grid.alpha": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
}


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A plot with the words around it."""

    name: str
    """The file's name."""
    title: str
    """What it shows."""
    caption: str
    """How to read it."""
    figure: Figure
    """The plot."""

    def svg(self) -> str:
        """Return the plot as an SVG element whose text and lines take the page's colours."""
        buffer = io.StringIO()
        with _style():
            self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        drawn = buffer.getvalue()
        drawn = drawn[drawn.index("<svg") :]
        for colour, variable in _VARIABLES.items():
            drawn = drawn.replace(colour, variable)
        return _FONT.sub(r"font: \1 system-ui, sans-serif", drawn)

    def write_png(self, folder: Path) -> Path:
        """Write the plot as a PNG file."""
        path = folder / f"{self.name}.png"
        with _style():
            self.figure.savefig(path, format="png", facecolor="white")
        return path


def figure(draw: Callable[[Axes], None], *, height: float = 2.9) -> Figure:
    """Return a figure with what `draw` draws.

    Args:
        draw: Draws on the axes that it is given.
        height: In inches; the width is that of the page.
    """
    with _style():
        drawn = Figure(figsize=(WIDTH, height), dpi=150, layout="constrained")
        drawn.set_facecolor("none")
        axes = drawn.add_subplot()
        axes.set_facecolor("none")
        draw(axes)
    return drawn


def label(name: str) -> str:
    r"""Return a name as a plot can show it: one short line, every character a visible one.

    Args:
        name: Of a system, say: whatever a user or a file called it.

    Example:
        >>> label("best\nof \x1b[31mall"), label("_x"), len(label("x" * 1000))
        ('best of \ufffd[31mall', ' _x', 24)
    """
    line = " ".join(well_formed(name).split())
    shown = "".join(one if one.isprintable() else "\ufffd" for one in line)
    if len(shown) > LONGEST_LABEL:
        shown = f"{shown[: LONGEST_LABEL - 1]}\u2026"
    return f" {shown}" if shown.startswith("_") else shown  # matplotlib leaves `_x` out of legends


def legend_below(axes: Axes) -> None:
    """Keep the legend off the plot, where it would hide what it names."""
    handles, labels = axes.get_legend_handles_labels()
    drawn = axes.get_figure(root=True)
    if drawn is None or not labels:
        return
    for columns in (4, 3, 2, 1):
        legend = drawn.legend(handles, labels, loc="outside lower center", ncols=columns)
        size = legend.get_window_extent()
        if columns == 1 or size.width <= drawn.bbox.width:
            break
        legend.remove()
    drawn.set_figheight(drawn.get_figheight() + size.height / drawn.dpi)


def log_scale(axes: Axes) -> None:
    """Make the horizontal axis logarithmic, labelled with plain numbers."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(_STYLE), catch_warnings():
        filterwarnings("ignore", "Glyph")  # a script that the font lacks is drawn as boxes
        yield
