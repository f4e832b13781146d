"""The numbers that the five reproduced projects published, transcribed in ``published.csv``.

They are theirs, not ours.  Transcribed are results, parameter counts, data-set sizes and the
hyperparameters that a project chose by search or gives with a result; the settings of an
architecture or an augmentation are in the recipes.
"""

import csv
import io
import math
import re
from dataclasses import dataclass, fields
from importlib import resources

from fer_utils.errors import DataError

PROJECTS = ("cs230-fer", "cs231n-hog", "hust-balance", "cs230-facenet", "jhu-affectnet")

#: Every metric and its unit. "points" are percentage points.
METRICS = {
    "train_accuracy": "%",
    "valid_accuracy": "%",
    "test_accuracy": "%",
    "webcam_accuracy": "%",
    "accuracy_margin": "points",  # what follows ± in "65 ± 5"
    "accuracy_gain": "points",
    "tta_gain": "points",
    "disgust_error_ncw": "%",  # misclassification rate of disgust, no class weights
    "disgust_error_wcw": "%",  # the same with class weights
    "class_probability": "%",  # of one class on one image
    "parameters": "count",
    "trainable_parameters": "count",
    "frozen_parameters": "count",
    "ensemble_members": "count",
    "latency_ms": "ms",
    "images": "count",
    "removed_images": "count",
    "people": "count",
    "classes": "count",
    "train_share": "%",
    "epochs": "count",
    "overfits_after_epochs": "count",
    "learning_rate": "1",
    "weight_decay": "1",
    "hidden_units": "count",
    "filters": "count",
    "filter_size": "count",
}

_NOTEBOOK = re.compile(r"(\d\d_[a-z0-9_]+)?")


@dataclass(frozen=True)
class PublishedNumber:
    """One number that a project published; `project`, `row` and `metric` name it for good.

    project: one of `PROJECTS`.
    row: short stable name of the line in the project's table.
    metric: one of `METRICS`.
    published: the number, in `unit`.
    unit: ``%``, ``points``, ``ms``, ``count`` or ``1``, as `METRICS` says.
    dataset: what it was measured on.
    built_in: the notebook that measures it here, or "" for what is only quoted.
    note: caveat, or "".
    """

    project: str
    row: str
    metric: str
    published: float
    unit: str
    dataset: str
    built_in: str
    note: str


def load_published() -> tuple[PublishedNumber, ...]:
    """Return all published numbers in the order of ``published.csv``.

    Raises DataError when the file is malformed; see `parse_published`.
    """
    file = resources.files("fer_utils") / "published.csv"
    return parse_published(file.read_text(encoding="utf-8"))


def parse_published(text: str, name: str = "published.csv") -> tuple[PublishedNumber, ...]:
    """Return the numbers in `text`, a CSV file's content; `name` is for the messages.

    Raises DataError, with the line, for other columns, an unknown project or metric, a unit that
    is not the metric's, a value that is no number, and a (project, row, metric) that came before.
    """
    columns = [field.name for field in fields(PublishedNumber)]
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader, [])
        if header != columns:
            raise DataError(f"{name}: columns must be {','.join(columns)}, not {','.join(header)}")
        numbers: dict[tuple[str, str, str], PublishedNumber] = {}
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if len(cells) != len(columns):
                raise DataError(f"{where}: {len(cells)} cells, not {len(columns)}; quote commas")
            number = _number(dict(zip(columns, cells, strict=True)), where)
            key = (number.project, number.row, number.metric)
            if key in numbers:
                raise DataError(f"{where}: {', '.join(key)} is there twice; rename one row")
            numbers[key] = number
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: not CSV: {error}") from error
    return tuple(numbers.values())


def _number(cells: dict[str, str], where: str) -> PublishedNumber:
    """Return one line's number; raise DataError, beginning with `where`, if it is wrong."""
    for part, known in (("project", PROJECTS), ("metric", METRICS)):
        if cells[part] not in known:
            raise DataError(f"{where}: unknown {part} {cells[part]!r}; known: {', '.join(known)}")
    if cells["unit"] != METRICS[cells["metric"]]:
        raise DataError(
            f"{where}: unit {cells['unit']!r}, but {cells['metric']} is in "
            f"{METRICS[cells['metric']]!r}"
        )
    if not cells["row"] or not cells["dataset"]:
        raise DataError(f"{where}: row and dataset must not be empty")
    if not _NOTEBOOK.fullmatch(cells["built_in"]):
        raise DataError(
            f"{where}: built_in must be empty or a notebook's name such as "
            f"03_baseline_cnns, not {cells['built_in']!r}"
        )
    try:
        published = float(cells["published"])
    except ValueError:
        published = math.nan
    if not math.isfinite(published) or (cells["unit"] == "%" and not 0 <= published <= 100):
        raise DataError(
            f"{where}: published must be a plain number (a percentage in 0..100), "
            f"not {cells['published']!r}"
        )
    return PublishedNumber(**{**cells, "published": published})
