"""The files of an export: an ONNX file per variant, what was checked, a card to read."""

from collections.abc import Mapping
from pathlib import Path

import onnx
import onnxruntime
import torch

import fer_utils
from fer_utils.errors import ConfigError, RunError
from fer_utils.export.card import onnx_section
from fer_utils.export.check import CheckImages, check, check_images, trained_probabilities
from fer_utils.export.graph import INPUT, OPSET, OUTPUT, to_onnx
from fer_utils.export.variants import VARIANTS, byte_weights, float16_weights, int8_weights
from fer_utils.files import atomic_folder, sha256_bytes, write_json, write_text
from fer_utils.paths import ROOT, relative
from fer_utils.runs import Run

#: The net that the demo ships with, and its files.
SHIPPED = ROOT / "demo" / "model"
ONNX_MODEL, FACTS, CARD = "model.onnx", "model.json", "README.md"
EXPORT = "export.json"  # what FACTS is for an export that is not shipped

#: More than this a visitor's phone should not have to download.
MAX_SHIPPED_BYTES = 3_000_000
#: What is shipped unless said otherwise: the first of these that is there and small enough.
#: int8 takes half the time of the others, in browsers too.
_TO_SHIP = ("int8", "float16", "bytes")


def export_run(
    run: Run,
    folder: Path,
    card: str = "",
    images: CheckImages | None = None,
) -> dict:
    """Write `run`'s net as ONNX, in all variants, into `folder`; return what was measured.

    Writes `<variant>.onnx`, `export.json` and `README.md` (`card`, the run's model card, and
    the variants).  `images` (default: the run's test split, or noise) are what each variant is
    checked on; int8 is left out where there are no train images to calibrate with.  An earlier
    export in `folder` is replaced as a whole.
    Raises ConfigError for a `folder` that holds anything else, RunError for a run without weights
    or metrics on test, or a net that ONNX can't express.
    """
    folder = replaceable(folder, EXPORT)
    facts, files = _exported(run, images)
    with atomic_folder(folder) as temporary:
        _write(temporary, facts, files, card, EXPORT)
    return facts


def ship(
    run: Run,
    card: str = "",
    *,
    variant: str | None = None,
    folder: Path = SHIPPED,
    images: CheckImages | None = None,
    mirror: bool = False,
) -> dict:
    """Make one variant of `run`'s net the one that demo, page and `predict` use.

    Writes `model.onnx`, `model.json` and `README.md`; returns the content of model.json.
    variant: a name of `VARIANTS`; if None, int8, or float16 where there are no train images to
    calibrate with, or bytes where that is too large.
    mirror: whoever asks the net asks it of the image and of its mirror image, and averages
    (`probabilities`, the page's `Engine`); the accuracies in model.json are those of that.
    Raises ConfigError for a variant that is not there, a file above `MAX_SHIPPED_BYTES` or a
    `folder` that holds anything else, RunError as `export_run` and for `mirror` where the run was
    not measured so.
    """
    folder = replaceable(folder, FACTS)
    facts, files = _exported(run, images, mirror)
    if variant is None:
        there = [name for name in _TO_SHIP if name in files]
        fitting = (name for name in there if len(files[name]) <= MAX_SHIPPED_BYTES)
        variant = next(fitting, there[-1])
    if variant not in files:
        raise ConfigError(f"no variant {variant!r} of {run.folder.name}: there is {list(files)}")
    data = files[variant]
    if len(data) > MAX_SHIPPED_BYTES:
        raise ConfigError(
            f"{run.folder.name} as {variant} has {len(data):,} bytes; the shipped net may have "
            f"{MAX_SHIPPED_BYTES:,}: choose a smaller net, or --variant bytes"
        )
    chosen = next(part for part in facts["variants"] if part["name"] == variant)
    facts["variants"] = [chosen | {"file": ONNX_MODEL}]
    with atomic_folder(folder) as temporary:
        _write(temporary, facts, {"model": data}, card, FACTS)
    return facts


def replaceable(folder: Path, mark: str) -> Path:
    """Return `folder`, resolved, if what is there may be deleted: nothing, or a product of ours.

    mark: the file by which the product is known.  Raises ConfigError for anything else.
    """
    folder = folder.resolve()
    ours = not folder.exists() or (folder / mark).is_file()
    if not ours and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(
            f"{relative(folder)} would be replaced as a whole, and it holds no {mark} that this "
            "command wrote: give a new or an empty folder"
        )
    return folder


def _exported(
    run: Run, images: CheckImages | None, mirror: bool = False
) -> tuple[dict, dict[str, bytes]]:
    """Return the facts of an export, and the bytes of each variant."""
    facts = _facts(run, mirror)
    model = run.load_model()
    graph = to_onnx(model, run.manifest["data"]["image_size"], name=run.manifest["recipe"]["name"])
    images = images or check_images(run)
    graphs: dict[str, onnx.ModelProto] = {
        "float32": graph,
        "float16": float16_weights(graph),
        "bytes": byte_weights(graph),
    }
    if images.calibration is not None:
        graphs["int8"] = int8_weights(graph, images.calibration)
    files = {name: g.SerializeToString(deterministic=True) for name, g in graphs.items()}
    expected = trained_probabilities(model, images.images, mirror=mirror)
    variants = [
        {
            "name": name,
            "file": f"{name}.onnx",
            "about": VARIANTS[name],
            "bytes": len(data),
            "sha256": sha256_bytes(data),
            **check(data, images, expected, mirror=mirror),
        }
        for name, data in files.items()
    ]
    if variants[0]["largest_difference"] > 1e-3:
        raise RunError(
            f"{relative(run.folder)}: the ONNX file differs from PyTorch by "
            f"{variants[0]['largest_difference']:.2g}; it was not written"
        )
    facts |= {
        "checked_on": images.what,
        "checked_images": len(images.images),
        "opset": OPSET,
        "versions": {"torch": torch.__version__, "onnx": onnx.__version__,
                     "onnxruntime": onnxruntime.__version__},
        "variants": variants,
    }  # fmt: skip
    return facts, files


def _facts(run: Run, mirror: bool) -> dict[str, object]:
    side, recipe = run.manifest["data"]["image_size"], run.manifest["recipe"]
    return {
        "version": fer_utils.__version__,
        "run": run.key,
        "folder": run.folder.name,
        "recipe": recipe["name"],
        "title": recipe["title"],
        "seed": run.seed,
        "classes": list(run.class_names),
        "input": {"name": INPUT, "shape": ["n", side, side], "type": "uint8",
                  "what": "gray images of one upright face each, 0 black to 255 white"},
        "output": {"name": OUTPUT, "shape": ["n", len(run.class_names)], "type": "float32",
                   "what": "class probabilities in the order of `classes`"},
        "mirror": mirror,
        "test": _test(run, "flip" if mirror else "none"),
    }  # fmt: skip


def _test(run: Run, mode: str) -> dict[str, object]:
    """Return the run's accuracy on its test split, as far as its metrics say it.

    Raises RunError for a run that was not measured on test with this test-time augmentation.
    """
    part = run.metrics.get("test", {}).get(mode)
    if part is None:
        why = "it was not measured on the mirror images too: leave out --mirror"
        if "test" not in run.metrics:
            why = "it was measured on valid only, as ablations are: choose another run"
        raise RunError(f"{relative(run.folder)} can't be exported so: {why}")
    return {name: part[name] for name in ("images", "accuracy", "accuracy_ci") if name in part}


def _write(folder: Path, facts: dict, files: Mapping[str, bytes], card: str, name: str) -> None:
    for stem, data in files.items():
        (folder / f"{stem}.onnx").write_bytes(data)
    write_json(folder / name, facts)
    write_text(folder / CARD, "\n".join(part for part in (card, onnx_section(facts)) if part))
