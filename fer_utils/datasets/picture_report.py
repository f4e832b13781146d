"""What `make data` says of the data sets of pictures: what is there, or what to get from where."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_utils.datasets import affectnet, ckplus, facial_expressions, jaffe
from fer_utils.datasets.base import FaceDataset
from fer_utils.labels import SPLITS
from fer_utils.paths import relative


def picture_report() -> str:
    """Return a paragraph for each data set of pictures; decodes what is there (once).

    Raises DataError when a data set that is there is damaged.
    """
    return "\n\n".join(
        _paragraph(*parts)
        for parts in (
            (
                "facial_expressions",
                facial_expressions.find_facial_expressions,
                facial_expressions.missing_message,
                facial_expressions.load_facial_expressions,
            ),
            (
                "AffectNet",
                affectnet.find_affectnet,
                affectnet.missing_message,
                affectnet.load_affectnet,
            ),
            ("CK+", ckplus.find_ckplus, ckplus.missing_message, ckplus.load_ckplus),
            ("JAFFE", jaffe.find_jaffe, jaffe.missing_message, jaffe.load_jaffe),
        )
    )


def _paragraph(
    title: str,
    find: Callable[[], Path | None],
    missing: Callable[[], str],
    load: Callable[[], FaceDataset],
) -> str:
    place = find()
    return f"{title}: {describe(place, load()) if place else missing() + '.'}"


def describe(place: Path, dataset: FaceDataset) -> str:
    """Return place, counts per split and class, people and repairs as a few lines of text."""
    widths = [max(10, len(name) + 2) for name in dataset.class_names]
    names = "".join(f"{name:>{w}}" for name, w in zip(dataset.class_names, widths, strict=True))
    lines = [
        f"{relative(place)}: {dataset.source}",
        f"  SHA-256 {dataset.source_hash} (of the files' bytes, labels and splits)",
        f"  {'split':<6}{'images':>8}{names}",
    ]
    for split in SPLITS:
        counts = dataset.class_counts(split)
        row = "".join(f"{count:>{w},}" for count, w in zip(counts, widths, strict=True))
        lines.append(f"  {split:<6}{counts.sum():>8,}{row}")
    if dataset.people is None:
        lines.append("  who is on which picture is not known: a person may be in several splits")
    else:
        people = len(np.unique(dataset.people))
        lines.append(f"  {len(dataset):,} images of {people:,} people, nobody in two splits")
    return "\n".join(lines + [f"  left out or mended: {text}" for text in dataset.repairs])
