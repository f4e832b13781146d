"""`make data`: fetch what can be fetched, check what is there, say what to do about the rest."""

import http.client
import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.fer2013 import (
    COMPETITION,
    ROWS,
    find_fer2013,
    load_fer2013,
    missing_message,
)
from fer_utils.datasets.fer2013_csv import read_fer2013_csv
from fer_utils.datasets.ferplus import FERPLUS_FILE, FERPLUS_SHA256, load_votes, majority
from fer_utils.datasets.picture_report import picture_report
from fer_utils.errors import DataError
from fer_utils.files import atomic_path, sha256_bytes
from fer_utils.labels import SPLITS
from fer_utils.paths import relative

FERPLUS_URL = f"https://raw.githubusercontent.com/microsoft/FERPlus/master/{FERPLUS_FILE}"

#: Images per class (in label order) of the official file.
OFFICIAL_COUNTS = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "valid": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
_KAGGLE_SECONDS = 3600  # long enough for 100 MB on a slow line
_URL_SECONDS = 30  # without an answer
_URL_BYTES = 10_000_000  # several times the size of the file that we want


def data_report() -> str:
    """Fetch and check all data sets; return what `make data` prints.

    Raises DataError when a file that is there is damaged.
    """
    return "\n\n".join((ensure_fer2013(), ensure_ferplus(), picture_report()))


def ensure_fer2013() -> str:
    """Find FER2013 in data/raw, or get it with the Kaggle client; return a report in words.

    Missing data is no error: the report then says what to get and where to put it.
    Raises DataError when the files are damaged.
    """
    note = ""
    if find_fer2013() is None:
        note = _fetch_with_kaggle()
    path = find_fer2013()
    if path is None:
        return f"FER2013: {missing_message()}.\n{note}"
    return _describe(path, load_fer2013(path))


def ensure_ferplus() -> str:
    """Find FER+'s votes in data/raw, or download them; return a report in words.

    Raises DataError when the file that is there is damaged.
    """
    path = paths.DATA_RAW / FERPLUS_FILE
    note = ""
    if not path.is_file():
        try:
            note = f"\n  downloaded from {FERPLUS_URL}"
            _download_ferplus(path)
        except (OSError, http.client.HTTPException, DataError) as error:
            return (
                f"FER+: no {relative(path)}, and the download failed ({error}).\n"
                f"  Get {FERPLUS_URL} with a browser and save it as {relative(path)}; without "
                "it everything but the FER+ notebook works."
            )
    votes = load_votes(path, ROWS)
    known = sha256_bytes(_with_lf(path.read_bytes())) == FERPLUS_SHA256
    return (
        f"FER+: {relative(path)}: "
        + ("the authors' file" if known else "not the authors' file as known, but well formed")
        + note
        + f"\n  {len(votes):,} rows of votes, {int((majority(votes) >= 0).sum()):,} with a "
        "majority for one expression"
    )


def _describe(path: Path, dataset: FaceDataset) -> str:
    """Return form, hash, counts and row checks of FER2013 as a few lines of text."""
    names = dataset.class_names
    lines = [
        f"FER2013: {relative(path)}: {dataset.source}",
        f"  SHA-256 {dataset.source_hash}" + (" (of the content)" if path.is_dir() else ""),
        f"  {'split':<6}{'images':>8}" + "".join(f"{name:>10}" for name in names),
    ]
    counts = {split: dataset.class_counts(split) for split in SPLITS}
    for split, row in counts.items():
        lines.append(f"  {split:<6}{row.sum():>8,}" + "".join(f"{count:>10,}" for count in row))
    lines.append(f"  row checks passed: {len(dataset):,} images of 48 x 48 pixels, all labeled")
    if not path.is_dir():
        same = all(np.array_equal(counts[split], OFFICIAL_COUNTS[split]) for split in SPLITS)
        lines.append(f"  class counts {'equal' if same else 'DIFFER from'} the official file's")
        if dataset.votes is None:
            lines.append("  without FER+ votes")
    return "\n".join(lines)


def _fetch_with_kaggle() -> str:
    """Download FER2013 into data/raw with the Kaggle client; return a note on what happened.

    The archive is read from end to end in a temporary folder before it is moved into place.
    """
    client = shutil.which("kaggle")
    if client is None:
        if _has_kaggle_token():
            return "  A Kaggle token is here, but no `kaggle` command: `pip install kaggle` first."
        return (
            "  With the `kaggle` command and a token (KAGGLE_USERNAME and KAGGLE_KEY, or "
            "~/.kaggle/kaggle.json), `make data` downloads it for you."
        )
    raw = paths.DATA_RAW
    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=raw, prefix=".kaggle-") as folder:
        command = [client, "competitions", "download", "-c", COMPETITION]
        command += ["-f", "fer2013.tar.gz", "-p", folder]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, timeout=_KAGGLE_SECONDS, check=False
            )
            if done.returncode:
                return (
                    f"  `{' '.join(command[:-2])}` failed with exit status {done.returncode}: "
                    "check the token, and accept the competition's rules on its page once."
                )
            found = find_fer2013(Path(folder))
            if found is None:
                return "  The Kaggle client downloaded no file of FER2013."
            read_fer2013_csv(found)
            os.replace(found, raw / found.name)
        except (OSError, subprocess.TimeoutExpired, DataError) as error:
            return f"  The download with the Kaggle client failed: {error}"
    return ""


def _has_kaggle_token() -> bool:
    in_environment = {"KAGGLE_USERNAME", "KAGGLE_KEY"} <= set(os.environ)
    return in_environment or (Path.home() / ".kaggle" / "kaggle.json").is_file()


def _download_ferplus(path: Path) -> None:
    """Download FER+'s file to `path`; DataError unless it is the known one or well formed."""
    with urllib.request.urlopen(FERPLUS_URL, timeout=_URL_SECONDS) as response:
        data = response.read(_URL_BYTES)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
        if sha256_bytes(_with_lf(data)) != FERPLUS_SHA256:
            load_votes(temporary, ROWS)  # raises: cut off, or a web page instead of the file


def _with_lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")
