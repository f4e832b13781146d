"""Find files of initial weights, and check that they are what their name says."""

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fer_utils import paths
from fer_utils.errors import DataError, WeightsMissing
from fer_utils.files import sha256_file
from fer_utils.paths import relative
from fer_utils.weights.registry import WEIGHTS, WeightsFile, get_weights_file


@dataclass(frozen=True)
class WeightsRow:
    """What `weights_table` says of one file: where it is, or where to put it.

    path: the file that was found, sound or not, or None.
    problem: how it differs from the published one, or "".
    target: where a user would put it.
    """

    file: WeightsFile
    path: Path | None
    problem: str
    target: Path


def user_folder() -> Path:
    """Return the folder where users put files of initial weights, and `fetch` does."""
    return paths.DATA_RAW / "weights"


def search_folders(file: WeightsFile) -> list[Path]:
    """Return the folders where `file` is looked for, in this order; not all need exist."""
    folders = [user_folder()]
    if file.cache == "keras":
        keras = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        folders.append(Path(keras) / "models" / "vggface")
    elif file.cache == "torch":
        import torch

        folders.append(Path(torch.hub.get_dir()) / "checkpoints")
    elif file.package:
        package, _, folder = file.package.partition("/")
        spec = find_spec(package)  # of a package that is not inside another: imports nothing
        if spec is not None:
            folders += [Path(place) / folder for place in spec.submodule_search_locations or ()]
    return folders


def find_weights(name: str) -> Path | None:
    """Return where the file of initial weights called `name` is, or None.

    Raises ConfigError for an unknown name, and DataError naming both sizes or hashes when the
    file that is there is not the one that was published.
    """
    file = get_weights_file(name)
    path = _locate(file)
    if path is not None:
        check_weights(file, path)
    return path


def require_weights(name: str) -> Path:
    """Return where the file of initial weights called `name` is.

    Raises WeightsMissing, which says what to put where, if it is nowhere; else as `find_weights`.
    """
    path = find_weights(name)
    if path is None:
        raise WeightsMissing(missing_message(get_weights_file(name)))
    return path


def missing_message(file: WeightsFile) -> str:
    """Return in one sentence which file to put where, and where it comes from."""
    target = relative(user_folder() / file.file_name)
    if file.url:
        how = f"get it with `python -m fer_utils weights --fetch {file.name}`, or save {file.url}"
    else:
        how = f"install the package {file.package_name}, which carries it, or save {file.file_name}"
    folders = ", ".join(relative(folder) for folder in search_folders(file))
    return (
        f"the initial weights {file.name} are not on this machine (no {file.file_name} in "
        f"{folders}): {how} as {target}"
    )


def check_weights(file: WeightsFile, path: Path) -> None:
    """Raise DataError unless the file at `path` has the size and SHA-256 of `file`.

    What is not known of `file` is not checked; an empty file never passes.
    """
    problem = difference(file, path)
    if problem:
        raise DataError(
            f"{relative(path)} is not {file.name} as published: it {problem}; delete it and get "
            "it again" + (f" from {file.url}" if file.url else "")
        )


def difference(file: WeightsFile, path: Path) -> str:
    """Return in words how the file at `path` differs from `file` as published, or ""."""
    status = path.stat()
    if not status.st_size or (file.size is not None and status.st_size != file.size):
        expected = "more" if file.size is None else f"{file.size:,}"
        return f"has {status.st_size:,} bytes, expected {expected}"
    found = _sha256(path, status.st_size, status.st_mtime_ns) if file.sha256 else ""
    if not found.startswith(file.sha256):
        more = "" if len(file.sha256) == 64 else "..."
        return f"has the SHA-256 {found}, expected {file.sha256}{more}"
    return ""


def weights_table() -> list[WeightsRow]:
    """Return for every known file of initial weights what is known and where it is."""
    rows = []
    for file in WEIGHTS.values():
        path = _locate(file)
        problem = "" if path is None else difference(file, path)
        rows.append(WeightsRow(file, path, problem, user_folder() / file.file_name))
    return rows


def _locate(file: WeightsFile) -> Path | None:
    places = (folder / file.file_name for folder in search_folders(file))
    return next((place for place in places if place.is_file()), None)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Return the hash of `path`; `size` and `changed` make a changed file another one."""
    return sha256_file(path)
