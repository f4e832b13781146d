"""What `python -m fer_utils weights` prints."""

import textwrap
from collections.abc import Iterable

from fer_utils.errors import FerError
from fer_utils.paths import relative
from fer_utils.weights.fetch import fetch
from fer_utils.weights.files import WeightsRow, find_weights, user_folder, weights_table
from fer_utils.weights.registry import get_weights_file

_WIDTH = 96
_INDENT = 11


def weights_report() -> str:
    """Return one block per known file: what it is for, its terms, its hash, where it is."""
    rows = weights_table()
    found = sum(row.path is not None and not row.problem for row in rows)
    blocks = ["\n".join(_block(row)) for row in rows]
    end = (
        f"{found} of {len(rows)} are on this machine. Get others with "
        "`python -m fer_utils weights --fetch NAME ...`."
    )
    return "\n\n".join([*blocks, end])


def fetch_all(names: Iterable[str]) -> int:
    """Download the files called `names`, saying of each what happened; return how many failed.

    Raises ConfigError for an unknown name, before anything is downloaded.
    """
    failed = 0
    for file in [get_weights_file(name) for name in names]:
        try:
            path = find_weights(file.name) or fetch(file, user_folder())
            print(f"{file.name}: {relative(path)}", flush=True)
        except FerError as error:
            failed += 1
            print(f"{file.name}: FAILED: {error}", flush=True)
    return failed


def _block(row: WeightsRow) -> list[str]:
    file = row.file
    size = "unknown" if file.size is None else f"{file.size:,} bytes"
    more = "..." if 0 < len(file.sha256) < 64 else ""
    if row.path is None:
        state = f"missing: put it there as {relative(row.target)}"
    elif row.problem:
        state = f"DAMAGED: {relative(row.path)} {row.problem}"
    else:
        state = f"found: {relative(row.path)}"
    facts = {
        "for": file.purpose,
        "license": file.license,
        "from": file.url or f"the installed package {file.package_name}",
        "size": size,
        "SHA-256": f"{file.sha256}{more}" or "unknown",
        "state": state,
    }
    return [file.name, *(_line(key, value) for key, value in facts.items())]


def _line(key: str, value: str) -> str:
    return textwrap.fill(
        value,
        _WIDTH,
        initial_indent=f"  {key:<{_INDENT - 2}}",
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
