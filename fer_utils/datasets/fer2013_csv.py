"""Reading fer2013.csv, plain or inside Kaggle's archives, with a check of every row."""

import hashlib
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from tqdm.auto import tqdm

from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, FER2013_USAGE, SPLITS
from fer_utils.paths import relative

SIDE = 48
PIXELS = SIDE * SIDE
COLUMNS = ("emotion", "pixels", "Usage")
AGAIN = "get the file again (see data/README.md)"

_CSV = "fer2013.csv"
_TARS = (".tar.gz", ".tgz", ".tar")
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError)
_SPLIT_CODES = {usage.encode(): SPLITS.index(split) for usage, split in FER2013_USAGE.items()}


def read_fer2013_csv(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return images, labels, split and the csv's SHA-256 of the csv or archive at `path`.

    Shapes: (N, 48, 48) uint8, (N,) int64, (N,) uint8 codes of `SPLITS`; rows in file order.
    The hash is that of the csv itself, also when it lies in an archive.
    Raises DataError naming the file, and the line where one row is wrong.
    """
    name = relative(path)
    try:
        with _open_csv(path) as file:
            return _parse(file, name)
    except _DAMAGED as error:
        raise DataError(f"{name} is damaged or cut off ({error}); {AGAIN}") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error}); {AGAIN}") from error


@contextmanager
def _open_csv(path: Path) -> Iterator[IO[bytes]]:
    """Open the csv at `path`, or the one inside the archive at `path`, as binary lines."""
    if path.name.lower().endswith(_TARS):
        with open(path, "rb") as raw, _open_in_tar(raw, path) as file:
            yield file
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = {Path(member).name: member for member in archive.namelist()}
            if _CSV in members:
                with archive.open(members[_CSV]) as file:
                    yield file
            elif "fer2013.tar.gz" in members:  # the competition's "download all" archive
                with (
                    archive.open(members["fer2013.tar.gz"]) as inner,
                    _open_in_tar(inner, path) as file,
                ):
                    yield file
            else:
                raise _no_csv(path, archive.namelist())
    else:
        with open(path, "rb", buffering=1 << 20) as file:
            yield file


@contextmanager
def _open_in_tar(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    seen = []
    with tarfile.open(fileobj=raw, mode="r|*") as archive:
        for member in archive:
            seen.append(member.name)
            if member.isfile() and Path(member.name).name == _CSV:
                yield archive.extractfile(member)
                return
    raise _no_csv(path, seen)


def _no_csv(path: Path, names: list[str]) -> DataError:
    found = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") or "nothing"
    return DataError(f"{relative(path)} holds no {_CSV} (it holds: {found}); {AGAIN}")


def _parse(file: IO[bytes], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    digest = hashlib.sha256()
    header = file.readline()
    if not header:
        raise DataError(f"{name} is empty; {AGAIN}")
    digest.update(header)
    order = _columns(header, name)
    images, labels, split = [], [], []
    # A number cut short by a stray character is a DeprecationWarning of np.fromstring.
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        bar = tqdm(file, desc=f"reading {name}", unit=" rows", leave=False, disable=None)
        for line, text in enumerate(bar, start=2):
            digest.update(text)
            if not text.strip():
                continue  # a blank line, usually at the end
            try:
                label, pixels, code = _row(text, order)
            except ValueError as error:
                cut = " (the file looks cut off)" if not text.endswith(b"\n") else ""
                raise DataError(f"{name}, line {line}: {error}{cut}; {AGAIN}") from None
            images.append(pixels)
            labels.append(label)
            split.append(code)
    if not images:
        raise DataError(f"{name} has a header but no rows; {AGAIN}")
    return (
        np.stack(images).reshape(-1, SIDE, SIDE),
        np.array(labels, dtype=np.int64),
        np.array(split, dtype=np.uint8),
        digest.hexdigest(),
    )


def _columns(header: bytes, name: str) -> tuple[int, int, int]:
    """Return the positions of `COLUMNS` in the header line; a byte-order mark is ignored."""
    text = header.decode("utf-8-sig", errors="replace").strip()
    found = [column.strip().strip('"') for column in text.split(",")]
    missing = [column for column in COLUMNS if column not in found]
    if missing:
        raise DataError(
            f"{name}, line 1: no column {', '.join(missing)} (the line reads {text[:60]!r}); "
            f"expected {','.join(COLUMNS)}; {AGAIN}"
        )
    return tuple(found.index(column) for column in COLUMNS)


def _row(text: bytes, order: tuple[int, int, int]) -> tuple[int, np.ndarray, int]:
    """Return label, (2304,) uint8 pixels and split code of one line; else raise ValueError."""
    fields = text.split(b",")
    if len(fields) <= max(order):
        raise ValueError(f"{len(fields)} columns, expected {max(order) + 1}")
    emotion, pixels, usage = (fields[position].strip().strip(b'"') for position in order)
    if not (emotion.isdigit() and int(emotion) < len(FER2013_CLASSES)):
        raise ValueError(f"emotion {_show(emotion)}, expected 0 to {len(FER2013_CLASSES) - 1}")
    code = _SPLIT_CODES.get(usage)
    if code is None:
        raise ValueError(f"Usage {_show(usage)}, expected {', '.join(FER2013_USAGE)}")
    try:
        values = np.fromstring(pixels, dtype=np.int64, sep=" ")
        good = values.size == PIXELS and values.min() >= 0 and values.max() <= 255
    except (ValueError, DeprecationWarning):
        good = False
    if not good:
        raise ValueError(_pixel_fault(pixels))
    return int(emotion), values.astype(np.uint8), code


def _pixel_fault(pixels: bytes) -> str:
    """Say what is wrong with a pixel field: the first bad value, else the count."""
    words = pixels.split()
    for position, word in enumerate(words, start=1):
        if not (word.isdigit() and int(word) <= 255):
            return f"pixel {position} is {_show(word)}, expected a whole number 0 to 255"
    return f"{len(words)} pixels, expected {PIXELS} ({SIDE} x {SIDE})"


def _show(value: bytes) -> str:
    return repr(value[:30].decode("utf-8", errors="replace"))
