"""What tells the expression: the net that the demo ships with, or a run of this machine."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from fer_utils.errors import ConfigError, RunError
from fer_utils.evaluation import predict
from fer_utils.export import FACTS, ONNX_MODEL, SHIPPED, open_session, probabilities
from fer_utils.files import sha256_file
from fer_utils.labels import FER2013_CLASSES
from fer_utils.paths import PUBLISHED_RUNS, RUNS, relative
from fer_utils.runs import MANIFEST, Run, RunStore, open_run


@dataclass(frozen=True, eq=False)
class Classifier:
    """A net for face crops.

    name: of the run.  version: first digits of the SHA-256 of its file.
    class_names: in the order of the probabilities.  side: of a crop in pixels.
    predict: (N, side, side) uint8 gray -> (N, C) float32, rows sum to one.
    facts: the content of an exported net's model.json; empty for a run.
    """

    name: str
    version: str
    class_names: tuple[str, ...]
    side: int
    predict: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    facts: Mapping[str, object] = field(default_factory=dict, repr=False)


def open_classifier(run: Path | str | None = None, *, one_view: bool = False) -> Classifier:
    """Return the classifier of a run: its folder, the folder's name, or the recipe's name.

    Without `run`: the net in `demo/model`, where there is one, else `best_run()`.  one_view: see
    `shipped_classifier`; a run is asked once anyway.
    Raises RunError when there is no such run or it has no weights, ConfigError when its net does
    not take gray images.
    """
    if run is not None:
        return run_classifier(find_run(run))
    if (SHIPPED / ONNX_MODEL).exists():
        return shipped_classifier(SHIPPED, one_view=one_view)
    return run_classifier(best_run())


def shipped_classifier(folder: Path = SHIPPED, *, one_view: bool = False) -> Classifier:
    """Return the exported net in `folder`; RunError when its files are not whole.

    It is asked of each face and of its mirror image where model.json says so, unless `one_view`,
    which takes half the time and is a little less accurate.
    """
    path, about = folder / ONNX_MODEL, folder / FACTS
    try:
        facts = json.loads(about.read_text(encoding="utf-8"))
        name, names, side = facts["folder"], facts["classes"], facts["input"]["shape"][1]
        mirror = facts["mirror"] and not one_view
        _ = facts["run"], facts["version"]
        digest = sha256_file(path)
        if digest not in [variant["sha256"] for variant in facts["variants"]]:
            raise ValueError(f"the SHA-256 of {ONNX_MODEL} is none of its own")
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise RunError(
            f"{relative(about)}: the exported net is damaged ({type(error).__name__}: {error}); "
            "export it again with `python -m fer_utils export RUN --ship`"
        ) from error
    session = open_session(path)
    version = _version(digest) + (", one view" if facts["mirror"] and one_view else "")
    predict_crops = partial(probabilities, session, mirror=mirror)
    return Classifier(name, version, tuple(names), side, predict_crops, facts)


def run_classifier(run: Run) -> Classifier:
    """Return the classifier of `run`; see `open_classifier` for what is raised."""
    model, side = run.load_model(), run.manifest["data"]["image_size"]

    def classify(crops: np.ndarray) -> np.ndarray:
        return predict(model, crops)["none"]

    try:
        classify(np.zeros((1, side, side), np.uint8))
    except RuntimeError as error:
        raise ConfigError(
            f"{relative(run.folder)}: its net does not take gray images of {side} x {side} pixels "
            "(color?); choose another run"
        ) from error
    version = _version(run.manifest["weights"]["sha256"])
    return Classifier(run.folder.name, version, run.class_names, side, classify)


def find_run(name: Path | str, store: RunStore | None = None) -> Run:
    """Return a run by its folder, its folder's name or its recipe's name, with weights if any.

    Of several runs of a recipe the one that is best on valid.  Raises RunError if there is none.
    """
    if (Path(name) / MANIFEST).exists():
        return open_run(Path(name))
    store = store or RunStore(RUNS, PUBLISHED_RUNS)
    runs = [
        found
        for run in store.all()
        if str(name) in (run.folder.name, run.manifest["recipe"]["name"])
        and (found := store.find(run.key))
    ]
    if not runs:
        raise RunError(
            f"no run {str(name)!r}: give the folder of a run, its name, or the name of a recipe "
            f"that has one in {relative(RUNS)} or {relative(PUBLISHED_RUNS)}"
        )
    return max(runs, key=lambda run: (run.has_weights, valid_accuracy(run)))


def best_run(store: RunStore | None = None) -> Run:
    """Return the run with weights for FER2013's seven classes that is best on valid.

    Runs on synthetic images don't count.  Raises RunError when there is none.
    """
    store = store or RunStore(RUNS, PUBLISHED_RUNS)
    runs = [
        found
        for run in store.all()
        if run.class_names == FER2013_CLASSES
        and run.manifest["data"].get("name") != "synthetic"
        and (found := store.find(run.key)).has_weights
    ]
    if not runs:
        raise RunError(
            "no run with weights for the seven expressions is on this machine; train one, for "
            "example with `python -m fer_utils train small`, or give one with --run"
        )
    return max(runs, key=valid_accuracy)


def valid_accuracy(run: Run) -> float:
    """Return the run's accuracy on valid with one view; 0 where its metrics don't say."""
    return run.metrics.get("valid", {}).get("none", {}).get("accuracy", 0.0)


def _version(sha256: str) -> str:
    return f"sha256:{sha256[:16]}"  # digits alone might be read as a number from a CSV
