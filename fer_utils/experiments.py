"""From a recipe to a finished run: train or load, predict, evaluate, keep."""

import math
import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from torch import nn

from fer_utils import __version__, hardware
from fer_utils.datasets.audit import occurs_in_train
from fer_utils.datasets.base import FaceDataset
from fer_utils.distillation import teacher_probabilities
from fer_utils.errors import RunBusy
from fer_utils.evaluation import evaluate, predict
from fer_utils.files import locked
from fer_utils.models import count_parameters
from fer_utils.paths import ROOT, relative
from fer_utils.preparation import prepare, training_part
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe
from fer_utils.run_keys import run_key
from fer_utils.runs import Run, RunStore, pack_predictions, store_for
from fer_utils.training import train

#: Packages whose versions a manifest records.
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "pandas")

#: Environment variable that names the commit where git can't: on a host that has a copy of it.
COMMIT_VARIABLE = "FER_UTILS_COMMIT"


def train_or_load(
    recipe: Recipe,
    dataset: FaceDataset,
    profile: Profile,
    seed: int = 0,
    *,
    store: RunStore | None = None,
    with_weights: bool = False,
    deadline: float = math.inf,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    progress: bool = True,
) -> Run:
    """Return the run of `recipe` with this seed: the stored one, else a newly trained one.

    A stored run without test predictions is none, unless the recipe wants none.
    with_weights: train again when the stored run was published without its weights.
    Raises RunBusy while another process trains this run, and what `fer_utils.training.train`
    and `RunStore.find` raise.
    """
    loaded_code()  # noted before anything takes time
    store = store or store_for(profile)
    key = run_key(recipe, profile, dataset.data_key, seed)
    run = stored_run(store, key, recipe, with_weights)
    if run is not None:
        return run
    lock = store.checkpoint(key).with_suffix(".lock")
    with locked(lock) as ours:
        if not ours:
            raise RunBusy(
                f"{recipe.name}, seed {seed}: another process is training this run (it holds "
                f"{relative(lock)}); wait until it ends, or stop it"
            )
        # the other may have ended between our look and our lock
        return stored_run(store, key, recipe, with_weights) or _train_and_save(
            recipe, dataset, profile, seed, store, key,
            deadline=deadline, on_epoch=on_epoch, progress=progress,
        )  # fmt: skip


def stored_run(store: RunStore, key: str, recipe: Recipe, with_weights: bool = False) -> Run | None:
    """Return the run of this key, or None if it is to be trained (see `train_or_load`)."""
    run = store.find(key)
    if run is None or (with_weights and not run.has_weights):
        return None
    # the key does not tell: it may have been trained when the recipe was an ablation
    return run if recipe.valid_only or "test" in run.metrics else None


def _train_and_save(
    recipe: Recipe,
    dataset: FaceDataset,
    profile: Profile,
    seed: int,
    store: RunStore,
    key: str,
    **training,
) -> Run:
    epochs = recipe.epochs_for(profile)
    dataset = prepare(recipe, dataset)
    trained = train(
        recipe,
        training_part(recipe, dataset, seed),
        dataset.part("valid"),
        epochs=epochs,
        seed=seed,
        teacher=teacher_probabilities(recipe, dataset, profile, store),
        checkpoint=store.checkpoint(key),
        code=loaded_code(),
        **training,
    )
    predictions, metrics = {}, {}
    # test is read here, once, when nothing is left to choose
    for split in ("valid",) if recipe.valid_only else ("valid", "test"):
        part = dataset.part(split)
        y_prob = predict(trained.model, part.images, recipe.tta)
        packed = pack_predictions(split, part, y_prob)
        if part.people is not None:
            packed[f"{split}_people"] = part.people  # intervals draw them, not images
        predictions |= packed
        duplicated = occurs_in_train(dataset, split)
        metrics[split] = {
            mode: evaluate(
                part.labels,
                packed[f"{split}_prob_{mode}"],  # rounded as they are kept
                dataset.class_names,
                occurs_in_train=duplicated,
                samples=profile.bootstrap_samples,
                groups=part.people,
            )
            for mode in y_prob
        }
    facts = {
        "profile": profile.name,
        "seed": seed,
        "epochs": epochs,
        "best_epoch": trained.best_epoch,
        "parameters": count_parameters(trained.model),
        "seconds": round(trained.seconds, 1),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "source_hash": dataset.source_hash,
            "data_key": dataset.data_key,
            "class_names": list(dataset.class_names),
            "image_size": dataset.images.shape[1],
        },
        **provenance(trained.model, trained.code[-1]),
    }
    facts["hardware"]["threads"] = trained.threads
    if earlier := trained.code[:-1]:
        facts |= {"earlier_code": earlier}  # that began it
        facts["dirty"] = any(part.get("dirty") for part in trained.code)
    return store.save(recipe, key, trained, predictions, metrics, facts)


def train_seeds(
    recipe: Recipe, dataset: FaceDataset, profile: Profile, **options
) -> tuple[Run, ...]:
    """Return the runs of `recipe` for each random seed of `profile`, as `train_or_load`."""
    seeds = recipe.seeds_for(profile)
    return tuple(train_or_load(recipe, dataset, profile, seed, **options) for seed in seeds)


def provenance(
    model: nn.Module | None = None, code: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return when, where and with what something is made, `model` for one: for manifests.

    code: `loaded_code()` for what this process makes itself; by default `code_now()`.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **(code_now() if code is None else code),
        "hardware": hardware.describe(model=model),
        "versions": {"fer_utils": __version__} | {name: _version(name) for name in PACKAGES},
    }


def code_now() -> dict[str, object]:
    """Return the commit of the checkout, and whether the package has changed or new files."""
    commit = os.environ.get(COMMIT_VARIABLE, "")
    changes = "" if commit else _git("status", "--porcelain", "-unormal", "--", "fer_utils")
    return {"commit": commit or _git("rev-parse", "HEAD"), "dirty": bool(changes)}


#: The same for the code that this process has loaded: what it was when first asked for.
loaded_code = cache(code_now)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _git(*arguments: str) -> str:
    """Return what git says, or nothing where this is no checkout."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
