"""Time what stands between the files and the first training step.

`python benchmarks/data_loading.py` takes about a minute on two cores. See README.md.
"""

import argparse
import math
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from common import RESULTS, machine, show_and_save
from tqdm.auto import tqdm

from fer_utils.datasets import resolve_dataset_name
from fer_utils.datasets.audit import exact_duplicates
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.fer2013 import ROWS, find_fer2013, load_fer2013, missing_message
from fer_utils.datasets.synthetic import load_synthetic
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_USAGE, SPLITS
from fer_utils.paths import relative

TO_CACHE, FROM_CACHE = "file to cache", "load from cache"
COPY, AUDIT, DRAW = "copy images to memory", "find exact duplicates", "draw synthetic images"
#: Task -> images that the target is for, seconds at most.
TARGETS = {TO_CACHE: (ROWS, 6.0), FROM_CACHE: (ROWS, 0.1), DRAW: (6000, 15.0)}


def write_csv(faces: FaceDataset, path: Path) -> None:
    """Write `faces` in the form of fer2013.csv, for a machine that has no FER2013."""
    usage = {SPLITS.index(split): name for name, split in FER2013_USAGE.items()}
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        for image, label, code in zip(faces.images, faces.labels, faces.split, strict=True):
            file.write(f"{label},{' '.join(map(str, image.ravel()))},{usage[int(code)]}\n")


def measure(source: Path, images: int, rounds: int, folder: Path) -> pd.DataFrame:
    """Return the table, one row per task.

    source: FER2013 in one of its accepted forms.  images: number of synthetic ones.  folder:
    for the caches, a new one in each round; data/cache is not touched.
    """
    seconds: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}

    def timed(task: str, work: Callable[..., object], *args, **options) -> object:
        bar.set_postfix_str(task)
        start = time.perf_counter()
        result = work(*args, **options)
        seconds.setdefault(task, []).append(time.perf_counter() - start)
        bar.update()
        return result

    with tqdm(total=5 * rounds, desc="data loading", unit="task", leave=False) as bar:
        for number in range(rounds):
            cache = folder / f"cache_{number}"
            timed(TO_CACHE, load_fer2013, source, cache=cache)
            faces = timed(FROM_CACHE, load_fer2013, source, cache=cache)
            timed(COPY, np.array, faces.images)  # loaded, they are mapped but not yet read
            timed(AUDIT, exact_duplicates, faces)
            drawn = timed(DRAW, load_synthetic, images)
            sizes |= dict.fromkeys((TO_CACHE, FROM_CACHE, COPY, AUDIT), len(faces))
            sizes[DRAW] = len(drawn)

    def target(task: str) -> float:
        size, at_most = TARGETS.get(task, (None, math.nan))
        return at_most if sizes[task] == size else math.nan

    return pd.DataFrame(
        {
            "task": task,
            "images": sizes[task],
            "seconds": round(median(took), 3),
            "lowest": round(min(took), 3),
            "highest": round(max(took), 3),
            "rounds": rounds,
            "target": target(task),
        }
        for task, took in seconds.items()
    )


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="auto", help="auto, fer2013 or synthetic")
    parser.add_argument("--images", type=int, default=6000, help="synthetic images (6000)")
    parser.add_argument("--rounds", type=int, default=3, help="of each task (default 3)")
    parser.add_argument("--output", type=Path, default=RESULTS / "data_loading.csv")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")

    facts = machine() | {"dataset": resolve_dataset_name(options.dataset)}
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        if facts["dataset"] == "fer2013":
            source = find_fer2013()
            if source is None:
                raise DataError(missing_message())
            title = f"Loading {relative(source)}"
        else:
            source = Path(name) / "fer2013.csv"
            write_csv(load_synthetic(options.images), source)
            warnings.simplefilter("ignore")  # yes, it is not FER2013
            title = "Loading synthetic images, written in the form of fer2013.csv"
        table = measure(source, options.images, options.rounds, Path(name))
    show_and_save(title, table, facts, options.output)
    for row in table.dropna(subset="target").itertuples():
        verdict = "met" if row.seconds <= row.target else "missed"
        print(f"target {verdict}: {row.task} takes {row.seconds:g} s; wanted {row.target:g} s")


if __name__ == "__main__":
    main()
