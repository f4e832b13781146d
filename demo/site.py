"""What the page consists of: which address is which file. Server and `make page` share it."""

import json
from pathlib import Path

from demo import vendor
from fer_utils.errors import FerError
from fer_utils.export import FACTS, ONNX_MODEL, SHIPPED
from fer_utils.faces.blazeface import FILES as DETECTORS
from fer_utils.faces.blazeface import FOLDER as BLAZEFACE
from fer_utils.files import sha256_bytes, sha256_file
from fer_utils.paths import ROOT, relative

PAGE = ROOT / "demo" / "page"
SCRIPT = "precache.js"  # made here: what the service worker keeps for use without a network

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}


def site_files() -> dict[str, Path]:
    """Return the page's files by address ("js/main.js"); FerError when one is missing."""
    files = {
        path.relative_to(PAGE).as_posix(): path
        for path in sorted(PAGE.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    files |= {f"vendor/{name}": vendor.FOLDER / name for name in vendor.FILES}
    files |= {f"models/blazeface_{n}.onnx": BLAZEFACE / f"blazeface_{n}.onnx" for n in DETECTORS}
    files |= {f"models/{name}": SHIPPED / name for name in (ONNX_MODEL, FACTS)}
    files["models/model-card.md"] = SHIPPED / "README.md"
    files["models/blazeface-license.txt"] = BLAZEFACE / "LICENSE"
    for path in files.values():
        if not path.exists():
            raise FerError(f"{relative(path)} is missing: run `make vendor`, or restore it")
    return files


def precache(files: dict[str, Path]) -> str:
    """Return the script that tells the service worker its files; it changes when one does."""
    hashes = {address: sha256_file(path) for address, path in files.items()}
    version = sha256_bytes(json.dumps(hashes, sort_keys=True).encode())[:16]
    addresses = ["./", *(address for address in hashes if address != "sw.js")]
    listed = json.dumps(addresses, indent=1)
    return f'self.PRECACHE = {{ version: "{version}", files: {listed} }};\n'
