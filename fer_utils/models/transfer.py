"""Nets that begin from weights learned elsewhere: a backbone, a pool, and a new head.

The heads are those that the reproduced projects describe.  All take RGB images that a
normalization has prepared.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from fer_utils.errors import unknown_name
from fer_utils.models.plain import GlobalAverage

#: What of the backbone is not trained: nothing; all of it; or, as in cs230-fer's code, all but its
#: last five layers and its batch norms.
FREEZINGS = ("none", "backbone", "all_but_last_five")


class TransferNet(nn.Module):
    """A backbone (N, 3, H, W) -> maps (N, C, h, w), a pool -> (N, F), a head -> (N, num_classes).

    pool: by default the average of each channel.  auxiliary: a second head on the maps that the
    backbone leaves in its attribute `middle`, which only training uses (Szegedy et al. 2014).
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        pool: nn.Module | None = None,
        auxiliary: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.pool, self.head = backbone, pool or GlobalAverage(), head
        self.auxiliary = auxiliary

    def features(self, images: Tensor) -> Tensor:
        """Return what the head sees of each image, (N, F)."""
        return self.pool(self.backbone(images))

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return logits, (N, num_classes); while training, also those of an auxiliary head."""
        logits = self.head(self.features(images))
        if self.auxiliary is None or not self.training:
            return logits
        return logits, self.auxiliary(self.backbone.middle)


def dense_head(
    width: int,
    num_classes: int,
    hidden: Sequence[int] = (),
    *,
    dropout: float = 0.5,
    dropout_first: bool = False,
    batch_norm: bool = False,
) -> nn.Sequential:
    """Return dense layers with ReLU, each followed by dropout, and the output layer.

    (N, width) -> (N, num_classes) logits.  dropout_first: dropout before each dense layer
    instead; batch_norm: of what comes in.
    """
    layers: list[nn.Module] = [nn.BatchNorm1d(width)] if batch_norm else []
    for neurons in hidden:
        dense = [nn.Linear(width, neurons), nn.ReLU(inplace=True)]
        layers += [nn.Dropout(dropout), *dense] if dropout_first else [*dense, nn.Dropout(dropout)]
        width = neurons
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


def transfer_net(
    backbone: Callable[[], nn.Module],
    width: int,
    hidden: Sequence[int] = (),
    **head: object,
) -> Callable[..., TransferNet]:
    """Return a builder for `fer_utils.models.MODELS`: this backbone and a `dense_head` on it.

    backbone: builds a net (N, 3, H, W) -> (N, width, h, w) of any size.
    """

    def build(num_classes: int, image_size: int = 224) -> TransferNet:
        return TransferNet(backbone(), dense_head(width, num_classes, hidden, **head))

    return build


def freeze(net: nn.Module, how: str) -> None:
    """Leave out of training what `how`, a name in `FREEZINGS`, says.

    Raises ConfigError for an unknown name, or a net without such layers.
    """
    if how not in FREEZINGS:
        raise unknown_name("freezing", how, FREEZINGS)
    if how == "none":
        return
    if not isinstance(net, TransferNet):
        raise unknown_name("freezing of a net without a backbone", how, ["none"])
    net.backbone.requires_grad_(False)
    if how == "all_but_last_five":
        if not hasattr(net.backbone, "last_five"):
            raise unknown_name("freezing of this backbone", how, ["none", "backbone"])
        norms = [m for m in net.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
        for part in (*net.backbone.last_five(), *norms):
            part.requires_grad_(True)
