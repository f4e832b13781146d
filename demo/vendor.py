"""Fetch onnxruntime-web, which the page needs and the repository does not hold.

`python -m demo.vendor` (`make vendor`) takes it from npm, checks the hashes of what it keeps
and does nothing where the files are already there.  Offline: put the two files of FILES, from
the package's folder `dist`, into demo/vendor/onnxruntime-web yourself.
"""

import sys
from pathlib import Path

from demo import npm
from fer_utils.paths import ROOT, relative

FOLDER = ROOT / "demo" / "vendor" / "onnxruntime-web"

#: Files of the package's `dist` that the page needs, and their SHA-256.
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}

#: MIT license, Microsoft.
PACKAGE = npm.Package("onnxruntime-web@1.30.0", FILES, "demo/vendor.py", inside="dist")


def missing(folder: Path | None = None) -> list[str]:
    """Return the names of the files that are not there or not what they should be."""
    return npm.missing(PACKAGE, folder or FOLDER)


def fetch(folder: Path | None = None) -> list[Path]:
    """Fetch what is missing; return the paths of what was written.  See `demo.npm.fetch`."""
    return npm.fetch(PACKAGE, folder or FOLDER)


def main() -> int:
    """Fetch what is missing; say what was done."""
    try:
        written = fetch()
    except npm.PackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(relative, written)) or f"{relative(FOLDER)}: everything is there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
