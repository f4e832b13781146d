"""Residual nets for small gray images: a 3x3 stem, no early pool, squeeze-and-excitation."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.models.plain import GlobalAverage, SqueezeExcitation


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, as in ResNet-18 and -34 (He et al. 2015)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcitation(channels, 16),
        )
        # The block begins as the identity: deep nets learn faster so (Goyal et al. 2017).
        nn.init.zeros_(self.body[4].weight)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, channels, H / stride, W / stride)."""
        return F.relu(self.body(features) + self.shortcut(features), inplace=True)


class PreActivationBlock(nn.Module):
    """Norm and ReLU before each convolution, as in wide residual nets (Zagoruyko 2016)."""

    def __init__(self, channels_in: int, channels: int, stride: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.BatchNorm2d(channels_in), nn.ReLU(inplace=True))
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        )
        self.shortcut = None
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, channels, H / stride, W / stride)."""
        ready = self.before(features)
        return self.body(ready) + (features if self.shortcut is None else self.shortcut(ready))


def se_resnet(
    num_classes: int, image_size: int = 48, *, blocks: Sequence[int], dropout: float = 0.3
) -> nn.Sequential:
    """Build an SE-ResNet of basic blocks: 3x3 stem of stride 1, no max-pool, 64 to 512 channels.

    blocks: their number in each of the four stages; (2, 2, 2, 2) is ResNet-18 and (3, 4, 6, 3)
    ResNet-34.  The global average lets it take any `image_size`.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """
    layers = [nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    channels_in = 64
    for stage, number in enumerate(blocks):
        channels = 64 * 2**stage
        for block in range(number):
            layers.append(BasicBlock(channels_in, channels, 2 if stage and not block else 1))
            channels_in = channels
    head = (GlobalAverage(), nn.Dropout(dropout), nn.Linear(channels_in, num_classes))
    return nn.Sequential(*layers, *head)


def wide_resnet(
    num_classes: int, image_size: int = 48, *, blocks: int = 2, widen: int = 8
) -> nn.Sequential:
    """Build a wide pre-activation residual net, WRN-16-8 by default (Zagoruyko 2016).

    Three stages of `blocks` blocks with 16, 32 and 64 times `widen` channels, dropout inside.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """
    layers: list[nn.Module] = [nn.Conv2d(1, 16, 3, padding=1, bias=False)]
    channels_in = 16
    for stage in range(3):
        channels = 16 * 2**stage * widen
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(PreActivationBlock(channels_in, channels, stride))
            channels_in = channels
    layers += [nn.BatchNorm2d(channels_in), nn.ReLU(inplace=True), GlobalAverage()]
    return nn.Sequential(*layers, nn.Linear(channels_in, num_classes))


def resnet50(num_classes: int, image_size: int = 48) -> nn.Module:
    """Build torchvision's ResNet-50 for small gray images: one channel in, no early max-pool.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """
    from torchvision.models import resnet50 as build

    net = build(weights=None, num_classes=num_classes, zero_init_residual=True)
    net.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    net.maxpool = nn.Identity()
    return net
