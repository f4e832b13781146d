"""keras-vggface's published weights for the PyTorch twins: converted once, then read."""

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fer_utils import paths
from fer_utils.errors import DataError, unknown_name
from fer_utils.files import atomic_path, sha256_file
from fer_utils.models.vggface import VGGFACE_NETS, VGGFaceNet
from fer_utils.paths import relative
from fer_utils.weights.files import check_weights, require_weights
from fer_utils.weights.keras_h5 import read_keras_h5
from fer_utils.weights.registry import get_weights_file

#: Initial weights of each twin, by their name in the registry.
VGGFACE_WEIGHTS = {
    "vgg16": "vggface_vgg16",
    "resnet50": "vggface2_resnet50",
    "senet50": "vggface2_senet50",
}
_CONVOLUTION = ("weight", "bias")
_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def load_vggface(model: str) -> VGGFaceNet:
    """Return the twin called `model` with the published weights, in evaluation mode.

    The converted weights are kept in data/cache/weights, under the hash of their source.
    Raises ConfigError for an unknown model, WeightsMissing, which says what to get, when its
    weights are not on this machine, and DataError when they are not as published.
    """
    source = require_weights(_weights_name(model))
    digest = sha256_file(source)
    converted = paths.DATA_CACHE / "weights" / f"{VGGFACE_WEIGHTS[model]}-{digest[:8]}.safetensors"
    net = VGGFACE_NETS[model]()
    try:
        net.load_state_dict(load_file(converted))
    except (OSError, SafetensorError, RuntimeError):  # not there, damaged, or of an older twin
        convert_vggface(source, model, converted)
        net.load_state_dict(load_file(converted))
    return net.eval()


def convert_vggface(h5_path: Path | str, model: str, target: Path | str) -> Path:
    """Write keras-vggface's weights of `model` without top as safetensors for its twin.

    The metadata record the source's name and SHA-256.  A file under the published name must have
    the published size and hash, as far as they are known; whatever its name, it must fill every
    layer of the twin and have none left over.
    Raises ConfigError for an unknown model, DataError naming the first layer that does not fit.
    """
    h5_path, target = Path(h5_path), Path(target)
    known = get_weights_file(_weights_name(model))
    if h5_path.name == known.file_name:
        check_weights(known, h5_path)
    tensors = vggface_state(read_keras_h5(h5_path), model, relative(h5_path))
    metadata = {"model": model, "source": h5_path.name, "source_sha256": sha256_file(h5_path)}
    with atomic_path(target) as temporary:
        save_file(tensors, temporary, metadata)
    return target


def vggface_state(
    layers: dict[str, list[np.ndarray]], model: str, source: str
) -> dict[str, Tensor]:
    """Return the state of `model`'s twin that holds Keras's `layers` (`read_keras_h5`).

    source: what the layers are from, for messages.
    Raises DataError naming the first layer that is missing, left over, or of another shape.
    """
    net = VGGFACE_NETS[model]()
    twins = net.keras_layers()
    _check_names(layers, twins, f"{source} does not hold keras-vggface's {model} without top")
    names = {module: path for path, module in net.named_modules()}
    state = net.state_dict()
    for name, module in twins.items():
        parts = _parts(module)
        shapes = [tuple(array.shape) for array in layers[name]]
        tensors = [_to_torch(array) for array in layers[name]]
        wanted = [state[f"{names[module]}.{part}"].shape for part in parts]
        if [tensor.shape for tensor in tensors] != wanted:
            raise DataError(
                f"{source}: the arrays {shapes} of layer {name} do not fit the shapes "
                f"{[tuple(shape) for shape in wanted]} of {model}'s {names[module]}"
            )
        for part, tensor in zip(parts, tensors, strict=True):
            if not tensor.isfinite().all():
                raise DataError(f"{source}: layer {name} holds values that are not finite")
            state[f"{names[module]}.{part}"] = tensor
    return state


def _check_names(found: dict, wanted: dict, problem: str) -> None:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    if missing:
        raise DataError(f"{problem}: layer {missing[0]} is missing ({len(missing)} are)")
    if extra:
        raise DataError(f"{problem}: layer {extra[0]} is left over ({len(extra)} are)")


def _parts(module: nn.Module) -> tuple[str, ...]:
    """Return the names of the tensors of a layer, in Keras's order."""
    if isinstance(module, nn.BatchNorm2d):
        return _BATCH_NORM
    return _CONVOLUTION if module.bias is not None else _CONVOLUTION[:1]


def _to_torch(array: np.ndarray) -> Tensor:
    """Return Keras's array as float32: kernels (h, w, in, out) become (out, in, h, w)."""
    array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _weights_name(model: str) -> str:
    if model not in VGGFACE_WEIGHTS:
        raise unknown_name("VGGFace model", model, VGGFACE_WEIGHTS)
    return VGGFACE_WEIGHTS[model]
