"""What training minimizes: focal loss, logit adjustment, distances from a teacher or a label."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fer_utils.errors import DataError


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return the divergence of a net from its teacher at a temperature, a scalar.

    logits: (N, C) float; teacher: (N, C) probabilities.  Both are softened by `temperature`; its
    square keeps the gradients' size (Hinton et al. 2015).
    """
    softened = (teacher.clamp_min(1e-6).log() / temperature).softmax(1)
    divergence = F.kl_div(
        F.log_softmax(logits / temperature, dim=1), softened, reduction="batchmean"
    )
    return divergence * temperature**2


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy with easy images turned down by (1 - p)^gamma, a scalar.

    logits: (N, C) float; targets: (N,) int64 labels or (N, C) float probabilities; weight: (C,)
    of the classes.  p is the probability that the net gives to the class (Lin et al. 2017);
    where a target is spread over classes, each class's part has its own factor.  gamma 0 is
    `torch.nn.functional.cross_entropy` with the same arguments, also in how it averages.
    """
    classes = logits.shape[1]
    weight = logits.new_ones(classes) if weight is None else weight
    if targets.is_floating_point():
        shares, total = targets, len(targets)
    else:
        shares, total = F.one_hot(targets, classes).to(logits.dtype), weight[targets].sum()
    shares = (1 - label_smoothing) * shares + label_smoothing / classes
    log_p = F.log_softmax(logits, dim=1)
    # -expm1 is 1 - p without its rounding to 0; at 0 the root of a gamma below 1 has no slope
    hardness = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny) ** gamma
    return -(shares * weight * hardness * log_p).sum() / total


def cosine_embedding_loss(logits: Tensor, targets: Tensor, margin: float = 0.5) -> Tensor:
    """Return how far predictions are from their class's corner, and how near others', a scalar.

    logits: (N, C) float; targets: (N,) int64.  cs230-facenet writes a cosine embedding loss with
    a margin beside its cross-entropy and leaves open between what; here it is taken between the
    class probabilities and the one-hot vectors of the classes: one minus the cosine to the true
    one, plus what the cosines to the others have above `margin`.
    """
    cosine = F.normalize(logits.softmax(1), dim=1)  # to each one-hot vector
    true = F.one_hot(targets, logits.shape[1]).bool()
    near = (cosine - margin).clamp_min(0).masked_fill(true, 0)
    return (1 - cosine.gather(1, targets[:, None])).mean() + near.sum(1).mean()


def logit_adjustment(labels: np.ndarray, num_classes: int, tau: float = 1.0) -> np.ndarray:
    """Return what is added to the logits in training, (C,) float32: tau times the log prior.

    The net then need not learn how frequent the classes are; without the offsets, at test
    time, its logits aim at balanced accuracy (Menon et al. 2021).  labels: (N,) int of train.
    Raises DataError when a class has no image.
    """
    counts = np.bincount(labels, minlength=num_classes)
    if (counts == 0).any():
        missing = np.flatnonzero(counts == 0).tolist()
        raise DataError(
            f"logit adjustment needs an image of each class; none of {missing} in train"
        )
    return (tau * np.log(counts / counts.sum())).astype(np.float32)
