"""How fast faces are found and classified, beside the `fer` package.

The photo is `skimage.data.astronaut()`, one face, in several sizes; the net is the one that
`python -m fer_utils predict` takes.  Everything runs on one thread.  The `fer` package is not
installed here: its two rows are quoted (25.10.3, measured once on a machine of two EPYC cores),
so ratios to them hold for machines of that kind only.
"""

import argparse
import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from common import RESULTS, machine, show_and_save
from skimage.data import astronaut

from fer_utils.faces.blazeface import load_blazeface
from fer_utils.faces.classifier import open_classifier
from fer_utils.faces.crops import crop_face
from fer_utils.faces.detection import detect_faces
from fer_utils.faces.mtcnn import detect_mtcnn
from fer_utils.faces.resize import area_resize, to_uint8

FIND, CLASSIFY, QUOTED, MEASURED = "find faces", "classify", "quoted", "measured"
#: Milliseconds per face of `fer` 25.10.3, mini-Xception at 64 pixels: one call, and in batches.
FER_SINGLE, FER_BATCHED = 20.0, 0.45
#: We want to be so many times as fast, per face, as a call of `fer`.
TARGET = 10.0
BATCH = 64
SIDES = (512, 1024, 2048)


def seconds_per_call(work: Callable[[], object], rounds: int) -> list[float]:
    """Return how long each of `rounds` calls took, after one that does not count."""
    work()
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return took


def measure(rounds: int, run: str | None = None, *, with_mtcnn: bool = True) -> pd.DataFrame:
    """Return one row per stage: stage, what, side of the photo, ms per photo or face, and so on."""
    rows: list[dict[str, object]] = []

    def add(stage: str, what: str, side: int, function, *args, count: int = 1, **options) -> None:
        work = partial(function, *args, **options)
        took = [1000 * seconds / count for seconds in seconds_per_call(work, rounds)]
        rows.append(_row(stage, what, side, median(took), min(took), max(took), MEASURED, rounds))

    photos = {side: to_uint8(area_resize(astronaut(), (0, 0, 512, 512), (side, side)))
              for side in SIDES}  # fmt: skip
    for size in (128, 256):
        detector = load_blazeface(size)
        add(FIND, f"BlazeFace {size}", 512, detector.detect, photos[512])
    for side in SIDES:
        add(FIND, "BlazeFace with tiles (predict)", side, detect_faces, photos[side])
    if with_mtcnn:
        for side in SIDES:
            add(FIND, "MTCNN", side, detect_mtcnn, photos[side])

    net, face = open_classifier(run), detect_faces(photos[512])[0]
    faster = open_classifier(run, one_view=True)
    one = crop_face(photos[512], face, net.side)[None]
    many = np.repeat(one, BATCH, axis=0)
    add("crop", "crop and resize", 512, crop_face, photos[512], face, net.side)
    add(CLASSIFY, f"{net.name}, one face", net.side, net.predict, one)
    add(CLASSIFY, f"{net.name}, batches of {BATCH}", net.side, net.predict, many, count=BATCH)
    if faster.version != net.version:
        name = f"{net.name}, one view"
        add(CLASSIFY, f"{name}, one face", net.side, faster.predict, one)
        add(CLASSIFY, f"{name}, batches of {BATCH}", net.side, faster.predict, many, count=BATCH)
    for what, ms in (("fer 25.10.3, one call", FER_SINGLE), ("fer 25.10.3, batches", FER_BATCHED)):
        rows.append(_row(CLASSIFY, what, 64, ms, math.nan, math.nan, QUOTED, 0))
    table = pd.DataFrame(rows)
    classified = table.stage == CLASSIFY
    table["ratio_fer_one"] = (FER_SINGLE / table.ms).where(classified).round(1)
    table["ratio_fer_batches"] = (FER_BATCHED / table.ms).where(classified).round(2)
    table["target"] = np.where(table.what.str.endswith(f"batches of {BATCH}"), TARGET, np.nan)
    return table


def _row(stage, what, side, ms, lowest, highest, source, rounds):
    return {
        **{"stage": stage, "what": what, "side": side, "ms": round(ms, 3)},
        **{"lowest": round(lowest, 3), "highest": round(highest, 3)},
        **{"per_second": round(1000 / ms, 1), "source": source, "rounds": rounds},
    }


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="of each stage (15)")
    parser.add_argument("--run", help="folder or name of a run instead of the demo's net")
    parser.add_argument("--without-mtcnn", action="store_true", help="and without TensorFlow")
    parser.add_argument("--output", type=Path, default=RESULTS / "faces.csv")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    torch.set_num_threads(1)
    facts = machine()
    table = measure(options.rounds, options.run, with_mtcnn=not options.without_mtcnn)
    show_and_save("Finding and classifying faces, milliseconds", table, facts, options.output)
    for row in table.dropna(subset="target").itertuples():
        verdict = "met" if row.ratio_fer_one >= row.target else "missed"
        print(f"target {verdict}: {row.what}: a face takes 1/{row.ratio_fer_one:g} of a call of "
              f"fer (quoted); wanted 1/{row.target:g}")  # fmt: skip


if __name__ == "__main__":
    main()
