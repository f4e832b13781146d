"""Which pixels speak for a class: Grad-CAM and integrated gradients, by Captum.

Maps have the shape of the images, (N, H, W) float32.  All of them explain a class's logit.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.interpretation.layers import as_batch, as_labels, frozen_copy, last_maps


def grad_cam(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, *, per_place: bool = False
) -> np.ndarray:
    """Return Grad-CAM of class labels[i] on images[i], (N, H, W) float32, none below zero.

    The maps of the last convolution are summed, each weighted by its mean gradient (Selvaraju
    et al. 2017).  That mean supposes that a map counts alike at every place, as it does before a
    global average; before a dense layer it does not, and after the ReLU nothing at all may be
    left (`is_empty`).  per_place: each place is weighted by its own gradient (HiResCAM, Draelos
    and Carin 2020), which holds for dense layers too.
    """
    from captum.attr import LayerGradCam, LayerGradientXActivation

    model = frozen_copy(model)
    layer = last_maps(model, images)
    batch = as_batch(model, images).requires_grad_()
    target = as_labels(model, labels, images)
    if per_place:
        maps = LayerGradientXActivation(model, layer).attribute(batch, target=target).sum(1)
    else:
        maps = LayerGradCam(model, layer).attribute(batch, target=target)[:, 0]
    seen = _seen_side(model, batch)
    maps = F.interpolate(maps[:, None], size=(seen, seen), mode="bilinear", align_corners=False)
    return _in_place(F.relu(maps[:, 0]), images.shape[1])


def integrated_gradients(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, *, steps: int = 48
) -> np.ndarray:
    """Return integrated gradients of class labels[i] on images[i], (N, H, W) float32, signed.

    Sundararajan et al. 2017; `steps` points of the path.  A map adds up to the difference that
    the image makes to the logit, against a gray image.  The path lies behind the normalization:
    before one that is per image, even a trace of contrast would be made a full face.
    """
    from captum.attr import IntegratedGradients

    model = frozen_copy(model)
    prepare, net = model[:-1], model[-1]
    prepared = prepare(as_batch(model, images)).requires_grad_()
    maps = IntegratedGradients(net).attribute(
        prepared,
        baselines=0.0,  # normalized: the mean gray
        target=as_labels(model, labels, images),
        n_steps=steps,
        internal_batch_size=max(len(images), 256),
    )
    return _in_place(maps.detach()[:, 0].float(), images.shape[1])


def gradient(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the absolute gradient of class labels[i] at images[i], (N, H, W) float32.

    The oldest of the maps (Simonyan et al. 2014): how much a pixel would matter if it changed.
    """
    from captum.attr import Saliency

    model = frozen_copy(model)
    batch = as_batch(model, images).requires_grad_()
    maps = Saliency(model).attribute(batch, target=as_labels(model, labels, images))
    return maps.detach()[:, 0].cpu().numpy()


def is_empty(maps: np.ndarray) -> np.ndarray:
    """Return for which of the maps (N, H, W) nothing is above zero, (N,) bool."""
    return maps.max(axis=(1, 2)) <= 0


def _seen_side(model: nn.Module, batch: Tensor) -> int:
    """Return the side of the square that the net sees: all, or its central crop."""
    with torch.no_grad():
        return model[:-1](batch[:1]).shape[-1]


def _in_place(maps: Tensor, side: int) -> np.ndarray:
    """Return maps of the central square as maps of the whole image, zero around."""
    left = (side - maps.shape[-1]) // 2
    right = side - maps.shape[-1] - left
    return F.pad(maps.detach(), (left, right, left, right)).cpu().numpy()
