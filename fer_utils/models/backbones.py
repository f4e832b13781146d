"""Backbones of torchvision and timm without pool and classifier, under the names that their
published weights have: (N, 3, H, W) float -> maps (N, C, h, w)."""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from fer_utils.models.transfer import TransferNet, dense_head


def torchvision_features(name: str) -> Callable[[], nn.Module]:
    """Return a builder of the `features` of a torchvision net (VGG, EfficientNet, MobileNet)."""

    def build() -> nn.Module:
        from torchvision import models

        return getattr(models, name)(weights=None).features

    return build


def torchvision_resnet(name: str) -> Callable[[], nn.Module]:
    """Return a builder of a torchvision ResNet up to its last maps."""

    def build() -> nn.Module:
        from torchvision import models

        parts = getattr(models, name)(weights=None).named_children()
        return nn.Sequential(OrderedDict((n, p) for n, p in parts if n not in ("avgpool", "fc")))

    return build


def timm_maps(name: str) -> Callable[[], nn.Module]:
    """Return a builder of a timm net up to its last maps."""

    def build() -> nn.Module:
        import timm

        return timm.create_model(name, pretrained=False, num_classes=0, global_pool="")

    return build


def vgg16_whole(num_classes: int, image_size: int = 224) -> TransferNet:
    """Build torchvision's VGG-16 with its last layer replaced, as jhu-affectnet.

    (N, 3, H, W) float -> (N, num_classes) logits.
    """
    from torchvision.models import vgg16

    net = vgg16(weights=None)
    net.classifier[-1] = nn.Linear(4096, num_classes)
    return TransferNet(net.features, net.classifier, nn.Sequential(net.avgpool, nn.Flatten()))


class InceptionMaps(nn.Module):
    """Inception V3 (Szegedy et al. 2015) up to its last maps; `middle` holds those halfway."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import inception_v3

        parts = inception_v3(weights=None, init_weights=True, aux_logits=False).named_children()
        for name, part in parts:
            if name not in ("avgpool", "dropout", "fc"):
                self.add_module(name, part)
        self.middle: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Return maps (N, 2048, h, w)."""
        maps = images
        for name, part in self.named_children():
            maps = part(maps)
            if name == "Mixed_6e":
                self.middle = maps
        return maps


def _inception_auxiliary(num_classes: int) -> nn.Sequential:
    """Return Inception V3's auxiliary head, here for maps (N, 768, h, w) of any size."""

    def conv(channels_in: int, channels: int, size: int) -> list[nn.Module]:
        convolution = nn.Conv2d(channels_in, channels, size, bias=False)
        return [convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]

    maps = (nn.AdaptiveAvgPool2d(5), *conv(768, 128, 1), *conv(128, 768, 5))
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(768, num_classes))


def inception_v3(num_classes: int, image_size: int = 299) -> TransferNet:
    """Build Inception V3 with its auxiliary head; images of at least 75 pixels.

    (N, 3, H, W) float -> (N, num_classes) logits; while training, a pair of them.
    """
    head = nn.Sequential(nn.Dropout(0.5), dense_head(2048, num_classes))
    return TransferNet(InceptionMaps(), head, auxiliary=_inception_auxiliary(num_classes))
