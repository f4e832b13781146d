"""Arrays parsed once and kept as .npy files, rebuilt whenever their source changes."""

import contextlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_utils.errors import DataError
from fer_utils.files import atomic_folder, locked
from fer_utils.paths import relative

log = logging.getLogger(__name__)

VERSION = 1  # raise it when the meaning of the cached arrays changes: old caches are rebuilt
_MAPPED_FROM = 1 << 20  # bytes; smaller arrays are read into memory
_LEFTOVER_AGE = 3600  # seconds after which a killed writer's folder is surely dead

Arrays = dict[str, np.ndarray]


def file_signature(path: Path) -> dict:
    """Return what tells a changed file from the one that was cached: path, size, mtime."""
    stat = path.stat()
    return {"path": str(path.resolve()), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def cached_arrays(
    folder: Path, signature: dict, build: Callable[[], tuple[Arrays, dict]]
) -> tuple[Arrays, dict]:
    """Return `build()`'s arrays and facts from `folder`, calling `build` only if need be.

    The cache is used when it is whole and its signature equals `signature` (JSON values);
    a damaged one is rebuilt with a logged warning.  Arrays of 1 MiB and more come back
    memory-mapped read-only, unless another process writes this cache at the same moment.
    Raises DataError when the cache can't be written; an existing cache then stays as it was.
    """
    cached = _read(folder, signature)
    if cached is not None:
        return cached
    arrays, facts = build()
    try:
        with locked(folder.with_name(f".{folder.name}.lock")) as ours:
            if ours:
                _write(folder, signature, arrays, facts)
    except OSError as error:
        # Another process may have put the same cache in place first: then use that one.
        cached = _read(folder, signature)
        if cached is None:
            raise DataError(_cannot_write(folder, arrays, error)) from error
        return cached
    # what another process is about to put in place can't be read yet
    return _read(folder, signature) or (arrays, json.loads(json.dumps(facts)))


def _read(folder: Path, signature: dict) -> tuple[Arrays, dict] | None:
    """Return the cached arrays and facts, or None when missing, stale or damaged."""
    if not folder.is_dir():
        return None
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        if meta["version"] != VERSION or meta["signature"] != signature:
            return None
        arrays = {}
        for name, size in meta["files"].items():
            path = folder / name
            if path.stat().st_size != size:
                raise ValueError(f"{name} has {path.stat().st_size} bytes, not {size}")
            arrays[path.stem] = np.load(path, mmap_mode="r" if size >= _MAPPED_FROM else None)
        return arrays, meta["facts"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("the cache %s is damaged and is built anew (%s)", relative(folder), error)
        return None


def _write(folder: Path, signature: dict, arrays: Arrays, facts: dict) -> None:
    _sweep(folder)
    with atomic_folder(folder) as temporary:
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array)
        files = {path.name: path.stat().st_size for path in sorted(temporary.glob("*.npy"))}
        meta = {"version": VERSION, "signature": signature, "files": files, "facts": facts}
        (temporary / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def _sweep(folder: Path) -> None:
    """Remove what a writer killed long ago left beside `folder`."""
    for kind in ("tmp", "old"):
        for leftover in folder.parent.glob(f".{folder.name}.*.{kind}"):
            with contextlib.suppress(OSError):
                if time.time() - leftover.stat().st_mtime > _LEFTOVER_AGE:
                    shutil.rmtree(leftover)


def _cannot_write(folder: Path, arrays: Arrays, error: OSError) -> str:
    needed = sum(array.nbytes for array in arrays.values()) / 1e6
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(existing).free / 1e6
    return (
        f"cannot write the cache {relative(folder)} ({error}); it needs {needed:,.1f} MB and "
        f"{free:,.1f} MB are free there: make room or check the folder's permissions, "
        "then try again"
    )
