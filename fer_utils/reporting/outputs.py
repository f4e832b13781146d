"""Where a report's figures, tables and pages go, and how a notebook saves them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from fer_utils.errors import ConfigError
from fer_utils.files import atomic_path, write_text
from fer_utils.paths import BUILD, REPORTS


@dataclass(frozen=True)
class Outputs:
    """The folder of one report: `figures/`, `tables/`, `executed/` and the pages themselves."""

    folder: Path

    @property
    def figures(self) -> Path:
        """PNG files, and SVG files of drawings."""
        return self.folder / "figures"

    @property
    def tables(self) -> Path:
        """CSV files: the numbers behind each figure, and the tables."""
        return self.folder / "tables"

    @property
    def executed(self) -> Path:
        """Executed copies of the notebooks."""
        return self.folder / "executed"

    def save_table(self, name: str, table: pd.DataFrame) -> Path:
        """Write `table` as tables/NAME.csv (floats to six digits) and return the path."""
        target = self.tables / f"{_checked(name)}.csv"
        write_text(target, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        return target

    def save_facts(self, name: str, facts: Mapping[str, object] | list) -> Path:
        """Write JSON-ready `facts` as tables/NAME.json and return the path."""
        target = self.tables / f"{_checked(name)}.json"
        write_text(target, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        return target

    def read_facts(self, name: str) -> dict:
        """Return what `save_facts` wrote, or nothing where it wrote nothing yet."""
        path = self.tables / f"{_checked(name)}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def save_figure(self, name: str, figure: Figure, table: pd.DataFrame) -> Path:
        """Write `figure` as PNG, a drawing as SVG too, and its numbers as CSV, all called NAME.

        A figure with pictures in it is no drawing, nor is one of thousands of dots, whose SVG is
        much larger than the PNG.  The files hold no date and no random ids, so that an unchanged
        figure is an unchanged file.  Returns the path of the PNG.
        """
        target = self.figures / f"{_checked(name)}.png"
        drawing = target.with_suffix(".svg")
        how, keep = {"dpi": 120, "bbox_inches": "tight"}, False
        with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
            with atomic_path(target) as temporary:
                figure.savefig(temporary, format="png", metadata={"Software": None}, **how)
                _shrink(temporary)
            if not any(axes.images for axes in figure.axes):
                with atomic_path(drawing) as temporary:
                    figure.savefig(temporary, format="svg", metadata={"Date": None}, **how)
                    keep = temporary.stat().st_size <= 2 * target.stat().st_size
        if not keep:
            drawing.unlink(missing_ok=True)
        self.save_table(name, table)
        return target


def outputs_for(profile: str, dataset: str) -> Outputs:
    """Return where the outputs of `profile` on `dataset` go.

    The published report, `reports/`, holds real data under a real profile only; everything
    else lands in `build/` and can't overwrite it.
    """
    if dataset == "fer2013" and profile != "smoke":
        return Outputs(REPORTS)
    return Outputs(BUILD / profile if profile == "smoke" else BUILD / f"{dataset}-{profile}")


def _shrink(path: Path) -> None:
    """Write a PNG again with 256 colors: the report holds each figure twice, and is committed.

    Maximum coverage keeps grays gray and rare colors; the usual median cut tints them.
    """
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    small.save(path, format="PNG", optimize=True)


def _checked(name: str) -> str:
    if not name or set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789_"):
        raise ConfigError(f"figure or table name {name!r}: use a-z, 0-9 and _ only")
    return name
