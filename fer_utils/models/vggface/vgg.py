"""keras-vggface's VGG16 without top (Parkhi et al. 2015)."""

from collections import OrderedDict

from torch import nn

from fer_utils.models.vggface.net import VGGFaceNet

#: Channels and number of convolutions of each of the five parts.
_PARTS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg16() -> VGGFaceNet:
    """Build VGG16's convolutions and pools, `conv1_1` to `pool5`, with fresh weights.

    (N, 3, H, W) float as `VGGFaceNormalization(1)` gives them -> maps (N, 512, H / 32, W / 32),
    rounded down: what keras-vggface's model without top returns.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels_in = 3
    for part, (channels, number) in enumerate(_PARTS, start=1):
        for conv in range(1, number + 1):
            layers[f"conv{part}_{conv}"] = nn.Conv2d(channels_in, channels, 3, padding=1)
            layers[f"relu{part}_{conv}"] = nn.ReLU(inplace=True)
            channels_in = channels
        layers[f"pool{part}"] = nn.MaxPool2d(2)
    return VGGFaceNet(layers)
