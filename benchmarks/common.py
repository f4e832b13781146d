"""What the benchmarks share: the facts of the machine, the table, the CSV."""

import platform
import sys
import time
from pathlib import Path

import pandas as pd
import torch

from fer_utils.files import write_text
from fer_utils.hardware import describe
from fer_utils.paths import relative

RESULTS = Path(__file__).resolve().parent / "results"
BUSY = 0.1  # part of the processor time from which on other programs spoil the times


def others_use() -> float | None:
    """Return the part, 0 to 1, of all processor time used during one second that we sleep.

    None where the system does not tell (it needs Linux's /proc/stat).
    """

    def ticks() -> list[int]:
        first_line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
        return [int(word) for word in first_line.split()[1:9]]  # guests are in user already

    try:
        before = ticks()
        time.sleep(1)
        spent = [b - a for a, b in zip(before, ticks(), strict=True)]
    except (OSError, ValueError):
        return None
    idle = spent[3] + spent[4]  # idle, and waiting for the disk
    return round(1 - idle / max(1, sum(spent)), 2)


def machine() -> dict[str, object]:
    """Return the CSV's columns on this machine; warn when other programs keep it busy."""
    facts = describe()
    busy = others_use()
    if busy is not None and busy > BUSY:
        print(
            f"warning: other programs use {100 * busy:.0f} % of this machine's processor time; "
            "wait until it is idle and run this again",
            file=sys.stderr,
        )
    return {
        "hardware": facts["name"],
        "cores": facts["cores"],
        "system": facts["system"],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "busy_before": busy,  # part of the processor time that others used just before
    }


def show_and_save(title: str, table: pd.DataFrame, facts: dict[str, object], path: Path) -> None:
    """Print `table`, and write it with the columns of `facts` added to `path`."""
    print(f"\n{title}\n{facts['hardware']}, {facts['cores']} cores, torch {facts['torch']}\n")
    print(table.to_string(index=False, na_rep="-"))
    write_text(path, table.assign(**facts).to_csv(index=False, lineterminator="\n"))
    print(f"\nsaved: {relative(path)}")
