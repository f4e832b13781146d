"""The unmodified keras-vggface 0.6, built for Keras 2, on today's TensorFlow.

It is here to be looked at and compared with: training uses the PyTorch twins of
`fer_utils.models.vggface`.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from fer_utils.errors import DataError, unknown_name
from fer_utils.models.vggface import VGGFACE_NETS
from fer_utils.paths import relative
from fer_utils.tensorflow_bridge import import_tensorflow, quiet_stderr
from fer_utils.weights.keras_h5 import read_keras_h5

#: A model of tf_keras, which is imported only when one is built.
KerasModel = Any


def build_keras_vggface(
    model: str, weights: Path | str | None = None, image_size: int | None = 224
) -> KerasModel:
    """Build keras-vggface's `vgg16`, `resnet50` or `senet50` without top, as it ships them.

    (N, image_size, image_size, 3) float32, BGR without its means -> (N, h, w, C).
    weights: path of a published file of weights without top; None for random weights.
    image_size: in pixels, at least 48, 32 and 197 for the three; None for any.
    Raises ConfigError for an unknown model, DataError when the weights do not fit every layer
    (keras-vggface itself would load a wrong file without a word).
    """
    if model not in VGGFACE_NETS:
        raise unknown_name("VGGFace model", model, VGGFACE_NETS)
    vggface = _import_keras_vggface()
    shape = (image_size, image_size, 3)
    with quiet_stderr():
        net = vggface.VGGFace(model=model, include_top=False, weights=None, input_shape=shape)
    if weights is not None:
        _fill(net, read_keras_h5(weights), relative(weights))
    return net


def layer_table(model: KerasModel) -> pd.DataFrame:
    """Return one row per layer of a Keras model, in Keras's order.

    Columns: name, type, output shape (as text, without the batch), parameters (with a batch
    norm's running statistics, as Keras counts), trainable.
    """
    rows = [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output shape": _shape_text(layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "trainable": layer.trainable,
        }
        for layer in model.layers
    ]
    return pd.DataFrame(rows)


def _fill(net: KerasModel, layers: dict[str, list[np.ndarray]], source: str) -> None:
    """Give every layer of `net` its arrays of `layers`; DataError unless they fit exactly."""
    wanted = {layer.name: layer for layer in net.layers if layer.weights}
    for name in [*wanted, *layers]:
        if name not in layers or name not in wanted:
            state = "left over" if name in layers else "missing"
            raise DataError(f"{source} does not hold {net.name}: layer {name} is {state}")
    for name, layer in wanted.items():
        try:
            layer.set_weights(layers[name])
        except ValueError as error:
            raise DataError(f"{source} does not fit {net.name}, layer {name}: {error}") from error


def _shape_text(shape: tuple) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape)


def _import_keras_vggface() -> ModuleType:
    """Return the package `keras_vggface`, imported on top of tf_keras."""
    if "keras_vggface" not in sys.modules:
        import_tensorflow()
        with quiet_stderr(), _keras_2_names():
            return importlib.import_module("keras_vggface")
    return sys.modules["keras_vggface"]


@contextmanager
def _keras_2_names() -> Iterator[None]:
    """Let `keras` and the old names that keras-vggface imports mean tf_keras, for a while.

    The names are as before afterwards; after an error keras-vggface is not half imported either.
    """
    tf_keras = importlib.import_module("tf_keras")
    old_names = {
        "keras.utils.data_utils": {"get_file": tf_keras.utils.get_file},
        "keras.utils.layer_utils": {},  # only for Theano's kernels
        "keras.engine": {},
        "keras.engine.topology": {"get_source_inputs": tf_keras.utils.get_source_inputs},
        "keras.utils": {},
    }
    stand_ins = {name: _module(name, content) for name, content in old_names.items()}
    stand_ins["keras.utils"].layer_utils = stand_ins["keras.utils.layer_utils"]
    stand_ins |= {"keras": tf_keras, "keras.backend": tf_keras.backend}
    stand_ins |= {"keras.layers": tf_keras.layers, "keras.models": tf_keras.models}
    before = {name: module for name, module in sys.modules.items() if _is_part("keras", name)}
    sys.modules.update(stand_ins)
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if _is_part("keras_vggface", name)]:
            del sys.modules[name]
        raise
    finally:
        for name in [name for name in sys.modules if _is_part("keras", name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _module(name: str, content: dict[str, object]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    return module


def _is_part(package: str, name: str) -> bool:
    return name == package or name.startswith(f"{package}.")
