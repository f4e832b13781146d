"""The run store: a folder per trained net, found by what was trained, checked when read.

A run folder holds `manifest.json` (written last, with the SHA-256 of the other files),
`history.csv`, `metrics.json`, `predictions.npz` (sample ids, true labels, class probabilities
for valid and test) and `weights.safetensors`, which a published copy may lack.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import load_file, save_file
from torch import nn

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import RunError
from fer_utils.files import atomic_folder, sha256_file, write_json
from fer_utils.models import build_model
from fer_utils.paths import BUILD, PUBLISHED_RUNS, RUNS, relative
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe
from fer_utils.training import Trained

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
CARD = "README.md"  # beside published weights
RUN_FILES = ("history.csv", "metrics.json", "predictions.npz")


@dataclass(frozen=True)
class Run:
    """A finished run on disk. Parts are read when they are asked for."""

    folder: Path
    manifest: Mapping[str, object]

    @property
    def key(self) -> str:
        """The run's key."""
        return self.manifest["key"]

    @property
    def seed(self) -> int:
        """The random seed."""
        return self.manifest["seed"]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of labels and probabilities."""
        return tuple(self.manifest["data"]["class_names"])

    @cached_property
    def metrics(self) -> dict:
        """Metrics by split, then by mode of test-time augmentation."""
        return json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per epoch, as `fer_utils.training.Trained.history`."""
        return pd.read_csv(self.folder / "history.csv")

    def predictions(self, split: str, tta: str = "none") -> tuple[np.ndarray, np.ndarray]:
        """Return the true labels (N,) int64 and class probabilities (N, C) float32 of a split."""
        with np.load(self.folder / "predictions.npz") as stored:
            name = f"{split}_prob_{tta}"
            if name not in stored:
                raise RunError(f"{relative(self.folder)}: no predictions for {split}, TTA {tta!r}")
            return stored[f"{split}_true"].astype(np.int64), stored[name].astype(np.float32)

    def sample_ids(self, split: str) -> np.ndarray:
        """Return the ids of the split's samples, (N,) int64, in the order of the predictions."""
        with np.load(self.folder / "predictions.npz") as stored:
            return stored[f"{split}_ids"]

    @property
    def has_weights(self) -> bool:
        """Whether this copy of the run has its weights."""
        return (self.folder / WEIGHTS).exists()

    def load_model(self) -> nn.Module:
        """Return the trained net, in evaluation mode on the CPU; RunError without its weights."""
        if not self.has_weights:
            raise RunError(
                f"{relative(self.folder)} has no {WEIGHTS}: it was published without; train it "
                f"here with `python -m fer_utils train {self.manifest['recipe']['name']} "
                f"--profile {self.manifest['profile']} --with-weights`"
            )
        path = self.folder / WEIGHTS
        if sha256_file(path) != self.manifest["weights"]["sha256"]:
            raise _damaged(path)
        model = build_model(
            self.manifest["recipe"]["model"],
            num_classes=len(self.class_names),
            image_size=self.manifest["data"]["image_size"],
            crop=self.manifest["recipe"].get("crop", 0),  # runs older than the field have none
            resize=self.manifest["recipe"].get("resize", 0),
            normalization=self.manifest["recipe"]["normalization"],
        )
        model.load_state_dict(load_file(path))
        return model.eval()


class RunStore:
    """Run folders in one or more places: the first is written to, all are searched."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders

    def find(self, key: str) -> Run | None:
        """Return the run of this key, with weights if any copy has them, or None.

        Raises RunError when a folder of that key is there but is not whole.
        """
        runs = [
            open_run(path)
            for folder in self.folders
            for path in sorted(folder.glob(f"[!.]*-{key}"))
        ]
        if not runs:
            return None
        return next((run for run in runs if run.has_weights), runs[0])

    def all(self) -> Iterable[Run]:
        """Yield every run of the store; the first place that has a key wins."""
        seen = set()
        for folder in self.folders:
            for path in sorted(folder.glob(f"[!.]*/{MANIFEST}")):
                run = open_run(path.parent)
                if run.key not in seen:
                    seen.add(run.key)
                    yield run

    def checkpoint(self, key: str) -> Path:
        """Return where the checkpoint of an unfinished run lies."""
        return self.folders[0] / "unfinished" / f"{key}.pt"

    def save(
        self,
        recipe: Recipe,
        key: str,
        trained: Trained,
        predictions: Mapping[str, np.ndarray],
        metrics: Mapping[str, object],
        facts: Mapping[str, object],
    ) -> Run:
        """Write a finished run, whole or not at all, and return it.

        predictions: arrays of `predictions.npz`; facts: further entries of the manifest.
        """
        folder = self.folders[0] / f"{recipe.name}-s{facts['seed']}-{key}"
        with atomic_folder(folder) as temporary:
            pd.DataFrame(trained.history).to_csv(
                temporary / "history.csv", index=False, float_format="%.6g"
            )
            write_json(temporary / "metrics.json", metrics)
            np.savez_compressed(temporary / "predictions.npz", **predictions)
            state = trained.model.state_dict()
            save_file({k: v.detach().cpu().contiguous() for k, v in state.items()},
                      temporary / WEIGHTS)  # fmt: skip
            manifest = {
                "key": key,
                "recipe": asdict(recipe),
                **facts,
                "files": {name: {"sha256": sha256_file(temporary / name)} for name in RUN_FILES},
                "weights": {
                    "sha256": sha256_file(temporary / WEIGHTS),
                    "bytes": (temporary / WEIGHTS).stat().st_size,
                },
            }
            write_json(temporary / MANIFEST, manifest)
        self.checkpoint(key).unlink(missing_ok=True)
        return open_run(folder)


def store_for(profile: Profile) -> RunStore:
    """Return the run store of a profile: this machine's runs, then the published ones.

    `smoke` keeps its runs apart: they prove that the code works, nothing else.
    """
    if profile.name == "smoke":
        return RunStore(BUILD / "smoke" / "runs")
    return RunStore(RUNS, PUBLISHED_RUNS)


def open_run(folder: Path) -> Run:
    """Return the run in `folder`; raise RunError, naming the file, when it is not whole."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        hashes = {name: manifest["files"][name]["sha256"] for name in RUN_FILES}
        _ = manifest["key"], manifest["seed"], manifest["profile"]
        _ = manifest["data"]["class_names"], manifest["data"]["image_size"]
        _ = manifest["recipe"]["name"], manifest["recipe"]["model"], manifest["weights"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    for name, expected in hashes.items():
        if not (folder / name).exists():
            raise _damaged(folder / name, "missing")
        if sha256_file(folder / name) != expected:
            raise _damaged(folder / name)
    return Run(folder, manifest)


def publish(run: Run, target: Path = PUBLISHED_RUNS, *, weights: bool = False) -> Run:
    """Copy a run, with its weights only if asked to, to where published runs are kept.

    Weights that are published already stay, with their model card.  Raises RunError when the
    weights are asked for and this copy of the run has none, or when others are published.
    """
    if weights and not run.has_weights:
        raise RunError(
            f"{relative(run.folder)} has no {WEIGHTS}: train it here with --with-weights"
        )
    folder = target / run.folder.name
    files = [run.folder / name for name in (*RUN_FILES, MANIFEST, *([WEIGHTS] if weights else []))]
    if not weights and (folder / WEIGHTS).exists():
        if sha256_file(folder / WEIGHTS) != run.manifest["weights"]["sha256"]:
            raise RunError(
                f"{relative(folder / WEIGHTS)} is of another training of this run: publish with "
                "--weights, which replaces it, or delete it first"
            )
        files += [path for path in (folder / WEIGHTS, folder / CARD) if path.exists()]
    with atomic_folder(folder) as temporary:
        for path in files:
            shutil.copyfile(path, temporary / path.name)
    return open_run(folder)


def pack_predictions(
    split: str, part: FaceDataset, y_prob: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the arrays of one split for `predictions.npz`, probabilities as float16."""
    probabilities = {f"{split}_prob_{mode}": p.astype(np.float16) for mode, p in y_prob.items()}
    return {
        f"{split}_ids": part.ids.astype(np.int32),
        f"{split}_true": part.labels.astype(np.uint8),
        **probabilities,
    }


def _damaged(path: Path, why: str = "its SHA-256 is not the manifest's") -> RunError:
    return RunError(
        f"{relative(path)}: the run is damaged ({why}); restore the folder "
        f"{relative(path.parent)} from where it came, or delete it to train again"
    )
