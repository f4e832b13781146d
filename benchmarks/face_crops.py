"""Where FER2013's frame lies about each detector's box: the constants of `fer_utils.faces.crops`.

Needs FER2013 in data/raw.  Prints a table and, for each detector, the medians to write down.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from common import RESULTS, machine, show_and_save

from fer_utils.datasets import load_dataset
from fer_utils.faces.blazeface import load_blazeface
from fer_utils.faces.calibration import calibrate
from fer_utils.faces.mtcnn import detect_mtcnn


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400, help="of valid, drawn by chance (400)")
    parser.add_argument("--without-mtcnn", action="store_true", help="it takes a few minutes")
    parser.add_argument("--output", type=Path, default=RESULTS / "face_crops.csv")
    options = parser.parse_args(argv)
    valid = load_dataset("fer2013").part("valid")
    drawn = np.random.default_rng(0).permutation(len(valid))[: options.images]
    detectors = {
        "BlazeFace 128": load_blazeface(128).detect,
        "BlazeFace 256": load_blazeface(256).detect,
        "MTCNN": detect_mtcnn,
    }
    if options.without_mtcnn:
        del detectors["MTCNN"]
    rows = []
    for name, detect in detectors.items():
        for canvas in (192, 288):
            medians = calibrate(valid.images[drawn], detect, side=96, canvas=canvas)
            numbers = {part: round(value, 3) for part, value in medians.items()}
            rows.append({"detector": name, "face": 96, "picture": canvas} | numbers)
    table = pd.DataFrame(rows)
    show_and_save("FER2013's frame about a detector's box", table, machine(), options.output)
    for name, part in table.groupby("detector"):
        scale, shift = part["scale"].mean(), part["shift"].mean()
        print(f"{name}: Frame(scale={scale:.2f}, shift={shift:.2f})")


if __name__ == "__main__":
    main()
