"""Initial weights of a net's backbone, by name."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from fer_utils.errors import DataError, RunError, unknown_name
from fer_utils.models.dlib_faces import load_dlib_resnet
from fer_utils.models.efficientnet_lite import load_efficientnet_lite0_imagenet
from fer_utils.models.transfer import TransferNet
from fer_utils.weights.files import find_weights, require_weights
from fer_utils.weights.vggface_convert import VGGFACE_WEIGHTS, load_vggface


def load_initial_weights(net: nn.Module, name: str) -> None:
    """Give `net` the initial weights called `name`; ``random`` leaves it as it was built.

    Raises ConfigError for an unknown name or a net that has no backbone, WeightsMissing when the
    file is not on this machine, and RunError when it does not fit the net.
    """
    if name not in INITIAL_WEIGHTS:
        raise unknown_name("initial weights", name, INITIAL_WEIGHTS)
    if name == "random":
        return
    if not isinstance(net, TransferNet):
        raise unknown_name("initial weights of a net without a backbone", name, ["random"])
    _LOADERS[name](net, name)


def has_initial_weights(name: str) -> bool:
    """Tell whether the initial weights called `name` are on this machine, and sound."""
    if name == "random":
        return True
    try:
        return find_weights(name) is not None
    except DataError:  # a file that is not what it should be
        return False


@torch.no_grad()
def settle_norms(model: nn.Module, images: Tensor) -> None:
    """Give each batch norm the mean and variance of what it sees of `images`, (N, 1 or 3, H, W).

    Its scale and offset change with them, so that in evaluation mode the model computes what it
    did before.  That is for weights which were published without these statistics: training
    would take those of a batch instead, and the scales would no longer fit.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def look(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        seen[norm] = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3))

    hooks = [norm.register_forward_pre_hook(look) for norm in norms]
    model.eval()(images)
    for hook in hooks:
        hook.remove()
    for norm, (mean, variance) in seen.items():
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias += scale * (mean - norm.running_mean)
        norm.weight.copy_(scale * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _torchvision(
    prefix: str = "", skip: tuple[str, ...] = (), head: str = ""
) -> Callable[[TransferNet, str], None]:
    """Return a loader of torchvision's weights.

    prefix: of the names of the backbone's weights; skip: names that begin so are left out; head:
    prefix of a classifier whose layers but the last the net keeps.
    """

    def load(net: TransferNet, name: str) -> None:
        state = torch.load(require_weights(name), map_location="cpu", weights_only=True)
        kept = {key: value for key, value in state.items() if not key.startswith(skip)}
        _fill(net.backbone, _below(kept, prefix), name)
        if head:
            inner = _below(state, head)
            last = max(int(key.split(".")[0]) for key in inner)
            fitting = {k: v for k, v in inner.items() if int(k.split(".")[0]) != last}
            own = {k: v for k, v in net.head.state_dict().items() if int(k.split(".")[0]) == last}
            _fill(net.head, fitting | own, name)

    return load


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: v for key, v in state.items() if key.startswith(prefix)}


def _fill(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise RunError(f"the file of {name} does not fit the net: {error}") from error


def _lite0(net: TransferNet, name: str) -> None:
    _fill(net.backbone, load_efficientnet_lite0_imagenet().state_dict(), name)


def _dlib(net: TransferNet, name: str) -> None:
    _fill(net.backbone, load_dlib_resnet().state_dict(), name)


def _vggface(net: TransferNet, name: str) -> None:
    model = next(model for model, weights in VGGFACE_WEIGHTS.items() if weights == name)
    _fill(net.backbone, load_vggface(model).state_dict(), name)


_LOADERS: dict[str, Callable[[TransferNet, str], None]] = {
    "vggface_vgg16": _vggface,
    "vggface2_resnet50": _vggface,
    "vggface2_senet50": _vggface,
    "efficientnet_lite0_imagenet": _lite0,
    "dlib_face_recognition": _dlib,
    "resnet18_imagenet": _torchvision(skip=("fc.",)),
    "vgg16_imagenet": _torchvision("features.", head="classifier."),
    "efficientnet_b3_imagenet": _torchvision("features."),
    "efficientnet_b4_imagenet": _torchvision("features."),
}

INITIAL_WEIGHTS = ("random", *_LOADERS)
#: Those whose norms are published as scale and offset alone: see `settle_norms`.
WITHOUT_STATISTICS = ("dlib_face_recognition",)
