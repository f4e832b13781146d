"""Models by name: `build_model(name, ...)`. To add a family, add a file and its lines here."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from torch import nn

from fer_utils.errors import ConfigError, unknown_name
from fer_utils.models import cs230, plain, residual
from fer_utils.models.cost import count_multiply_accumulates, count_parameters
from fer_utils.models.normalization import CenterCrop, ImageNormalization, PixelNormalization

__all__ = ["MODELS", "build_model", "count_multiply_accumulates", "count_parameters"]

MODELS: dict[str, Callable[..., nn.Module]] = {
    "baseline": cs230.baseline,
    "five_layer": cs230.five_layer,
    "small": plain.strided,
    "mini": partial(plain.strided, width=16, hidden=96),  # a quarter of the work, for ablations
    "mini_average": partial(plain.strided, width=16, hidden=0),
    "mini_squeeze": partial(plain.strided, width=16, hidden=96, squeeze=True),
    "medium": partial(plain.strided, width=48, hidden=256, squeeze=True),
    "vgg8": plain.vgg8,
    "se_resnet18": partial(residual.se_resnet, blocks=(2, 2, 2, 2)),
    "se_resnet34": partial(residual.se_resnet, blocks=(3, 4, 6, 3)),
    "wide_resnet": residual.wide_resnet,
}

NORMALIZATIONS = ("dataset", "image")


def build_model(
    name: str,
    *,
    num_classes: int,
    image_size: int = 48,
    crop: int = 0,
    normalization: str = "dataset",
    mean: float = 0.0,
    std: float = 1.0,
) -> nn.Sequential:
    """Return the freshly initialized model called `name`.

    It maps (N, 1, image_size, image_size) float32 images in [0, 1] to (N, num_classes) logits:
    `crop` if any, `normalize`, then `net`.  crop: side of the central square that the net sees,
    in pixels; 0 for all.  normalization: `dataset`, by `mean` and `std` of the train pixels,
    which are saved with the weights, or `image`, each image by its own.
    Initial weights come from torch's global random state.  Raises ConfigError for an unknown
    name or normalization, or a crop larger than the image.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    if normalization not in NORMALIZATIONS:
        raise unknown_name("normalization", normalization, NORMALIZATIONS)
    normalize = ImageNormalization() if normalization == "image" else PixelNormalization(mean, std)
    if not 0 <= crop <= image_size:
        raise ConfigError(f"crop must lie between 0 and the image size {image_size}, not {crop}")
    net = MODELS[name](num_classes=num_classes, image_size=crop or image_size)
    parts = {"crop": CenterCrop(crop)} if crop else {}
    return nn.Sequential(OrderedDict(**parts, normalize=normalize, net=net))
