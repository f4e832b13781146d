"""PyTorch twins of keras-vggface's nets without top, and their normalization.

keras-vggface (Refik Can Malli, MIT) rebuilt Oxford's VGGFace (Parkhi et al. 2015) and VGGFace2
(Cao et al. 2018) nets in Keras.  The twins compute the same from the same weights; a test compares
them layer by layer.  `fer_utils.weights.vggface_convert` fills them from the published files.
"""

from collections.abc import Callable

from fer_utils.models.vggface.net import VGGFaceNet
from fer_utils.models.vggface.normalization import VGGFaceNormalization
from fer_utils.models.vggface.residual import LAST_FIVE, resnet50, senet50
from fer_utils.models.vggface.vgg import vgg16

__all__ = [
    "LAST_FIVE",
    "VGGFACE_NETS",
    "VGGFaceNet",
    "VGGFaceNormalization",
    "resnet50",
    "senet50",
    "vgg16",
]

VGGFACE_NETS: dict[str, Callable[[], VGGFaceNet]] = {
    "vgg16": vgg16,
    "resnet50": resnet50,
    "senet50": senet50,
}
