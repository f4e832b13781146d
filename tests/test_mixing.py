"""Mixed images come with labels mixed in the same proportion."""

import pytest
import torch
from torch.nn import functional as F

from fer_utils.errors import ConfigError
from fer_utils.training.mixing import MIXINGS, Mixing, get_mixing, mix


@pytest.fixture
def batch():
    """Return images that are constant, each of its own gray, and one-hot targets."""
    torch.manual_seed(0)
    grays = torch.linspace(0, 1, 40)
    return grays[:, None, None, None].expand(40, 1, 20, 20), F.one_hot(torch.arange(40)).float()


@pytest.mark.parametrize("how", [Mixing("mixup", 1.0), Mixing("cutmix", 1.0)])
def test_targets_say_what_part_of_an_image_is_whose(batch, how):
    images, targets = batch
    mixed, labels = mix(images, targets, how)
    assert mixed.shape == images.shape
    assert torch.allclose(labels.sum(1), torch.ones(40))
    assert ((labels > 0.01).sum(1) == 2).sum() > 25  # most are mixed, of two
    # constant images: the mean gray is the labels' mean gray
    grays = images[:, 0, 0, 0]
    assert torch.allclose(mixed.mean((1, 2, 3)), labels @ grays, atol=1e-5)


def test_cutmix_pastes_and_mixup_blends(batch):
    images, targets = batch
    pasted, _ = mix(images, targets, Mixing("cutmix", 1.0))
    assert all(len(image.unique()) <= 2 for image in pasted)
    blended, _ = mix(images, targets, Mixing("mixup", 1.0))
    assert all(len(image.unique()) == 1 for image in blended)


def test_the_share_of_images_that_are_mixed(batch):
    images, targets = batch
    for share, low, high in ((0.0, 0, 0), (0.5, 8, 32)):
        _, labels = mix(images, targets, Mixing("mixup", 1.0, share=share))
        changed = int((labels.max(1).values < 1 - 1e-6).sum())
        assert low <= changed <= high


def test_chance_comes_from_the_global_random_state(batch):
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(mix(*batch, Mixing("cutmix", 1.0))[0])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_look_up():
    assert get_mixing("none") is None
    assert get_mixing("mixup") is MIXINGS["mixup"]
    with pytest.raises(ConfigError, match="unknown mixing 'blend'; known: "):
        get_mixing("blend")
