"""Models by name: `build_model(name, ...)`. To add a family, add a file and its lines here."""

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from fer_utils.errors import unknown_name
from fer_utils.models import cs230
from fer_utils.models.normalization import ImageNormalization, PixelNormalization

MODELS: dict[str, Callable[..., nn.Module]] = {
    "baseline": cs230.baseline,
    "five_layer": cs230.five_layer,
}

NORMALIZATIONS = ("dataset", "image")


def build_model(
    name: str,
    *,
    num_classes: int,
    image_size: int = 48,
    normalization: str = "dataset",
    mean: float = 0.0,
    std: float = 1.0,
) -> nn.Sequential:
    """Return the freshly initialized model called `name`.

    It maps (N, 1, image_size, image_size) float32 images in [0, 1] to (N, num_classes) logits:
    `normalize`, then `net`.  normalization: `dataset`, by `mean` and `std` of the train pixels,
    which are saved with the weights, or `image`, each image by its own.
    Initial weights come from torch's global random state.  Raises ConfigError for an unknown
    name or normalization.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    if normalization not in NORMALIZATIONS:
        raise unknown_name("normalization", normalization, NORMALIZATIONS)
    normalize = ImageNormalization() if normalization == "image" else PixelNormalization(mean, std)
    net = MODELS[name](num_classes=num_classes, image_size=image_size)
    return nn.Sequential(OrderedDict(normalize=normalize, net=net))


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """Return the number of parameters of `model`, buffers not counted."""
    wanted = (p for p in model.parameters() if p.requires_grad or not trainable_only)
    return sum(p.numel() for p in wanted)
