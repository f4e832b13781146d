"""The faster weight gradient of convolutions on small maps is the usual one."""

from dataclasses import replace

import pytest
import torch
from helpers import RECIPE, toy_faces
from torch import nn
from torch.nn import functional as F

from fer_utils import hardware
from fer_utils.training import Session
from fer_utils.training.small_maps import (
    SmallMapConv2d,
    _Convolution,
    side_by_side,
    speed_up_small_maps,
)

CPU = torch.device("cpu")


@pytest.fixture
def bfloat16(monkeypatch):
    monkeypatch.setattr(hardware, "use_bfloat16", lambda device: True)


def test_images_lie_side_by_side_with_zeros_between_them():
    maps = torch.randn(4, 3, 5, 2)
    wide = side_by_side(maps, 2)
    assert wide.shape == (2, 3, 5, 6)
    assert torch.equal(wide[0, :, :, 0:2], maps[0])
    assert torch.equal(wide[0, :, :, 3:5], maps[1])
    assert torch.equal(wide[1, :, :, 3:5], maps[3])
    assert not wide[..., [2, 5]].any()


@pytest.mark.parametrize("n", [8, 12, 6])
@pytest.mark.parametrize("side", [1, 5, 11])
def test_gradients_are_those_of_a_plain_convolution(n, side):
    torch.manual_seed(0)
    maps = torch.randn(n, 3, side, side, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(n, 4, side, side, dtype=torch.float64)
    ours, usual = _Convolution.apply(maps, weight, 1), F.conv2d(maps, weight, padding=1)
    assert torch.equal(ours, usual)
    for a, b in zip(
        torch.autograd.grad(ours, (maps, weight), upstream),
        torch.autograd.grad(usual, (maps, weight), upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_it_is_taken_only_where_it_pays(bfloat16):
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),  # taken
        nn.Conv2d(4, 4, 3, padding=1),  # a bias
        nn.Conv2d(4, 4, 3, stride=2, padding=1, bias=False),
        nn.Conv2d(4, 4, 5, padding=2, bias=False),  # one column of zeros would not do
        nn.Conv2d(4, 4, 3, bias=False),
        nn.Conv2d(4, 4, 3, padding=1, bias=False, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, bias=False, padding_mode="circular"),
    )
    speed_up_small_maps(model, CPU)
    assert [type(layer) is SmallMapConv2d for layer in model] == [True] + 6 * [False]


@pytest.mark.parametrize(("device", "lower"), [("cpu", False), ("cuda", True)])
def test_float32_and_gpus_keep_the_usual_one(monkeypatch, device, lower):
    monkeypatch.setattr(hardware, "use_bfloat16", lambda device: lower)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False))
    speed_up_small_maps(model, torch.device(device))
    assert type(model[0]) is nn.Conv2d


def test_a_training_session_takes_it_and_its_gradients_agree(bfloat16, monkeypatch):
    part = toy_faces().part("train")
    recipe = replace(RECIPE, model="mini")

    def gradients():
        session = Session(recipe, part, part, 1, 0, CPU)
        session.generator.manual_seed(0)
        session.gradients(torch.arange(8))
        return session.model, [p.grad for p in session.model.parameters()]

    model, ours = gradients()
    assert any(type(layer) is SmallMapConv2d for layer in model.modules())
    monkeypatch.setattr("fer_utils.training.session.speed_up_small_maps", lambda *_: None)
    _, usual = gradients()
    for a, b in zip(ours, usual, strict=True):
        assert (a - b).norm() <= 0.02 * b.norm() + 1e-4


def test_a_single_image_and_wide_maps_take_the_usual_way(bfloat16, monkeypatch):
    def refuse(*_):
        raise AssertionError("taken")

    monkeypatch.setattr(_Convolution, "apply", refuse)
    layer = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False))
    speed_up_small_maps(layer, CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(torch.zeros(1, 1, 8, 8))
        layer(torch.zeros(8, 1, 17, 17))
        with torch.no_grad():
            layer(torch.zeros(8, 1, 8, 8))
    layer(torch.zeros(8, 1, 8, 8))  # float32
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(AssertionError, match="taken"):
        layer(torch.zeros(8, 1, 8, 8))
