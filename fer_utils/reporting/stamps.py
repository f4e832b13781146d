"""Telling what changed: hashes of code, notebooks and the files that a build made."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from fer_utils import paths
from fer_utils.errors import FerError
from fer_utils.files import sha256_file, sha256_json
from fer_utils.paths import relative
from fer_utils.reporting.outputs import Outputs

#: Modules that no notebook uses: a change of theirs executes none again.
_NOT_FOR_NOTEBOOKS = (
    "__main__.py",
    "cli.py",
    "reporting/build.py",
    "reporting/exercises.py",
    "reporting/markdown.py",
    "reporting/model_card.py",
    "reporting/notebook_lint.py",
    "reporting/pictures.py",
    "reporting/readme.py",
    "reporting/render.py",
    "reporting/stamps.py",
    "reporting/state.py",
)

#: Files that notebooks read beside the package, their data and their runs, from the root.
READS = {"10_face_pipeline": ("demo/model/model.json", "benchmarks/results/page.csv")}


def code_stamp(*patterns: str) -> str:
    """Return a hash of the package's files that match any of `patterns`."""
    package = paths.ROOT / "fer_utils"
    files = {path for pattern in patterns for path in package.glob(pattern)}
    names = {path.relative_to(package).as_posix(): path for path in files}
    return sha256_json(
        {name: sha256_file(path) for name, path in names.items() if name not in _NOT_FOR_NOTEBOOKS}
    )


def files_stamp(names: Iterable[str]) -> str:
    """Return a hash of the files of these names, from the root; an absent one counts as such."""
    files = {name: paths.ROOT / name for name in names}
    return sha256_json(
        {name: sha256_file(path) if path.is_file() else None for name, path in files.items()}
    )


def cells_stamp(notebook: Path) -> str:
    """Return a hash of a notebook's cells without outputs: running it in JupyterLab is no change.

    Raises FerError when the file is no notebook.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return sha256_json([(cell["cell_type"], "".join(cell["source"])) for cell in cells])
    except (ValueError, KeyError, TypeError) as error:
        raise FerError(f"{relative(notebook)} is no notebook ({error}); restore it") from error


def files_of(outputs: Outputs, name: str) -> dict[Path, tuple[int, int]]:
    """Return the figures and tables of a notebook: those that begin with its number."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_ino)
        for folder in (outputs.figures, outputs.tables)
        for path in sorted(folder.glob(f"{name[:2]}_*"))
    }


def hashes(outputs: Outputs, files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of files below the outputs' folder, by their path from there."""
    return {path.relative_to(outputs.folder).as_posix(): sha256_file(path) for path in files}


def whole(outputs: Outputs, recorded: Mapping[str, str]) -> bool:
    """Tell whether all recorded files are there and are what they were."""
    files = {outputs.folder / name: expected for name, expected in recorded.items()}
    return bool(files) and all(
        path.is_file() and sha256_file(path) == expected for path, expected in files.items()
    )
