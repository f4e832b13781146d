"""What training minimizes: cross-entropy, and the distance from a teacher (distillation)."""

from torch import Tensor
from torch.nn import functional as F


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
