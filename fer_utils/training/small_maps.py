"""Weight gradients of convolutions on small maps, for processors that multiply tiles (AMX).

oneDNN's kernel (3.12, bfloat16) sums over one row of a map at a time, and a row of 5 or 11 pixels
fills a small part of a tile that holds 32.  With several images side by side, columns of zeros
between them, the same sums take a third to a half of the time, and a step of the small net an
eighth less (`benchmarks/README.md`).  In float32, without tiles, it does not pay.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_utils.hardware import pick_precision

#: Images side by side, and the widest map (pixels) for which that pays.
SIDE_BY_SIDE, WIDEST = 8, 16


def side_by_side(maps: Tensor, number: int) -> Tensor:
    """Return maps (N, C, H, W) as (N / number, C, H, number * (W + 1)), a zero after each row."""
    n, channels, height, width = maps.shape
    out = maps.new_zeros(n // number, height, number, width + 1, channels)
    images = maps.permute(0, 2, 3, 1).reshape(-1, number, height, width, channels)
    out[:, :, :, :width] = images.transpose(1, 2)
    return out.flatten(2, 3).permute(0, 3, 1, 2)


class _Convolution(torch.autograd.Function):
    """A convolution of stride 1 without bias, its weight gradient taken of images side by side."""

    @staticmethod
    def forward(ctx, maps: Tensor, weight: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.padding = padding
        return F.conv2d(maps, weight, padding=padding)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        maps, weight = ctx.saved_tensors
        number = math.gcd(len(maps), SIDE_BY_SIDE)
        wide, wide_gradient = side_by_side(maps, number), side_by_side(gradient, number)
        return (
            _backward(gradient, maps, weight, ctx.padding, (True, False, False))[0],
            _backward(wide_gradient, wide, weight, ctx.padding, (False, True, False))[1],
            None,
        )


def _backward(
    gradient: Tensor, maps: Tensor, weight: Tensor, padding: int, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, ...]:
    return torch.ops.aten.convolution_backward(
        gradient, maps, weight, None, (1, 1), (padding, padding), (1, 1), False, (0, 0), 1, wanted
    )


class SmallMapConv2d(nn.Conv2d):
    """A convolution of 3x3, stride 1 and "same" padding that is faster to train on small maps."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        pays = input.shape[3] <= WIDEST and math.gcd(len(input), SIDE_BY_SIDE) > 1
        if not (pays and torch.is_grad_enabled() and torch.is_autocast_enabled(input.device.type)):
            return super()._conv_forward(input, weight, bias)
        lower = torch.get_autocast_dtype(input.device.type)
        return _Convolution.apply(input.to(lower), weight.to(lower), self.padding[0])


def speed_up_small_maps(model: nn.Module, device: torch.device) -> None:
    """Give the convolutions of `model` that allow it the faster gradient, where `device` gains.

    Their weights, names and results stay as they are, but for the last bits of the gradient.
    """
    if device.type != "cpu" or pick_precision(device, model) != torch.bfloat16:
        return
    for layer in model.modules():
        if type(layer) is nn.Conv2d and _allows(layer):
            layer.__class__ = SmallMapConv2d


def _allows(layer: nn.Conv2d) -> bool:
    """Tell whether one column of zeros keeps neighbors apart: 3x3, padded by 1, nothing else."""
    usual = layer.stride == layer.dilation == (1, 1) and layer.groups == 1 and layer.bias is None
    padded = layer.padding == (1, 1) and layer.padding_mode == "zeros"
    return usual and padded and layer.kernel_size == (3, 3)
