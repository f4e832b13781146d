"""Where things are. Every path starts at the repository's root, never at the caller's folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

DATA_RAW = ROOT / "data" / "raw"  # what the user downloads; never committed
DATA_CACHE = ROOT / "data" / "cache"  # made from DATA_RAW; safe to delete
NOTEBOOKS = ROOT / "notebooks"
REPORTS = ROOT / "reports"  # the published report
PUBLISHED_RUNS = REPORTS / "runs"  # committed runs, without large weights
RUNS = ROOT / "runs"  # this machine's runs, with weights and checkpoints
BUILD = ROOT / "build"  # everything else that is generated


def relative(path: Path | str) -> str:
    """Return `path` as seen from the repository's root, for messages and manifests."""
    path = Path(path).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
