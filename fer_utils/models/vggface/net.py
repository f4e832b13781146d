"""What the three twins share: a stack of layers that knows its layers' names in Keras."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

#: The parts of a residual block, by the names that keras-vggface gives its layers.
_KERAS_PARTS = {
    "conv1": "conv1/7x7_s2",
    "reduce": "1x1_reduce",
    "conv3x3": "3x3",
    "increase": "1x1_increase",
    "down": "1x1_down",
    "up": "1x1_up",
    "proj": "1x1_proj",
}


class VGGFaceNet(nn.Sequential):
    """A stack of layers and blocks named as in keras-vggface: `conv1_2`, `conv4_6.reduce_bn`.

    last: Keras names of the layers with parameters among the last five, see `LAST_FIVE`.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module], last: Sequence[str] = ()) -> None:
        super().__init__(layers)
        self._last = tuple(last)

    def keras_layers(self) -> dict[str, nn.Module]:
        """Return the layers with parameters by their names in keras-vggface, first to last.

        A projection beside a block comes after the block's own layers.
        """
        return {
            keras_name(path): module
            for path, module in self.named_modules()
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
        }

    def last_five(self) -> list[nn.Module]:
        """Return the layers with parameters among Keras's last five (`LAST_FIVE` lists them)."""
        layers = self.keras_layers()
        return [layers[name] for name in self._last]


def keras_name(path: str) -> str:
    """Return keras-vggface's name of the layer at `path`: conv4_6.reduce_bn is
    conv4_6_1x1_reduce/bn."""
    block, _, part = path.rpartition(".")
    name, norm = (part[:-3], "/bn") if part.endswith("_bn") else (part, "")
    keras = _KERAS_PARTS.get(name, name) + norm
    return f"{block}_{keras}" if block else keras


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding "same": what is odd goes below and to the right."""

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, channels, H / stride, W / stride), rounded up."""
        pads: list[int] = []
        for side, size, stride in zip(
            images.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-side // stride) - 1) * stride + size - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(images, pads))
