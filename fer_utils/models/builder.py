"""A CNN by its sizes: any number of convolutions and dense layers, with HOG features beside.

After cs231n-hog (Alizadeh and Fazel): ReLU, batch norm and dropout as wanted, and histograms of
oriented gradients of the raw image concatenated with the convolutions' features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fer_utils.errors import ConfigError
from fer_utils.features.hog_spec import HogSpec
from fer_utils.models.hog_layer import HogLayer


class HybridNet(nn.Module):
    """Convolutions, HOG of the same image if wanted, and dense layers on both.

    features: (N, 1, H, W) -> (N, C, h, w).  hog: HOG and its batch norm, or None.
    head: (N, features) -> (N, num_classes) logits.
    """

    def __init__(
        self, features: nn.Sequential, hog: nn.Sequential | None, head: nn.Sequential
    ) -> None:
        super().__init__()
        self.features, self.hog, self.head = features, hog, head

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        flat = self.features(images).flatten(1)
        if self.hog is not None:
            flat = torch.cat((flat, self.hog(images).to(flat.dtype)), dim=1)
        return self.head(flat)


def build_cnn(
    num_classes: int,
    image_size: int = 48,
    *,
    conv: Sequence[int] = (24, 48, 96),
    hidden: Sequence[int] = (256, 512),
    filter_size: int | Sequence[int] = 3,
    stride: int | Sequence[int] = 1,
    pool: int | Sequence[int] = 2,
    padding: bool = True,
    dropout: float = 0.3,
    batch_norm: bool = True,
    hog: bool | HogSpec = False,
) -> HybridNet:
    """Build the CNN of these sizes.

    conv: filters of each convolution; `filter_size`, `stride` and `pool` (side of the max-pool
    and its stride, pixels; 1 for none) are one number for all or one per convolution.
    padding: by half a filter, which keeps the image's size at stride 1; else none.
    hidden: neurons of each hidden dense layer.  dropout: probability after each of these.
    batch_norm: after each convolution, each hidden layer and the HOG features.
    hog: whether the dense layers also see HOG features, or which.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits; their log-softmax is in the
    loss, and L2 regularization (weight decay) is the optimizer's.  Raises ConfigError for sizes
    that do not fit each other or the image.
    """
    _require_positive("conv", conv)
    _require_positive("hidden", hidden)
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout must lie in [0, 1), not {dropout}")
    sizes = _one_each("filter_size", filter_size, len(conv))
    strides = _one_each("stride", stride, len(conv))
    pools = _one_each("pool", pool, len(conv))

    layers: list[nn.Module] = []
    channels_in, side = 1, image_size
    for number, (channels, size, step, window) in enumerate(
        zip(conv, sizes, strides, pools, strict=True), start=1
    ):
        layers += _conv_block(channels_in, channels, size, step, window, padding, batch_norm)
        before, border = side, size // 2 if padding else 0
        side = ((side + 2 * border - size) // step + 1) // window
        if before + 2 * border < size or side < 1:
            raise ConfigError(
                f"conv layer {number} (filter {size}, stride {step}, pool {window}) leaves nothing "
                f"of the {before} x {before} pixels that reach it; use smaller filters, strides or "
                "pools, or fewer layers"
            )
        channels_in = channels
    width = channels_in * side**2

    hog_part = None
    if hog:
        spec = hog if isinstance(hog, HogSpec) else HogSpec()
        count = spec.features(image_size)
        # HOG features are small numbers; the norm puts them on the scale of the others
        norm = [nn.BatchNorm1d(count)] if batch_norm else []
        hog_part = nn.Sequential(HogLayer(spec), *norm)
        width += count

    head: list[nn.Module] = []
    for neurons in hidden:
        head += [
            nn.Linear(width, neurons, bias=not batch_norm),
            *([nn.BatchNorm1d(neurons)] if batch_norm else []),
            nn.ReLU(inplace=True),
            *([nn.Dropout(dropout)] if dropout else []),
        ]
        width = neurons
    head.append(nn.Linear(width, num_classes))
    return HybridNet(nn.Sequential(*layers), hog_part, nn.Sequential(*head))


def _conv_block(
    channels_in: int,
    channels: int,
    size: int,
    stride: int,
    pool: int,
    padding: bool,
    batch_norm: bool,
) -> list[nn.Module]:
    border = size // 2 if padding else 0
    return [
        nn.Conv2d(channels_in, channels, size, stride, border, bias=not batch_norm),
        # before norm and ReLU, which then have less work
        *([nn.MaxPool2d(pool)] if pool > 1 else []),
        *([nn.BatchNorm2d(channels)] if batch_norm else []),
        nn.ReLU(inplace=True),
    ]


def _one_each(name: str, value: int | Sequence[int], layers: int) -> tuple[int, ...]:
    """Return one number per convolution."""
    values = (value,) * layers if isinstance(value, int) else tuple(value)
    if len(values) != layers:
        raise ConfigError(
            f"{name} gives {len(values)} numbers for {layers} conv layers; give one for all or "
            "one per layer"
        )
    _require_positive(name, values)
    return values


def _require_positive(name: str, values: Sequence[int]) -> None:
    for value in values:
        if not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} takes whole numbers from 1, not {value!r}")
