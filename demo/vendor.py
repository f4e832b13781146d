"""Fetch onnxruntime-web, which the page needs and the repository does not hold.

`python -m demo.vendor` (`make vendor`) takes it from npm, checks the hashes of what it keeps
and does nothing where the files are already there.  Offline: put the two files of FILES, from
the package's folder `dist`, into demo/vendor/onnxruntime-web yourself.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from fer_utils.errors import FerError
from fer_utils.files import atomic_path, sha256_file
from fer_utils.paths import ROOT, relative

FOLDER = ROOT / "demo" / "vendor" / "onnxruntime-web"
PACKAGE = "onnxruntime-web@1.30.0"  # MIT license, Microsoft

#: Files of the package's `dist` that the page needs, and their SHA-256.
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}


class VendorError(FerError):
    """onnxruntime-web is not here and can't be fetched, or is not what it should be."""


def missing(folder: Path | None = None) -> list[str]:
    """Return the names of the files that are not there or not what they should be."""
    folder = folder or FOLDER
    return [
        name
        for name, sha256 in FILES.items()
        if not (folder / name).exists() or sha256_file(folder / name) != sha256
    ]


def fetch(folder: Path | None = None) -> list[Path]:
    """Fetch what is missing with npm; return the paths of what was written.

    Raises VendorError, and writes nothing, without npm, without a network, or for other content.
    """
    folder = folder or FOLDER
    wanted = missing(folder)
    if not wanted:
        return []
    with tempfile.TemporaryDirectory() as name:
        unpacked = _unpack(_pack(Path(name)), Path(name))
        for file in wanted:
            if sha256_file(unpacked / file) != FILES[file]:
                raise VendorError(f"{PACKAGE}: {file} has another SHA-256 than demo/vendor.py says")
        for file in wanted:
            with atomic_path(folder / file) as temporary:
                shutil.copyfile(unpacked / file, temporary)
    return [folder / file for file in wanted]


def _pack(folder: Path) -> Path:
    """Return the package's archive, downloaded into `folder`."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError(
            f"npm was not found: install Node.js, or put {', '.join(FILES)} of {PACKAGE} into "
            f"{relative(FOLDER)}"
        )
    try:
        subprocess.run(
            [npm, "pack", "--silent", PACKAGE],
            cwd=folder, check=True, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise VendorError(f"npm could not download {PACKAGE}: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise VendorError(f"npm took more than 300 s for {PACKAGE}: try again later") from error
    return next(folder.glob("*.tgz"))


def _unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        for file in FILES:
            tar.extract(f"package/dist/{file}", folder, filter="data")
    return folder / "package" / "dist"


def main() -> int:
    """Fetch what is missing; say what was done."""
    try:
        written = fetch()
    except VendorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(relative, written)) or f"{relative(FOLDER)}: everything is there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
