"""From a list of picture files with labels to a `FaceDataset`, by way of the cache.

What the data sets of pictures share.  Each has a module that lists its files (quick: nothing is
decoded); here they are decoded, hashed, split by person where need be, and kept in data/cache.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.cache import cached_arrays
from fer_utils.datasets.people import join_people, split_by_person
from fer_utils.datasets.pictures import READER_VERSION, SUFFIXES, read_pictures
from fer_utils.errors import DataError
from fer_utils.files import sha256_bytes, sha256_json
from fer_utils.labels import SPLITS
from fer_utils.paths import relative

log = logging.getLogger(__name__)

#: Parts of the images that train, valid and test get where people are split here.
SHARES = (0.70, 0.15, 0.15)
_SPLIT_SEED = 0  # a change of it changes the data


@dataclass(frozen=True, eq=False)
class Listing:
    """The picture files of a data set, before any is decoded.

    name: registry name.
    source: what it is, in words.
    folder: where the files are.
    files: paths below `folder` with "/", in an order that depends on the names alone.  One file
        may occur more than once.
    labels: (N,) int64, an index into `class_names`.
    class_names: the classes in the order of the labels.
    people: (N,) int64, or None where people are unknown; exactly one of it and `split` is given.
    split: (N,) uint8, an index into `fer_utils.labels.SPLITS`, or None: then split by person.
    boxes: (N, 4) left, top, width, height of the face in pixels, or None (or a row of NaN) for
        the largest square about the center.
    faults: texts on what is wrong with the files and was mended or left out.
    left_out: texts on what was left out by the rules of the data set, without being wrong.
    may_be_empty: classes that need not have an image.
    """

    name: str
    source: str
    folder: Path
    files: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    people: np.ndarray | None = None
    split: np.ndarray | None = None
    boxes: np.ndarray | None = None
    faults: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    may_be_empty: tuple[str, ...] = ()


def load_listing(listing: Listing, side: int, *, color: bool, strict: bool) -> FaceDataset:
    """Return the pictures of `listing` as a data set, `side` x `side` pixels, gray or RGB.

    Kept in data/cache/<name>-<side> and read anew when a file's name, size or time changed.
    `data_key` stands for the files' bytes, labels, boxes and split in their order: it is the same
    for every side and wherever the files lie.  `ids` are places in the listing, so that an
    unreadable file shifts no other.  Images with equal bytes are taken for one person.
    strict: refuse what would else be mended or left out and told in `repairs`.
    Raises DataError naming what is wrong; always so for a class or a split without images.
    """
    if side < 1:
        raise DataError(f"{listing.name}: side {side}: expected at least one pixel")
    if strict and listing.faults:
        raise DataError(_refusal(listing, listing.faults[0]))
    _check_classes(listing, listing.labels)
    arrays, facts = cached_arrays(
        paths.DATA_CACHE / f"{listing.name}-{side}",
        _signature(listing, side, color),
        lambda: _build(listing, side, color, strict),
    )
    if strict and facts["faults"]:
        raise DataError(_refusal(listing, facts["faults"][0]))
    return FaceDataset(
        name=listing.name,
        source=listing.source,
        source_hash=facts["hash"],
        data_key=f"{listing.name}-{facts['hash'][:16]}",
        images=arrays["images"],
        labels=arrays["labels"],
        split=arrays["split"],
        class_names=listing.class_names,
        ids=arrays["ids"],
        people=arrays.get("people"),
        repairs=(*listing.faults, *facts["faults"], *listing.left_out),
    )


def picture_files(folder: Path) -> list[Path]:
    """Return the picture files right in `folder`, by name; [] if it is no folder."""
    if not folder.is_dir():
        return []
    found = (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != ".")
    return sorted(found, key=lambda path: path.name)


def class_folders(folder: Path, known: Mapping[str, int]) -> tuple[list[tuple[Path, int]], list]:
    """Return the pictures in the folders of classes below `folder`, and what is no class.

    known: lower-case folder names and their codes.  Returns (path, code) of each picture by name,
    and the names of the other folders that hold pictures.
    """
    found, unknown = [], []
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        pictures = picture_files(place)
        if place.name.lower() in known:
            found += [(path, known[place.name.lower()]) for path in pictures]
        elif pictures:
            unknown.append(place.name)
    return found, unknown


def find_inside(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """Return `folder`, or a folder at most two below it, that holds all of `parts`; else None."""
    for pattern in (".", "*", "*/*"):
        places = [folder] if pattern == "." else sorted(folder.glob(pattern))
        for place in places:
            if all((place / part).exists() for part in parts):
                return place
    return None


def _signature(listing: Listing, side: int, color: bool) -> dict:
    """Return what tells changed files or rules from the cached ones."""
    records = []
    for file in listing.files:
        try:
            stat = (listing.folder / file).stat()
        except OSError:  # gone since it was listed: the reader says so
            records.append([file, None, None])
        else:
            records.append([file, stat.st_size, stat.st_mtime_ns])
    rows = {
        part: None if array is None else array.tolist()
        for part in ("labels", "people", "split", "boxes")
        for array in (getattr(listing, part),)
    }
    return {
        "path": str(listing.folder.resolve()),
        "files": sha256_json(records),
        "rows": sha256_json(rows),
        "rules": [READER_VERSION, side, color, *SHARES, _SPLIT_SEED],
    }


def _build(
    listing: Listing, side: int, color: bool, strict: bool
) -> tuple[dict[str, np.ndarray], dict]:
    """Decode the files; return the arrays and facts that the cache keeps."""
    log.info("reading %s (once; then it comes from the cache)", relative(listing.folder))
    pictures = read_pictures(
        [listing.folder / file for file in listing.files],
        side,
        color=color,
        boxes=listing.boxes,
        strict=strict,
        name=listing.name,
    )
    kept = pictures.kept
    labels = listing.labels[kept]
    _check_classes(listing, labels)
    arrays = {"images": pictures.images, "labels": labels, "ids": kept}
    if listing.people is None:
        arrays["split"] = listing.split[kept]
    else:
        arrays["people"] = join_people(listing.people[kept], pictures.hashes)
        arrays["split"] = split_by_person(arrays["people"], labels, SHARES, _SPLIT_SEED)
    sizes = np.bincount(arrays["split"], minlength=len(SPLITS))
    if not sizes.all():
        raise DataError(
            f"{relative(listing.folder)}: no image for the split {SPLITS[sizes.argmin()]} (of "
            f"{len(labels):,} images): more images, or images of more people, are needed"
        )
    boxes = None if listing.boxes is None else listing.boxes[kept]
    return arrays, {
        "hash": _content_hash(pictures.hashes, labels, arrays["split"], boxes),
        "faults": list(pictures.faults),
    }


def _content_hash(
    hashes: np.ndarray, labels: np.ndarray, split: np.ndarray, boxes: np.ndarray | None
) -> str:
    """Return the SHA-256 of files' bytes, labels, split and boxes: no names, sizes, pixels."""
    lines = [f"reader {READER_VERSION}"]
    for row in range(len(labels)):
        box = "" if boxes is None else " ".join(f"{value:.3f}" for value in boxes[row])
        lines.append(f"{hashes[row]} {labels[row]} {split[row]} {box}")
    return sha256_bytes("\n".join(lines).encode())


def _check_classes(listing: Listing, labels: np.ndarray) -> None:
    counts = np.bincount(labels, minlength=len(listing.class_names))
    empty = [
        name
        for name, count in zip(listing.class_names, counts, strict=True)
        if not count and name not in listing.may_be_empty
    ]
    if empty:
        raise DataError(
            f"{relative(listing.folder)}: no image of {', '.join(empty)} among {len(labels):,}; "
            f"expected images of all of {', '.join(listing.class_names)}: is the copy whole?"
        )


def _refusal(listing: Listing, fault: str) -> str:
    return (
        f"{relative(listing.folder)}: {fault}; refused because of strict=True: mend the copy, or "
        "load it without strict to have this left out and told in `repairs`"
    )
