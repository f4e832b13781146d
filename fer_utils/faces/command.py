"""What `python -m fer_utils predict` does."""

import math
from collections.abc import Sequence
from pathlib import Path

from fer_utils.errors import ConfigError, DataError
from fer_utils.faces.classifier import open_classifier
from fer_utils.faces.photos import SUFFIXES, find_photos
from fer_utils.faces.pipeline import Options, predict_photos
from fer_utils.faces.results import CSV, JOURNAL, UNREADABLE
from fer_utils.paths import relative


def predict_command(
    paths: Sequence[Path],
    out: Path,
    *,
    run: str | None = None,
    one_view: bool = False,
    max_megapixels: float = 25,
    **options,
) -> None:
    """Look at photos and folders of photos, write the results to `out`, say what was found.

    run: folder or name of a run; the net of the demo by default, with `one_view` not asked of
    the mirror images.  options: of `fer_utils.faces.pipeline.Options`.
    Raises DataError when there is no photo, ConfigError for a value that makes no sense or an
    `out` that holds the photos, RunError when the run has no weights.
    """
    if not (0 < max_megapixels < math.inf):
        raise ConfigError(f"--max-megapixels is {max_megapixels:g}; give a number above 0")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; give a folder")
    photos = find_photos(paths, without=out)
    inside = [path for path in paths if path.resolve().is_relative_to(out.resolve())]
    # results that were begun may be among the paths: `predict photos/* --out photos/results`
    if inside and not (photos and (out / JOURNAL).exists()):
        raise ConfigError(
            f"--out {out} holds the photos ({inside[0]}), and nothing in the folder of the results "
            "is looked at: give another folder, which may lie in that of the photos"
        )
    if not photos:
        names = ", ".join(str(path) for path in paths)
        raise DataError(f"no photos in {names}: looked for {' '.join(SUFFIXES)}")
    classifier = open_classifier(run, one_view=one_view)
    counts = predict_photos(
        photos, out, classifier, Options(max_pixels=round(max_megapixels * 1e6), **options)
    )
    print(f"{counts['faces']:,} faces in {counts['photos']:,} photos, by {classifier.name}: "
          f"{relative(out / CSV)}")  # fmt: skip
    if counts["skipped"]:
        print(f"{counts['skipped']:,} photos had been looked at before")
    if counts["unreadable"]:
        print(f"{counts['unreadable']:,} files could not be read: {relative(out / UNREADABLE)}")
