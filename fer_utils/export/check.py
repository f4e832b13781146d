"""Whether an exported net says what the trained one says, and what it costs."""

import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import nn

from fer_utils.datasets import load_dataset
from fer_utils.errors import DataError
from fer_utils.export.graph import PixelsToProbabilities
from fer_utils.export.session import open_session, probabilities
from fer_utils.profiles import get_profile
from fer_utils.runs import Run

#: Train images that the ranges of 8-bit activations are taken from.
CALIBRATION = 512


@dataclass(frozen=True)
class CheckImages:
    """What an export is checked on.

    what: in words.  images: (N, H, W) uint8.  labels: (N,) int64, or None for noise.
    calibration: (M, H, W) uint8 train images, or None where the data is not here.
    """

    what: str
    images: np.ndarray
    labels: np.ndarray | None = None
    calibration: np.ndarray | None = None


def check_images(run: Run) -> CheckImages:
    """Return the whole test split that `run` was measured on; noise where it is not here."""
    facts, side = run.manifest["data"], run.manifest["data"]["image_size"]
    ids = run.sample_ids("test")
    try:
        data = load_dataset(facts["name"], profile=get_profile(run.manifest["profile"]))
        at = {int(sample): place for place, sample in enumerate(data.ids)}
        places = [at[int(sample)] for sample in ids]
        if data.data_key != facts.get("data_key", data.data_key) or data.images.ndim != 3:
            raise DataError(f"{facts['name']} here is not the data of the run")
    except (DataError, KeyError):
        noise = np.random.default_rng(0).integers(0, 256, (256, side, side), dtype=np.uint8)
        return CheckImages("noise: the run's data is not here", noise)
    train = data.indices("train")
    drawn = np.random.default_rng(0).permutation(train)[:CALIBRATION]
    return CheckImages(
        f"the test split of {facts['name']}",
        np.array(data.images[places]),
        run.predictions("test")[0],
        np.array(data.images[np.sort(drawn)]),
    )


@torch.inference_mode()
def trained_probabilities(
    model: nn.Module, images: np.ndarray, batch_size: int = 256, *, mirror: bool = False
) -> np.ndarray:
    """Return PyTorch's probabilities, (N, C) float32, computed in float32, of uint8 images.

    mirror: the mean of those of the image and of its mirror image.
    """
    if mirror:
        views = (images, images[:, :, ::-1])
        one, other = (trained_probabilities(model, view, batch_size) for view in views)
        return (one + other) / 2
    whole = PixelsToProbabilities(model).eval()
    starts = range(0, len(images), batch_size)
    parts = [whole(torch.from_numpy(np.array(images[i : i + batch_size]))) for i in starts]
    return torch.cat(parts).numpy()


def check(
    data: bytes, images: CheckImages, expected: np.ndarray, *, mirror: bool = False
) -> dict[str, object]:
    """Return what an ONNX file does to the probabilities `expected` by PyTorch, and its time.

    largest_difference: of any probability.  other_answers: images whose likeliest class is
    another one.  accuracy, accuracy_change: fractions of one, None
    without labels.  ms_per_image: median of single images on one thread.  mirror: all of these
    of the mean of two answers, as `probabilities` gives it.
    """
    session = open_session(data)
    y_prob = probabilities(session, images.images, mirror=mirror)
    result: dict[str, object] = {
        "largest_difference": float(np.abs(y_prob - expected).max()),
        "other_answers": int((y_prob.argmax(1) != expected.argmax(1)).sum()),
        "accuracy": None,
        "accuracy_change": None,
    }
    if images.labels is not None:
        ours, theirs = (float((p.argmax(1) == images.labels).mean()) for p in (y_prob, expected))
        result |= {"accuracy": ours, "accuracy_change": ours - theirs}
    result["ms_per_image"] = round(_milliseconds(session, images.images, mirror), 3)
    return result


def _milliseconds(
    session, images: np.ndarray, mirror: bool, rounds: int = 200, warm_up: int = 20
) -> float:
    took = []
    for number in range(rounds + warm_up):
        image = images[number % len(images)][None]
        start = time.perf_counter()
        probabilities(session, image, mirror=mirror)
        took.append(1000 * (time.perf_counter() - start))
    return median(took[warm_up:])
