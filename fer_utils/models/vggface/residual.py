"""keras-vggface's ResNet50 and SeNet50 without top (Cao et al. 2018).

They follow the Caffe nets: the stride is in a block's first 1x1 convolution and in its
projection, no padding before the max-pool, and no biases but in squeeze-and-excitation.
"""

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.models.vggface.net import SameConv2d, VGGFaceNet

#: Width and number of blocks of the stages conv2 to conv5; a block returns four times its width.
_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
_EXPANSION = 4
_COMPRESSION = 16  # of squeeze-and-excitation
#: Keras's default momentum, 0.99, as PyTorch counts it.
_MOMENTUM = 0.01

#: The Keras layers with parameters among the last five of keras-vggface's model as cs230-fer builds
#: it (without top, global average at the end: 175 layers of ResNet50, 287 of SeNet50).  ResNet50's
#: last five are that batch norm, addition, ReLU, 7x7 average and global average; SeNet50's are the
#: scaling by the gate, addition, ReLU and both averages: nothing in them is trained.  (cs230-fer's
#: notebooks leave more of SeNet50 trainable: layer number 201, `conv4_5_3x3`, and all after it.)
LAST_FIVE: dict[str, tuple[str, ...]] = {"resnet50": ("conv5_3_1x1_increase/bn",), "senet50": ()}


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, with a gate or without, beside a shortcut.

    project: a 1x1 convolution in the shortcut, as the first block of a stage has.
    excite: squeeze-and-excitation (Hu et al. 2018) of what is added to the shortcut.
    epsilon: of the batch norms.
    """

    def __init__(
        self,
        channels_in: int,
        width: int,
        stride: int,
        *,
        project: bool,
        excite: bool,
        epsilon: float,
    ) -> None:
        super().__init__()
        channels = _EXPANSION * width
        norm = partial(nn.BatchNorm2d, eps=epsilon, momentum=_MOMENTUM)
        self.reduce = nn.Conv2d(channels_in, width, 1, stride, bias=False)
        self.reduce_bn = norm(width)
        self.conv3x3 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv3x3_bn = norm(width)
        self.increase = nn.Conv2d(width, channels, 1, bias=False)
        self.increase_bn = norm(channels)
        self.down = nn.Conv2d(channels, channels // _COMPRESSION, 1) if excite else None
        self.up = nn.Conv2d(channels // _COMPRESSION, channels, 1) if excite else None
        self.proj = nn.Conv2d(channels_in, channels, 1, stride, bias=False) if project else None
        self.proj_bn = norm(channels) if project else None

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, 4 width, H / stride, W / stride), rounded up."""
        x = F.relu(self.reduce_bn(self.reduce(features)), inplace=True)
        x = F.relu(self.conv3x3_bn(self.conv3x3(x)), inplace=True)
        x = self.increase_bn(self.increase(x))
        if self.down is not None:
            gate = F.relu(self.down(x.mean((2, 3), keepdim=True)), inplace=True)
            x = x * self.up(gate).sigmoid()
        if self.proj is not None:
            features = self.proj_bn(self.proj(features))
        return F.relu(x + features, inplace=True)


def resnet50() -> VGGFaceNet:
    """Build ResNet50's layers `conv1` to `conv5_3` with fresh weights.

    (N, 3, H, W) float as `VGGFaceNormalization(2)` gives them -> maps (N, 2048, h, w): 7x7 for
    images of 197 to 224 pixels.  keras-vggface's model without top averages these over 7x7
    windows at its end, so for such images it returns their mean.
    """
    return _residual_net(excite=False, epsilon=1e-3, last=LAST_FIVE["resnet50"])


def senet50() -> VGGFaceNet:
    """Build SeNet50's layers `conv1` to `conv5_3`: `resnet50` with squeeze-and-excitation.

    Its batch norms add 1e-4 to the variance, ResNet50's 1e-3.
    """
    return _residual_net(excite=True, epsilon=1e-4, last=LAST_FIVE["senet50"])


def _residual_net(*, excite: bool, epsilon: float, last: tuple[str, ...]) -> VGGFaceNet:
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=SameConv2d(3, 64, 7, stride=2, bias=False),
        conv1_bn=nn.BatchNorm2d(64, eps=epsilon, momentum=_MOMENTUM),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(3, stride=2),
    )
    channels_in = 64
    for stage, (width, number) in enumerate(_STAGES, start=2):
        for block in range(1, number + 1):
            first = block == 1
            layers[f"conv{stage}_{block}"] = Bottleneck(
                channels_in,
                width,
                stride=2 if first and stage > 2 else 1,
                project=first,
                excite=excite,
                epsilon=epsilon,
            )
            channels_in = _EXPANSION * width
    return VGGFaceNet(layers, last)
