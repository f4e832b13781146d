"""Time detection and classification in the page as on a phone: a slow Chromium, one thread.

`make vendor`, then `python benchmarks/page.py`.  Playwright's Pixel 7 with the processor slowed
down four times (the page's nets run in its main thread, which is what the slowing down reaches);
face-api's nets the same way.  See README.md.
"""

import argparse
import base64
from pathlib import Path

import face_api
import numpy as np
import pandas as pd
from browser import DEVICE, demo_page, slow_down
from common import RESULTS, machine, show_and_save
from pictures import encoded, webcam_frame
from playwright.sync_api import Error as BrowserError

from demo import npm, vendor
from demo.predictor import Predictor
from fer_utils.published import load_published

SLOWER, TARGET_MS = 4, 40.0
OURS, EACH = "our page", "our page, all in every frame"
BOTH = "find and read"

#: Frame by frame what the page does before a webcam: read the pixels, find, cut out, classify.
MEASURE = """async ([data, rounds, all]) => {
  const { Engine } = await import("/js/engine.js");
  const { Watcher } = await import("/js/watching.js");
  const { readPhoto, toPixels } = await import("/js/pixels.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const bitmap = await readPhoto(new Blob([bytes]));
  const watcher = new Watcher(await Engine.load());
  const rows = [];
  for (let n = 0; n < rounds + 10; n++) {
    const start = performance.now();
    const pixels = toPixels(bitmap);
    const reading = performance.now() - start;
    const { faces, found, read, detection, classification } = await watcher.look(pixels, all);
    if (faces.length !== 1) throw new Error(`${faces.length} faces`);
    if (n >= 10) rows.push([reading, detection, classification, found, read]);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return rows;
}"""


def measure(slower: int, rounds: int, *, whole: bool) -> np.ndarray:
    """Return a row per frame: milliseconds of taking its pixels, finding and reading faces, and
    whether it was one in which they are found, and read, (rounds, 5).

    whole: find and read in every frame.
    """
    with demo_page() as page:
        slow_down(page, slower)
        frame = base64.b64encode(encoded(webcam_frame())).decode()
        return np.array(page.evaluate(MEASURE, [frame, rounds, whole]))


def as_rows(who: str, backend: str, slower: int, parts: np.ndarray) -> list[dict[str, object]]:
    """Return one row per step of `measure`'s times, each of the frames that take that step."""
    found, read = parts[:, 3:5].T.astype(bool)
    steps = {
        "read the frame": parts[:, 0],
        "find faces": parts[found, 1],
        "read the expression": parts[read, 2],
        BOTH: parts[:, 1] + parts[:, 2],
    }
    return [
        {
            "who": who,
            "backend": backend,
            "step": step,
            "slower": slower,
            "milliseconds": round(float(np.median(took)), 2),
            "mean": round(float(np.mean(took)), 2),
            "p5": round(float(np.percentile(took, 5)), 2),
            "p95": round(float(np.percentile(took, 95)), 2),
            "frames": len(took),
            "source": "measured",
            "target": TARGET_MS if (who, slower, step) == (OURS, SLOWER, BOTH) else np.nan,
        }
        for step, took in steps.items()
    ]


def quoted() -> list[dict[str, object]]:
    """Return the row of the latency that cs230-fer published of its own page."""
    return [
        {"who": number.project, "step": "recognition, on their device",
         "milliseconds": number.published, "source": f"quoted: {number.project}"}
        for number in load_published()
        if (number.row, number.metric) == ("web page, five-layer", "latency_ms")
    ]  # fmt: skip


def beside(rounds: int) -> list[dict[str, object]]:
    """Return face-api's rows; none, and say why, where it can't be had or does not run."""
    try:
        face_api.fetch()
        return [
            row
            for side in face_api.SIDES
            for slower in (1, SLOWER)
            for row in as_rows(
                f"{face_api.NAME}, detector at {side} pixels",
                f"tfjs {face_api.BACKEND}",
                slower,
                face_api.measure(slower, rounds, side),
            )
        ]
    except (npm.PackageError, BrowserError) as error:
        print(f"left out: {face_api.NAME}: {error}")
        return []


def verdicts(table: pd.DataFrame) -> list[str]:
    """Return a line on the target, and one on each other way that was measured the same way.

    The target is for the mean: frames differ, some are for finding and some for reading.
    """
    both = table[(table.step == BOTH) & (table.slower == SLOWER)]
    ours = both[both.who == OURS].iloc[0]
    met = "met" if ours["mean"] <= ours.target else "missed"
    lines = [
        f"target {met}: {ours['mean']:g} ms on average, median {ours.milliseconds:g}; "
        f"wanted {ours.target:g} ms"
    ]
    for _, row in both[both.who != OURS].iterrows():
        ratio = row["mean"] / ours["mean"]
        lines.append(f"{row.who} ({row.backend}) takes {ratio:.1f} times as long")
    return lines


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200, help="of each kind (default 200)")
    parser.add_argument("--output", type=Path, default=RESULTS / "page.csv")
    options = parser.parse_args(argv)
    if options.frames < 1:
        parser.error("--frames must be 1 or more")
    vendor.fetch()
    facts = machine() | {"device": DEVICE, "our_net": Predictor().facts["folder"]}
    rows = [
        row
        for who, whole in ((OURS, False), (EACH, True))
        for slower in (1, SLOWER)
        for row in as_rows(
            who,
            "onnxruntime-web wasm",
            slower,
            measure(slower, options.frames, whole=whole),
        )
    ]
    table = pd.DataFrame(rows + beside(options.frames) + quoted())
    counts = {"slower": "Int64", "frames": "Int64"}  # whole numbers, though the quoted has none
    show_and_save("Frame by frame in a browser", table.astype(counts), facts, options.output)
    print("\n".join(verdicts(table)))


if __name__ == "__main__":
    main()
