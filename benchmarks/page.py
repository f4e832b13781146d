"""Time detection and classification in the page as on a phone: a slow Chromium, one thread.

`make vendor`, then `python benchmarks/page.py`, takes about a minute.  Playwright's Pixel 7 with
the processor slowed down four times (the page's nets run in its main thread, which is what the
slowing down reaches).  See README.md.
"""

import argparse
import base64
import contextlib
import io
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data
from common import RESULTS, machine, show_and_save
from PIL import Image
from playwright.sync_api import sync_playwright
from waitress import create_server

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script's is its own folder

from demo import vendor
from demo.app import create_app
from demo.predictor import Predictor

DEVICE, SLOWER, TARGET_MS = "Pixel 7", 4, 40.0
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--no-first-run")  # fmt: skip

#: Frame by frame what the page does before a webcam: read the pixels, find, cut out, classify.
MEASURE = """async ([data, rounds]) => {
  const { Engine } = await import("/js/engine.js");
  const { readPhoto, toPixels } = await import("/js/pixels.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const bitmap = await readPhoto(new Blob([bytes]));
  const engine = await Engine.load();
  const rows = [];
  for (let n = 0; n < rounds + 10; n++) {
    const start = performance.now();
    const pixels = toPixels(bitmap);
    const reading = performance.now() - start;
    const { faces, detection, classification } = await engine.look(pixels);
    if (faces.length !== 1) throw new Error(`${faces.length} faces`);
    if (n >= 10) rows.push([reading, detection, classification]);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return rows;
}"""


def frame() -> bytes:
    """Return a webcam's frame, 640 x 480 pixels with one face, as PNG."""
    picture, file = Image.new("RGB", (640, 480), (120, 120, 120)), io.BytesIO()
    picture.paste(Image.fromarray(skimage.data.astronaut()).crop((0, 0, 512, 480)), (64, 0))
    picture.save(file, "PNG")
    return file.getvalue()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve the demo while the block runs; yield its address."""
    server = create_server(create_app(), host="127.0.0.1", port=0, threads=8)

    def run() -> None:
        with contextlib.suppress(OSError):  # of its closed socket
            server.run()

    threading.Thread(target=run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


def measure(slower: int, rounds: int) -> np.ndarray:
    """Return milliseconds of reading, detection and classification, (rounds, 3)."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with serving() as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(**started.devices[DEVICE], service_workers="block")
        page = context.new_page()
        page.goto(address)
        page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=120_000)
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        rows = page.evaluate(MEASURE, [base64.b64encode(frame()).decode(), rounds])
        browser.close()
    return np.array(rows)


def as_table(times: dict[int, np.ndarray]) -> pd.DataFrame:
    """Return one row per step and slowing down, of `measure`'s times."""
    rows = []
    for slower, parts in times.items():
        steps = {
            "read the frame": parts[:, 0],
            "find faces": parts[:, 1],
            "read the expression": parts[:, 2],
            "find and read": parts[:, 1] + parts[:, 2],
        }
        for step, took in steps.items():
            wanted = slower == SLOWER and step == "find and read"
            rows.append(
                {
                    "step": step,
                    "slower": slower,
                    "milliseconds": round(float(np.median(took)), 2),
                    "p5": round(float(np.percentile(took, 5)), 2),
                    "p95": round(float(np.percentile(took, 95)), 2),
                    "frames": len(took),
                    "target": TARGET_MS if wanted else np.nan,
                }
            )
    return pd.DataFrame(rows)


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200, help="of each kind (default 200)")
    parser.add_argument("--output", type=Path, default=RESULTS / "page.csv")
    options = parser.parse_args(argv)
    vendor.fetch()
    facts = machine() | {"device": DEVICE, "model": Predictor().facts["folder"]}
    table = as_table({slower: measure(slower, options.frames) for slower in (1, SLOWER)})
    show_and_save("The page, frame by frame", table, facts, options.output)
    for row in table.dropna(subset="target").itertuples():
        verdict = "met" if row.milliseconds <= row.target else "missed"
        print(f"target {verdict}: {row.milliseconds:g} ms; wanted {row.target:g} ms")


if __name__ == "__main__":
    main()
