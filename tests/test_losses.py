"""Focal loss and logit adjustment do what their papers say."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fer_utils.errors import DataError
from fer_utils.training.losses import cosine_embedding_loss, focal_loss, logit_adjustment


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 7, generator=generator) * 3
    labels = torch.randint(0, 7, (20,), generator=generator)
    shares = torch.rand(20, 7, generator=generator).softmax(1)
    weight = torch.rand(7, generator=generator) + 0.5
    return logits, labels, shares, weight


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gamma_zero_is_cross_entropy(batch, soft, weighted, smoothing):
    logits, labels, shares, weight = batch
    given = {"weight": weight if weighted else None, "label_smoothing": smoothing}
    targets = shares if soft else labels
    ours = focal_loss(logits, targets, gamma=0.0, **given)
    torch.testing.assert_close(ours, F.cross_entropy(logits, targets, **given))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_each_image_counts_by_its_error(batch, gamma):
    logits, labels, _, _ = batch
    p = logits.double().softmax(1)[torch.arange(20), labels]
    expected = (-((1 - p) ** gamma) * p.log()).mean()
    torch.testing.assert_close(focal_loss(logits.double(), labels, gamma=gamma), expected)


def test_one_hot_targets_are_labels(batch):
    logits, labels, _, _ = batch
    hot = F.one_hot(labels, 7).float()
    torch.testing.assert_close(focal_loss(logits, hot), focal_loss(logits, labels))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_stay_finite_where_the_net_is_certain(gamma):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([0, 0]), gamma=gamma)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad[0].abs().max() < 1e-6


def test_adjustment_is_the_scaled_log_prior():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    offsets = logit_adjustment(labels, 3, tau=0.5)
    assert offsets.dtype == np.float32
    np.testing.assert_allclose(offsets, 0.5 * np.log([0.5, 0.3, 0.2]), rtol=1e-6)


def test_adjusted_logits_of_the_prior_learn_nothing():
    # a net that says the same to every class already fits the frequencies, and has no gradient
    labels = torch.from_numpy(np.repeat([0, 1, 2], [50, 30, 20]))
    logits = torch.zeros(100, 3, requires_grad=True)
    offsets = torch.from_numpy(logit_adjustment(labels.numpy(), 3))
    F.cross_entropy(logits + offsets, labels).backward()
    assert logits.grad.sum(0).abs().max() < 1e-6


def test_a_class_without_images_is_named():
    with pytest.raises(DataError, match=r"none of \[1, 3\]"):
        logit_adjustment(np.array([0, 2, 2]), 4)


def test_cosine_embedding_loss_is_zero_at_the_corner_and_by_hand_elsewhere():
    sure = torch.tensor([[50.0, 0.0, 0.0]])
    assert float(cosine_embedding_loss(sure, torch.tensor([0]))) == pytest.approx(0, abs=1e-6)
    # the cosine to the wrong corner is 1, half of it above the margin; to the true one 0
    assert float(cosine_embedding_loss(sure, torch.tensor([1]))) == pytest.approx(1.5, abs=1e-6)
    even = torch.zeros(1, 2)  # 1 / sqrt(2) to both corners
    expected = (1 - 0.5**0.5) + (0.5**0.5 - 0.5)
    assert float(cosine_embedding_loss(even, torch.tensor([0]))) == pytest.approx(expected)
    assert float(cosine_embedding_loss(even, torch.tensor([0]), margin=0.8)) == pytest.approx(
        1 - 0.5**0.5
    )
