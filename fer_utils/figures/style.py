"""The look of every figure: fonts, grid, and one fixed color per emotion and per split."""

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from fer_utils.errors import unknown_name

#: Width of a figure in inches: a notebook's column, or a page with narrow margins.
WIDTH = 9.5

#: One color per emotion, after Okabe and Ito (2008): told apart by color-blind readers too.
#: FER+ names the same emotions by their nouns; they share the color.
CLASS_COLORS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#B65C98",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#808080",
    "contempt": "#332288",
}
CLASS_COLORS |= {
    "anger": CLASS_COLORS["angry"],
    "happiness": CLASS_COLORS["happy"],
    "sadness": CLASS_COLORS["sad"],
    "unknown": "#BBBBBB",
    "NF": "#D9D9D9",
}

#: One color per split; they differ in lightness, so that they hold in a gray print.
SPLIT_COLORS = {"train": "#2F5D8C", "valid": "#E0A030", "test": "#A8386B"}

#: Colors of things that are compared and are neither emotions nor splits, in this order.
SERIES_COLORS = ("#2F5D8C", "#D9822B", "#3A9183", "#A8386B", "#7F6BB0", "#8A7A55")

RIGHT, WRONG = "#1B7F5C", "#C8401F"  # a prediction that is right, or wrong
INK, MUTED, FAINT = "#222222", "#666666", "#DDDDDD"  # text; second rank; lines behind
HEAT = "Blues"  # shares, from none to all
DIVERGING = "RdBu_r"  # differences, around zero

_STYLE = {
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "savefig.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=SERIES_COLORS),
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.color": "#999999",
    "ytick.color": "#999999",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
}


def use_style() -> None:
    """Set matplotlib's defaults for all figures of this process: call it once, at the top."""
    mpl.rcParams.update(_STYLE)
    # A notebook learns to show a Figure only when its backend is loaded, which pyplot puts off.
    plt.switch_backend(mpl.get_backend())


def new_figure(width: float = WIDTH, height: float = 4.0, title: str | None = None) -> Figure:
    """Return an empty figure of `width` x `height` inches, laid out without overlaps.

    It is not registered with pyplot: a notebook shows it once, and nobody has to close it.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def class_color(name: str) -> str:
    """Return the color of an emotion; raise ConfigError for one that has none."""
    if name not in CLASS_COLORS:
        raise unknown_name("emotion", name, CLASS_COLORS)
    return CLASS_COLORS[name]
