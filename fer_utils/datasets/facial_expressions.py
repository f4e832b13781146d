"""The ``facial_expressions`` pictures (cs230-facenet's data): eight expressions, in the wild.

From https://github.com/muxspace/facial_expressions (Apache-2.0), mostly pictures of LFW and of
film actors, labeled by students.  Its list is mended here: see `list_facial_expressions`.
"""

import csv
import shutil
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.cache import file_signature
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.datasets.people import people_of_names
from fer_utils.datasets.picture_folders import Listing, find_inside, load_listing, picture_files
from fer_utils.datasets.pictures import SUFFIXES, counted
from fer_utils.errors import DataError, DataMissing
from fer_utils.files import atomic_folder, sha256_json, write_text
from fer_utils.paths import relative

URL = "https://github.com/muxspace/facial_expressions"
LEGEND = "data/legend.csv"
COLUMNS = ("user.id", "image", "emotion")
ARCHIVES = ("facial_expressions.tar", "facial_expressions.tar.gz", "facial_expressions-master.zip")
_AGAIN = f"get the repository again from {URL}"


def find_facial_expressions(raw: Path | None = None) -> Path | None:
    """Return the folder or archive of the repository in `raw` (default data/raw), or None."""
    raw = paths.DATA_RAW if raw is None else Path(raw)
    for name in ("facial_expressions", "facial_expressions-master"):
        folder = find_inside(raw / name, (LEGEND, "images"))
        if folder:
            return folder
    return next((raw / name for name in ARCHIVES if (raw / name).is_file()), None)


def missing_message(place: Path | None = None) -> str:
    """Return the text that says what to get and where to put it."""
    return (
        f"no facial_expressions in {relative(place or paths.DATA_RAW)}; expected the repository "
        f"{URL} (Apache-2.0) as the folder data/raw/facial_expressions (with images/ and "
        f"{LEGEND}: `git clone {URL} data/raw/facial_expressions`), or its archive "
        f"data/raw/{ARCHIVES[2]} (Code, Download ZIP) or data/raw/{ARCHIVES[0]}"
    )


def load_facial_expressions(
    folder: Path | str | None = None, *, side: int = 110, strict: bool = False
) -> FaceDataset:
    """Return facial_expressions in gray, (N, side, side) uint8, with FER+'s eight classes.

    folder: the repository's folder or an archive of it (default: what
        `find_facial_expressions` finds in data/raw).  An archive is unpacked into data/cache.
    strict: refuse what is else mended or left out and told in `repairs`.

    Split by person (`people_of_names`), 70 / 15 / 15 % of the images, the same on every machine.
    Raises DataError when files are missing, the list is damaged or a class has no image.
    """
    place = find_facial_expressions() if folder is None else Path(folder)
    if place is None or not place.exists():
        raise DataMissing(missing_message(place))
    root = unpacked(place) if place.is_file() else find_inside(place, (LEGEND, "images"))
    if root is None:
        raise DataMissing(missing_message(place))
    return load_listing(list_facial_expressions(root), side, color=False, strict=strict)


def list_facial_expressions(root: Path) -> Listing:
    """Return the labeled pictures of the repository at `root`, by name; nothing is decoded.

    Left out and told: rows with an unknown label or without their image, images without a row,
    images with different labels.  An image listed twice with the same label counts once.
    Upper and lower case of the labels play no part.  Raises DataError for a damaged list.
    """
    rows = _read_legend(root / LEGEND)
    on_disk = {path.name for path in picture_files(root / "images")}
    labels, unknown, missing = defaultdict(list), [], []
    for image, emotion in rows:
        label = emotion.strip().lower()
        if image not in on_disk:
            missing.append(image)
        elif label not in EXPRESSIONS:
            unknown.append(f"{image} ({emotion})")
            labels[image] += []
        else:
            labels[image].append(EXPRESSIONS.index(label))
    torn = sorted(image for image, found in labels.items() if len(set(found)) > 1)
    repeated = sorted(image for image, found in labels.items() if len(found) > 1)
    repeated = [image for image in repeated if image not in set(torn)]
    names = sorted(image for image, found in labels.items() if len(set(found)) == 1)
    texts = (
        (missing, "row without its image", "rows without their image", "left out"),
        (unknown, "row with an unknown label", "rows with an unknown label", "left out"),
        (sorted(on_disk - set(labels)), "image without a label", "images without a label",
         "left out"),
        (torn, "image with different labels", "images with different labels", "left out"),
        (repeated, "image listed twice with one label", "images listed twice with one label",
         "counted once"),
    )  # fmt: skip
    return Listing(
        name="facial_expressions",
        source="facial_expressions (muxspace, Apache-2.0)",
        folder=root,
        files=tuple(f"images/{name}" for name in names),
        labels=np.array([labels[name][0] for name in names], dtype=np.int64),
        class_names=EXPRESSIONS,
        people=people_of_names(names),
        faults=tuple(counted(found, *words) for found, *words in texts if found),
    )


def _read_legend(path: Path) -> list[tuple[str, str]]:
    """Return the image and emotion of each row; DataError naming file and line."""
    name = relative(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name} cannot be read ({error}); {_AGAIN}") from error
    header = tuple(rows[0]) if rows else ()
    if header != COLUMNS:
        raise DataError(
            f"{name}, line 1: columns {','.join(header)[:80]!r}, expected "
            f"{','.join(COLUMNS)!r}; {_AGAIN}"
        )
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS):
            raise DataError(
                f"{name}, line {line}: {len(row)} columns, expected {len(COLUMNS)}; {_AGAIN}"
            )
    return [(image, emotion) for _, image, emotion in rows[1:]]


def unpacked(archive: Path) -> Path:
    """Return a folder below data/cache with the pictures and the list of `archive`.

    Unpacked once, and again when the archive changed.  Only images/ and data/legend.csv are
    taken, under these names.  Raises DataError when the archive is damaged or no such archive.
    """
    folder = paths.DATA_CACHE / "facial_expressions-unpacked"
    signature = sha256_json(file_signature(archive))
    stamp = folder / "archive.sha256"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == signature:
        return folder
    try:
        with atomic_folder(folder) as temporary:
            (temporary / "images").mkdir()
            (temporary / "data").mkdir()
            if zipfile.is_zipfile(archive):
                _unzip(archive, temporary)
            else:
                _untar(archive, temporary)
            if not (temporary / LEGEND).is_file():
                raise DataError(f"{relative(archive)} holds no {LEGEND}; {_AGAIN}")
            write_text(temporary / stamp.name, signature)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{relative(archive)} cannot be unpacked ({error}); {_AGAIN}") from error
    return folder


def _wanted(member: str) -> str | None:
    """Return where a member of an archive goes: images/<name>, the list, or nowhere (None)."""
    path = PurePosixPath(member)
    if path.parts[-2:] == ("data", "legend.csv"):
        return LEGEND
    picture = path.parent.name == "images" and path.suffix.lower() in SUFFIXES
    return f"images/{path.name}" if picture else None


def _unzip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            place = None if member.is_dir() else _wanted(member.filename)
            if place:
                with opened.open(member) as source, open(target / place, "wb") as file:
                    shutil.copyfileobj(source, file)


def _untar(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as opened:
        for member in opened:
            place = _wanted(member.name) if member.isfile() else None
            if place:
                with opened.extractfile(member) as source, open(target / place, "wb") as file:
                    shutil.copyfileobj(source, file)
