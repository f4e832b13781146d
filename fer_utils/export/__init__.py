"""A trained net as ONNX files: for browsers, phones and programs without PyTorch.

The files take gray images as they are, uint8 pixels, and give class probabilities: crop, size,
normalization, the division by 255 and the softmax are inside.
"""

from fer_utils.export.files import FACTS, ONNX_MODEL, SHIPPED, export_run, replaceable, ship
from fer_utils.export.graph import to_onnx
from fer_utils.export.session import open_session, probabilities
from fer_utils.export.variants import VARIANTS, byte_weights, float16_weights, int8_weights

__all__ = [
    "FACTS",
    "ONNX_MODEL",
    "SHIPPED",
    "VARIANTS",
    "byte_weights",
    "export_run",
    "float16_weights",
    "int8_weights",
    "open_session",
    "probabilities",
    "replaceable",
    "ship",
    "to_onnx",
]
