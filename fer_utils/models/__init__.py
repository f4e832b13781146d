"""Models by name: `build_model(name, ...)`. To add a family, add a file and its lines here."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from torch import nn

from fer_utils.errors import ConfigError, unknown_name
from fer_utils.models import cs230, plain, residual
from fer_utils.models.builder import build_cnn
from fer_utils.models.cost import count_multiply_accumulates, count_parameters
from fer_utils.models.normalization import CenterCrop, ImageNormalization, PixelNormalization

__all__ = ["MODELS", "build_model", "count_multiply_accumulates", "count_parameters"]

# cs231n-hog's nets, by its builder
_shallow = partial(build_cnn, conv=(32,), hidden=(512,), filter_size=5, pool=3, padding=False)
_deep = partial(build_cnn, conv=(24, 48, 96), hidden=(256, 512), filter_size=(5, 3, 3), dropout=0.4)

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
    "resnet50": residual.resnet50,
    "shallow": _shallow,
    "shallow_hog": partial(_shallow, hog=True),
    "deep": _deep,
    "deep_hog": partial(_deep, hog=True),
    # what the hyperparameter search chooses from
    **{f"deep_{n}": partial(_deep, hidden=(n, n)) for n in (128, 256, 512, 1024)},
    # filters large enough to be looked at
    "filters_30": partial(_deep, conv=(30, 40, 80), hidden=(160, 256), filter_size=(7, 3, 3)),
}

NORMALIZATIONS = ("dataset", "image", "mean")


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
    which are saved with the weights, `mean`, the mean alone, or `image`, each image by its own.
    Initial weights come from torch's global random state.  Raises ConfigError for an unknown
    name or normalization, or a crop larger than the image.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    if normalization not in NORMALIZATIONS:
        raise unknown_name("normalization", normalization, NORMALIZATIONS)
    if normalization == "image":
        normalize: nn.Module = ImageNormalization()
    else:
        normalize = PixelNormalization(mean, 1.0 if normalization == "mean" else std)
    if not 0 <= crop <= image_size:
        raise ConfigError(f"crop must lie between 0 and the image size {image_size}, not {crop}")
    net = MODELS[name](num_classes=num_classes, image_size=crop or image_size)
    parts = {"crop": CenterCrop(crop)} if crop else {}
    return nn.Sequential(OrderedDict(**parts, normalize=normalize, net=net))
