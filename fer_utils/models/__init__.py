"""Models by name: `build_model(name, ...)`. To add a family, add a file and its lines here."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from torch import nn

from fer_utils.errors import ConfigError, unknown_name
from fer_utils.models import backbones, cs230, plain, residual, vggface
from fer_utils.models.builder import build_cnn
from fer_utils.models.cost import count_multiply_accumulates, count_parameters
from fer_utils.models.dlib_faces import DlibNormalization, dlib_resnet
from fer_utils.models.efficientnet_lite import EfficientNetLiteNormalization, efficientnet_lite0
from fer_utils.models.normalization import (
    CenterCrop,
    ImageNetNormalization,
    ImageNormalization,
    PixelNormalization,
    Resize,
)
from fer_utils.models.transfer import transfer_net

__all__ = ["MODELS", "build_model", "count_multiply_accumulates", "count_parameters"]

# cs231n-hog's nets, by its builder
_shallow = partial(build_cnn, conv=(32,), hidden=(512,), filter_size=5, pool=3, padding=False)
_deep = partial(build_cnn, conv=(24, 48, 96), hidden=(256, 512), filter_size=(5, 3, 3), dropout=0.4)

# hust-balance's two heads: of its VGGFace 1, and of the notebook (by kilean) that it began from
_hust_1 = {"hidden": (512, 128), "dropout_first": True, "batch_norm": True}
_hust_2 = {"hidden": (2048, 1024), "dropout_first": True}

#: Nets with a backbone that has learned elsewhere.
TRANSFER_MODELS: dict[str, Callable[..., nn.Module]] = {
    "cs230_vgg16": transfer_net(vggface.vgg16, 512, (1024,)),
    "cs230_resnet50": transfer_net(vggface.resnet50, 2048, (4096, 1024)),
    "cs230_senet50": transfer_net(vggface.senet50, 2048, (4096, 1024)),
    "hust_vggface1": transfer_net(vggface.vgg16, 512, **_hust_1),
    "hust_vggface2": transfer_net(vggface.resnet50, 2048, **_hust_2),
    "efficientnet_b3": transfer_net(
        backbones.torchvision_features("efficientnet_b3"), 1536, **_hust_1
    ),
    "efficientnet_b4": transfer_net(
        backbones.torchvision_features("efficientnet_b4"), 1792, **_hust_1
    ),
    "efficientnet_lite0": transfer_net(efficientnet_lite0, 1280),
    "dlib_resnet": transfer_net(dlib_resnet, 256),
    "resnet18": transfer_net(backbones.torchvision_resnet("resnet18"), 512),
    "vgg16": backbones.vgg16_whole,
    "mobilenet": transfer_net(backbones.timm_maps("mobilenetv1_100"), 1024),
    "inception_v3": backbones.inception_v3,
    "nasnet": transfer_net(backbones.timm_maps("nasnetalarge"), 4032),
}

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
    **TRANSFER_MODELS,
}

#: By the train pixels, whose mean and deviation are saved with the weights.
BY_PIXELS = ("dataset", "mean")
#: By the image itself, or as the authors of initial weights did.
_FIXED: dict[str, Callable[[], nn.Module]] = {
    "image": ImageNormalization,
    "imagenet": ImageNetNormalization,
    "efficientnet_lite": EfficientNetLiteNormalization,
    "dlib": DlibNormalization,
    "vggface1": partial(vggface.VGGFaceNormalization, 1),
    "vggface2": partial(vggface.VGGFaceNormalization, 2),
}
NORMALIZATIONS = (*BY_PIXELS, *_FIXED)


def build_model(
    name: str,
    *,
    num_classes: int,
    image_size: int = 48,
    crop: float = 0,
    resize: int = 0,
    normalization: str = "dataset",
    mean: float = 0.0,
    std: float = 1.0,
) -> nn.Sequential:
    """Return the freshly initialized model called `name`.

    It maps (N, 1, image_size, image_size) float32 images in [0, 1] to (N, num_classes) logits:
    `crop` and `resize` if any, `normalize`, then `net`; the nets of `TRANSFER_MODELS` take RGB,
    (N, 3, ...), too.  crop: side of the central square that the net sees, in pixels, or, below 1,
    as a part of the image's side; 0 for all.  resize: side that this is brought to, in pixels; 0
    for as it is.  normalization: `dataset`, by `mean` and `std` of the train pixels, which are
    saved with the weights, `mean`, the mean alone, `image`, each image by its own, or a name of
    the authors of initial weights.  The weights come from torch's global random state.  Raises
    ConfigError for an unknown name or normalization, or a crop larger than the image.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    if normalization not in NORMALIZATIONS:
        raise unknown_name("normalization", normalization, NORMALIZATIONS)
    if normalization in _FIXED:
        normalize = _FIXED[normalization]()
    else:
        normalize = PixelNormalization(mean, 1.0 if normalization == "mean" else std)
    if not 0 <= crop <= image_size:
        raise ConfigError(f"crop must lie between 0 and the image size {image_size}, not {crop}")
    side = round(crop * image_size) if crop < 1 else int(crop)
    net = MODELS[name](num_classes=num_classes, image_size=resize or side or image_size)
    parts: dict[str, nn.Module] = {"crop": CenterCrop(side)} if crop else {}
    if resize:
        parts["resize"] = Resize(resize)
    return nn.Sequential(OrderedDict(**parts, normalize=normalize, net=net))
