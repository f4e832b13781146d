"""Time whole trainings to a validation accuracy, from nothing: FER2013's speed runs.

`python benchmarks/speedrun.py --target 66.3` takes three whole trainings. See README.md.
"""

import argparse
import csv
import math
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import torch
from common import RESULTS, machine

from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.fer2013 import find_fer2013, load_fer2013, missing_message
from fer_utils.datasets.synthetic import MIN_IMAGES, load_synthetic
from fer_utils.errors import DataError
from fer_utils.files import write_text
from fer_utils.hardware import describe, pick_device
from fer_utils.paths import relative
from fer_utils.recipes import Recipe, get_recipe
from fer_utils.training import train

NOT_MEASURED = "not measured"
COLUMNS = (
    *("target", "device", "reached", "recipe", "changes", "epochs", "seeds"),
    *("valid_accuracy", "valid_accuracy_std"),  # percent; over the seeds
    *("seconds", "seconds_training", "seconds_to_first_pass", "seeds_passed"),
    *("dataset", "hardware", "cores", "threads", "precision"),
    *("system", "python", "torch", "busy_before"),
)
SHOWN = COLUMNS[:13]


@dataclass(frozen=True)
class Entry:
    """How a target is run for on one kind of device.

    target: percent of valid images.  device: "cpu" or "cuda".  recipe: with `epochs` as run.
    """

    target: float
    device: str
    recipe: Recipe


def _entry(target: float, device: str, name: str, **changes: object) -> Entry:
    return Entry(target, device, replace(get_recipe(name), **changes))


#: What is run for.  A short schedule wants less regularization, and averages that forget sooner.
ENTRIES = (
    _entry(66.3, "cpu", "small", augmentation="cs230", ema_decay=0.995, epochs=28),
    _entry(70.0, "cpu", "medium", epochs=80),
    _entry(73.0, "cpu", "vgg8", epochs=120),
    _entry(
        *(66.3, "cuda", "vgg8"),
        augmentation="cs230",
        batch_size=256,
        learning_rate=0.2,
        ema_decay=0.99,
        epochs=16,
    ),
    _entry(
        *(70.0, "cuda", "vgg8"),
        batch_size=256,
        learning_rate=0.2,
        ema_decay=0.995,
        epochs=50,
    ),
    _entry(73.0, "cuda", "se_resnet34", batch_size=512, learning_rate=0.2, epochs=150),
)


def smoke_entry() -> Entry:
    """Return a run of a second, for a target that any net passes: for tests."""
    changes = {"epochs": 1, "batch_size": 16}
    return _entry(1.0, pick_device().type, "ablation_base", **changes)


def load_parts(dataset: str) -> tuple[FaceDataset, FaceDataset]:
    """Return train and valid of FER2013, read from its file as if for the first time.

    dataset: fer2013, or synthetic for the smallest synthetic set.  Test is not taken.
    """
    if dataset == "synthetic":
        faces = load_synthetic(MIN_IMAGES)
        return faces.part("train"), faces.part("valid")
    with tempfile.TemporaryDirectory() as folder:  # without a cache: parsing is work, too
        faces = load_fer2013(cache=Path(folder) / "cache")
        return faces.part("train"), faces.part("valid")


def timed_run(
    entry: Entry, seed: int, threads: int, dataset: str, started: float
) -> dict[str, float]:
    """Do all the work of one run, in a process of its own; return its accuracy and times.

    started: `time.monotonic()`, the same for all processes, before this process began; all
    seconds but `seconds_training` count from there.  accuracy: percent of valid after the
    schedule's last epoch, not the best one.  passed: when an epoch's accuracy first
    reached the target, infinite if none did.
    """
    torch.set_num_threads(threads)
    passed, starter = math.inf, multiprocessing.parent_process()

    def look(row: dict[str, float]) -> None:
        nonlocal passed
        if starter is not None and not starter.is_alive():
            os._exit(1)  # nobody waits for the result, and the next run wants the cores
        if 100 * row["valid_accuracy"] >= entry.target:
            passed = min(passed, time.monotonic() - started)

    trained = train(
        entry.recipe,
        *load_parts(dataset),
        epochs=entry.recipe.epochs,
        seed=seed,
        device=torch.device(entry.device),
        on_epoch=look,
    )
    return {
        "accuracy": 100 * trained.history[-1]["valid_accuracy"],
        "seconds": time.monotonic() - started,
        "seconds_training": trained.seconds,
        "passed": passed,
    }


def run_apart(entry: Entry, seed: int, threads: int, dataset: str) -> dict[str, float]:
    """Return `timed_run` of a fresh process: nothing is imported, loaded or warm before."""
    started = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(timed_run, entry, seed, threads, dataset, started).result()


def plan_row(entry: Entry) -> dict[str, object]:
    """Return the columns that are known before anything is measured."""
    base = asdict(get_recipe(entry.recipe.name))
    changes = {
        name: value
        for name, value in asdict(entry.recipe).items()
        if name != "epochs" and value != base[name]
    }
    return {
        "target": entry.target,
        "device": entry.device,
        "reached": NOT_MEASURED,
        "recipe": entry.recipe.name,
        "changes": " ".join(f"{name}={value}" for name, value in changes.items()),
        "epochs": entry.recipe.epochs,
    }


def measured_row(entry: Entry, runs: list[dict[str, float]], **facts: object) -> dict[str, object]:
    """Return the row of an entry: means over its runs, one per seed.

    The target is reached when the mean of the final accuracies reaches it.  The standard
    deviation is that of a sample, none for one seed; the time of the first pass is given
    where every seed's curve passes.
    """
    accuracies = [run["accuracy"] for run in runs]
    passed = [run["passed"] for run in runs if math.isfinite(run["passed"])]
    return plan_row(entry) | {
        "reached": "yes" if mean(accuracies) >= entry.target else "no",
        "seeds": len(runs),
        "valid_accuracy": round(mean(accuracies), 3),
        "valid_accuracy_std": round(stdev(accuracies), 3) if len(runs) > 1 else "",
        "seconds": round(mean(run["seconds"] for run in runs), 1),
        "seconds_training": round(mean(run["seconds_training"] for run in runs), 1),
        "seconds_to_first_pass": round(mean(passed), 1) if len(passed) == len(runs) else "",
        "seeds_passed": len(passed),
        **facts,
    }


def read_rows(path: Path) -> list[dict[str, object]]:
    """Return the measured rows of a table, none where there is no file yet.

    Raises DataError when the file is not such a table.
    """
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise DataError(
                f"{relative(path)} does not have the columns of this table; "
                "move it away or name another --output"
            )
        return [row for row in reader if row["reached"] != NOT_MEASURED]


def write_rows(path: Path, measured: list[dict[str, object]]) -> list[dict[str, object]]:
    """Write the table, whole or not at all, and return its rows.

    A later row replaces an earlier one of the same target and device; an entry that none was
    measured for says so and has no numbers.
    """
    rows = {
        (float(row["target"]), row["device"]): row for row in (*map(plan_row, ENTRIES), *measured)
    }
    table = [dict.fromkeys(COLUMNS, "") | rows[key] for key in sorted(rows)]
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_text(path, text.getvalue())
    return table


def speed_run(entry: Entry, seeds: int, threads: int, dataset: str) -> dict[str, object]:
    """Run an entry with seeds 0, 1, ..., say how each went, and return the row of its table."""
    facts = machine()
    runs = []
    for seed in range(seeds):
        run = run_apart(entry, seed, threads, dataset)
        print(
            f"{entry.target:g} %: {entry.recipe.name} seed {seed} ends at "
            f"{run['accuracy']:.2f} % after {run['seconds']:.1f} s",
            flush=True,
        )
        runs.append(run)
    facts |= {"precision": describe()["precision"], "threads": threads, "dataset": dataset}
    return measured_row(entry, runs, **facts)


def chosen_entries(options: argparse.Namespace, parser: argparse.ArgumentParser) -> list[Entry]:
    """Return what the command line asks for; it is an error to ask for what there is not."""
    device = pick_device().type
    here = {entry.target: entry for entry in ENTRIES if entry.device == device}
    for target in options.target or ():
        if target not in here:
            parser.error(f"--target {target:g}: {device} has {', '.join(map('{:g}'.format, here))}")
    entries = [here[target] for target in options.target or here]
    if options.smoke:
        entries = [smoke_entry()]
    if options.epochs is None:
        return entries
    return [replace(e, recipe=replace(e.recipe, epochs=options.epochs)) for e in entries]


def main(argv: list[str] | None = None) -> None:
    """Run for the targets, print the table; the CSV is written after each of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=float, nargs="+", help="percent of valid (default all)")
    parser.add_argument("--seeds", type=int, default=3, help="random seeds (default 3)")
    parser.add_argument("--epochs", type=int, help="instead of the entry's")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--output", type=Path, help="(default results/speedrun.csv)")
    parser.add_argument("--smoke", action="store_true", help="a second, synthetic: for tests")
    options = parser.parse_args(argv)
    if min(options.seeds, options.threads, options.epochs or 1) < 1 or options.epochs == 0:
        parser.error("--seeds, --epochs and --threads must be 1 or more")
    if options.smoke and (options.target or options.output is None):
        parser.error("--smoke has a target of its own and needs an --output")
    entries = chosen_entries(options, parser)
    dataset = "synthetic" if options.smoke else "fer2013"
    if dataset == "fer2013" and find_fer2013() is None:
        raise DataError(missing_message())
    path = options.output or RESULTS / "speedrun.csv"
    read_rows(path)  # what is wrong with it should be known before the hours, not after

    for entry in entries:
        row = speed_run(entry, options.seeds, options.threads, dataset)
        table = write_rows(path, [*read_rows(path), row])
        verdict = "met" if row["reached"] == "yes" else "missed"
        print(
            f"target {verdict}: {row['valid_accuracy']:.2f} % (wanted {entry.target:g} %), mean of "
            f"{row['seeds']}, in {row['seconds']:g} s from start to finish"
        )
    print(f"\n{pd.DataFrame(table)[list(SHOWN)].to_string(index=False)}\n\nsaved: {relative(path)}")


if __name__ == "__main__":
    main()
