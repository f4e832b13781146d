"""Muon: orthogonal steps for kernels, SGD for the rest."""

from dataclasses import replace

import pytest
import torch
from helpers import RECIPE, toy_faces, weights_hash
from torch import nn

from fer_utils.errors import ConfigError
from fer_utils.models import build_model
from fer_utils.training import train
from fer_utils.training.muon import Muon, orthogonalized
from fer_utils.training.optimization import build_optimizer

FACES = toy_faces()
PARTS = FACES.part("train"), FACES.part("valid")
MUON = replace(RECIPE, optimizer="muon", learning_rate=0.02, weight_decay=0.1)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_rows_or_columns_come_out_orthogonal(shape):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    got = orthogonalized(matrix)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.linalg.svdvals(got)
    assert got.shape == matrix.shape
    assert values.min() > 0.6
    assert values.max() < 1.3
    # the singular vectors stay: in their terms it is a diagonal matrix
    inside = u.T @ got @ v.T
    assert (inside - inside.diag().diag()).abs().max() < 1e-4
    assert torch.allclose(orthogonalized(1000 * matrix), got, atol=1e-4)


def test_nothing_comes_of_nothing():
    assert not orthogonalized(torch.zeros(3, 5)).any()


def test_all_kernels_but_the_last_are_orthogonalized():
    model = build_model("baseline", num_classes=7, image_size=16)
    by = {
        id(p): group for group in build_optimizer(model, MUON).param_groups for p in group["params"]
    }
    kernels = [p for p in model.parameters() if p.ndim > 1]
    assert len(by) == len(list(model.parameters()))
    assert all(by[id(p)]["orthogonal"] for p in kernels[:-1])
    assert {by[id(p)]["weight_decay"] for p in kernels[:-1]} == {0.1}
    assert not by[id(kernels[-1])]["orthogonal"]
    others = [by[id(p)] for p in model.parameters() if p.ndim <= 1]
    assert not any(group["orthogonal"] or group["weight_decay"] for group in others)


def test_the_rest_moves_as_under_torchs_sgd():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    group = {"lr": 0.1, "weight_decay": 0.01}
    optimizers = (
        Muon([{"params": list(ours.parameters()), **group}]),
        torch.optim.SGD(theirs.parameters(), momentum=0.9, nesterov=True, **group),
    )
    for step in range(4):
        images = torch.randn(8, 5, generator=torch.Generator().manual_seed(step))
        for net, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            net(images).square().mean().backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_kernel_moves_by_the_rate_whatever_its_gradient():
    for scale in (1e-3, 1e3):
        conv = nn.Conv2d(3, 4, 3, bias=False)
        optimizer = Muon([{"params": [conv.weight], "lr": 0.1, "orthogonal": True}])
        before = conv.weight.detach().clone()
        torch.manual_seed(0)
        (conv(torch.randn(2, 3, 8, 8)).square().sum() * scale).backward()
        optimizer.step()
        values = torch.linalg.svdvals((conv.weight.detach() - before).flatten(1))
        assert values.min() > 0.06
        assert values.max() < 0.13


def test_it_learns_and_resumes_to_the_same_weights(tmp_path):
    options = {"epochs": 4, "seed": 0, "device": torch.device("cpu"), "progress": False}
    unbroken = train(MUON, *PARTS, **options)
    assert unbroken.history[-1]["train_loss"] < 0.8 * unbroken.history[0]["train_loss"]

    def stop(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(MUON, *PARTS, checkpoint=tmp_path / "a.pt", on_epoch=stop, **options)
    resumed = train(MUON, *PARTS, checkpoint=tmp_path / "a.pt", **options)
    assert weights_hash(resumed.model) == weights_hash(unbroken.model)


def test_it_knows_no_rate_of_a_backbone():
    with pytest.raises(ConfigError, match="muon knows no backbone_rate"):
        train(replace(MUON, backbone_rate=0.5), *PARTS, epochs=1, seed=0)
