"""A balanced epoch holds each class equally often on average, the same for the same generator."""

import numpy as np
import torch

from fer_utils.balancing.sampling import balanced_order


def order_of(labels: np.ndarray, seed: int) -> torch.Tensor:
    return balanced_order(torch.from_numpy(labels), torch.Generator().manual_seed(seed))


def test_each_class_is_equally_likely():
    labels = np.repeat([0, 1, 3], [9000, 900, 100])  # no image of class 2
    drawn = np.bincount(labels[order_of(labels, 0)], minlength=4)
    assert drawn.sum() == len(labels)
    assert drawn[2] == 0
    np.testing.assert_allclose(drawn[[0, 1, 3]] / len(labels), 1 / 3, atol=0.03)


def test_images_of_a_class_are_equally_likely():
    labels = np.repeat([0, 1], [9990, 10])
    order = order_of(labels, 0).numpy()
    rare = np.bincount(order[order >= 9990] - 9990, minlength=10)
    np.testing.assert_allclose(rare / rare.sum(), 0.1, atol=0.03)


def test_the_generator_decides():
    labels = np.arange(200) % 7
    first = order_of(labels, 1)
    assert first.dtype == torch.int64
    assert torch.equal(first, order_of(labels, 1))
    assert not torch.equal(first, order_of(labels, 2))
    generator = torch.Generator().manual_seed(1)
    assert torch.equal(first, balanced_order(torch.from_numpy(labels), generator))
    assert not torch.equal(first, balanced_order(torch.from_numpy(labels), generator))
