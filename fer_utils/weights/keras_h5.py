"""Read the weights that Keras 2 saved as HDF5, without TensorFlow."""

from pathlib import Path

import numpy as np

from fer_utils.errors import DataError
from fer_utils.paths import relative


def read_keras_h5(path: Path | str) -> dict[str, list[np.ndarray]]:
    """Return the arrays of each layer that has any, by its name, in the order of the file.

    Within a layer they are in Keras's order: kernel and bias; gamma, beta, moving mean and
    variance.  Raises DataError when the file is truncated, or nothing that Keras wrote.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)  # in a whole saved model
            layers = {}
            for name in map(_text, root.attrs["layer_names"]):
                arrays = [root[name][_text(n)][()] for n in root[name].attrs["weight_names"]]
                if arrays:
                    layers[name] = arrays
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{relative(path)} is not a whole file of Keras weights ({error}); get it again"
        ) from error
    return layers


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
