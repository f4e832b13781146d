"""What the VGGFace weights expect to see."""

import torch
from torch import Tensor, nn

from fer_utils.errors import unknown_name
from fer_utils.models.normalization import as_rgb

#: Mean blue, green and red of the training images, 0 to 255, as `keras_vggface.utils` has them:
#: version 1 for VGGFace (VGG16), 2 for VGGFace2 (ResNet50, SeNet50).
BGR_MEANS = {1: (93.5940, 104.7624, 129.1863), 2: (91.4953, 103.8827, 131.0912)}


class VGGFaceNormalization(nn.Module):
    """Blue, green, red from 0 to 255 less the means, as `keras_vggface.utils.preprocess_input`.

    version: a key of `BGR_MEANS`.  Raises ConfigError for another.
    """

    def __init__(self, version: int) -> None:
        super().__init__()
        if version not in BGR_MEANS:
            raise unknown_name("version of VGGFace", version, BGR_MEANS)
        means = torch.tensor(BGR_MEANS[version]).view(3, 1, 1)
        self.register_buffer("mean", means, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 3, H, W) in the order BGR of gray or RGB (N, 1 or 3, H, W) in [0, 1]."""
        return as_rgb(images).flip(1) * 255 - self.mean
