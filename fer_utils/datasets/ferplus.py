"""FER+ (Barsoum et al. 2016): ten annotators' votes for every row of FER2013.

The file ``fer2013new.csv`` is Microsoft's, under the MIT license, from
https://github.com/microsoft/FERPlus; its rows follow those of fer2013.csv.  The authors'
repository has a second label set (``label.csv`` per split); only ``fer2013new.csv`` is used.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_USAGE, FERPLUS_VOTES, SPLITS
from fer_utils.paths import relative

FERPLUS_FILE = "fer2013new.csv"
#: SHA-256 of the authors' file, with LF line ends.
FERPLUS_SHA256 = "9206e20d62f56475939f516847d61753e4860caeac9718b560129541b776fc2c"
_AGAIN = f"get {FERPLUS_FILE} again from https://github.com/microsoft/FERPlus"
_COLUMNS = ("Usage", "Image name", *FERPLUS_VOTES)
#: FER+'s eight classes, in the order of the votes: FER2013's seven and contempt.
EXPRESSIONS = FERPLUS_VOTES[:8]
#: Winners that are no expression; `majority` drops them.
_NO_EXPRESSION = tuple(FERPLUS_VOTES.index(name) for name in ("unknown", "NF"))


def load_votes(path: Path, expected_rows: int, split: np.ndarray | None = None) -> np.ndarray:
    """Return the votes, (N, 10) uint8 in the order of `FERPLUS_VOTES`, row for row FER2013's.

    expected_rows: the number of rows that the file must have.
    split: (N,) codes of `SPLITS`; each row's Usage must agree with it.
    Raises DataError naming the file, and the first line that is wrong.
    """
    name = relative(path)
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name} cannot be read ({error}); {_AGAIN}") from error
    header = tuple(column.strip() for column in lines[0].split(",")) if lines else ()
    if header != _COLUMNS:
        raise DataError(
            f"{name}, line 1: columns {','.join(header)[:80]!r}, expected "
            f"{','.join(_COLUMNS)!r}; {_AGAIN}"
        )
    rows = [line.split(",") for line in lines[1:]]
    for line, row in enumerate(rows, start=2):
        if len(row) != len(_COLUMNS):
            raise DataError(
                f"{name}, line {line}: {len(row)} columns, expected {len(_COLUMNS)}; {_AGAIN}"
            )
    if len(rows) != expected_rows:
        raise DataError(
            f"{name} has {len(rows):,} rows, but there are {expected_rows:,} images; both files "
            f"must be whole and in their original order; {_AGAIN}"
        )
    if split is not None:
        _check_usage(name, [row[0] for row in rows], split)
    return _numbers(name, [row[2:] for row in rows])


def _check_usage(name: str, usage: list[str], split: np.ndarray) -> None:
    codes = {key: SPLITS.index(value) for key, value in FER2013_USAGE.items()}
    found = np.array([codes.get(value, -1) for value in usage])
    wrong = np.flatnonzero(found != split)
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"{name}, line {row + 2}: Usage {usage[row]!r}, but that row of FER2013 is in "
            f"{SPLITS[split[row]]}; both files must be in their original order; {_AGAIN}"
        )


def _numbers(name: str, rows: list[list[str]]) -> np.ndarray:
    allowed = {str(votes): votes for votes in range(11)}  # ten annotators
    try:
        values = bytes([allowed[value] for row in rows for value in row])
    except KeyError:
        line = next(i for i, row in enumerate(rows, 2) if not all(v in allowed for v in row))
        raise DataError(
            f"{name}, line {line}: votes {','.join(rows[line - 2])}, expected whole numbers "
            f"0 to 10; {_AGAIN}"
        ) from None
    return np.frombuffer(values, dtype=np.uint8).reshape(len(rows), len(FERPLUS_VOTES))


def attach_votes(dataset: FaceDataset, votes: np.ndarray) -> FaceDataset:
    """Return `dataset` with `votes`, (N, 10) uint8; DataError when the lengths differ."""
    return replace(dataset, votes=votes)


def majority(votes: np.ndarray) -> np.ndarray:
    """Return the majority label, (N,) int64 index into `FERPLUS_VOTES`, or -1 for a dropped row.

    The authors' protocol: votes of 1 or less count as none; the top class must have more than
    half of the votes that are left (unknown and NF included) and be an expression.
    votes: (N, 10) whole numbers.
    """
    votes = np.asarray(votes)
    kept = np.where(votes > 1, votes, 0).astype(np.int64)
    winner = kept.argmax(axis=1)
    top = kept.max(axis=1)
    good = (2 * top > kept.sum(axis=1)) & ~np.isin(winner, _NO_EXPRESSION)
    return np.where(good, winner, -1).astype(np.int64)


def vote_distribution(votes: np.ndarray) -> np.ndarray:
    """Return the votes as probabilities of the eight expressions, (N, 8) float32.

    As in the authors' protocol, votes of 1 or less count as none; those for unknown and NF are
    left out.  votes: (N, 10) whole numbers.  A row where nothing is left is all zero.
    """
    kept = np.where(votes > 1, votes, 0)[:, : len(EXPRESSIONS)].astype(np.float32)
    return kept / kept.sum(1, keepdims=True).clip(1)


def as_ferplus(dataset: FaceDataset) -> FaceDataset:
    """Return the rows of FER2013 that FER+ keeps, labeled by its majority: eight classes.

    The images, splits, ids, votes and `data_key` stay those of `dataset` (a recipe's `dataset`
    says which labels a run has learned).  Raises DataError when it has no votes.
    """
    if dataset.votes is None:
        raise DataError(
            f"{dataset.source} has no FER+ votes: put {FERPLUS_FILE} from "
            "https://github.com/microsoft/FERPlus into data/raw, beside fer2013.csv"
        )
    labels = majority(dataset.votes)
    kept = replace(
        dataset,
        name="ferplus",
        source=f"{dataset.source}, labels of FER+ ({FERPLUS_FILE})",
        labels=np.maximum(labels, 0),
        class_names=EXPRESSIONS,
    )
    return kept.take(np.flatnonzero(labels >= 0))
