"""Augmentation does what its parameters say, and only the generator decides what."""

import math

import pytest
import torch

from fer_utils.augmentation import (
    AUGMENTATIONS,
    SEVEN_VIEWS,
    TTA_VIEWS,
    Augmentation,
    augment,
    get_augmentation,
    rectangles,
    to_float,
    tta_views,
    warp,
)
from fer_utils.errors import ConfigError


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def warped(images, degrees=0.0, scale=1.0, right=0.0, down=0.0, mirror=False):
    ones = torch.ones(len(images))
    shift = torch.stack((ones * right, ones * down), dim=1)
    return warp(images, ones * math.radians(degrees), ones * scale, shift, ones.bool() & mirror)


def close(a, b) -> bool:
    return torch.allclose(a, b, atol=1e-4)


def test_identity(images):
    assert close(warped(images), images)


def test_mirror_is_a_horizontal_flip(images):
    assert close(warped(images, mirror=True), images.flip(3))


@pytest.mark.parametrize("k", [1, 5])
def test_shift_moves_right_and_down_and_goes_on_with_the_edge(images, k):
    right = warped(images, right=k / 48)
    assert close(right[..., k:], images[..., :-k])
    assert close(right[..., :k], images[..., :1].expand(-1, -1, -1, k))
    down = warped(images, down=k / 48)
    assert close(down[:, :, k:], images[:, :, :-k])
    assert close(warped(images, down=-k / 48)[:, :, :-k], images[:, :, k:])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_is_counter_clockwise(images, quarters):
    turned = warped(images, degrees=90 * quarters)
    assert close(turned, torch.rot90(images, quarters, dims=(2, 3)))  # rot90: counter-clockwise


def test_mirror_comes_first_then_rotation_then_shift(images):
    both = warped(images, degrees=90, right=3 / 48, mirror=True)
    expected = torch.rot90(images.flip(3), 1, dims=(2, 3))
    assert close(both[..., 3:], expected[..., :-3])


def test_zoom_magnifies():
    image = torch.zeros(1, 1, 48, 48)
    image[..., 18:30, 18:30] = 1  # a centered square of side 12
    assert warped(image, scale=2.0).sum() == pytest.approx(24**2, rel=0.02)
    assert warped(image, scale=0.5).sum() == pytest.approx(6**2, rel=0.02)
    assert close(warped(image, scale=2.0), warped(image, scale=2.0).flip(2))  # about the center


def test_each_image_has_its_own_change(images):
    same = images[:1].expand(3, -1, -1, -1)
    shift = torch.tensor([[0, 0], [1 / 48, 0], [0, 1 / 48]])
    out = warp(same, torch.zeros(3), torch.ones(3), shift, torch.tensor([False, False, False]))
    assert close(out[0], same[0])
    assert close(out[1][..., 1:], same[0][..., :-1])
    assert close(out[2][:, 1:], same[0][:, :-1])


def test_to_float():
    pixels = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    out = to_float(pixels)
    assert out.dtype == torch.float32
    assert out.flatten().tolist() == pytest.approx([0, 0.2, 1])
    assert pixels.flatten().tolist() == [0, 51, 255]  # not changed in place


def draw(images, how, seed):
    return augment(images, how, torch.Generator().manual_seed(seed))


def test_none_changes_nothing(images):
    assert torch.equal(draw(images, get_augmentation("none"), 0), images)


@pytest.mark.parametrize("how", ["cs230", Augmentation(flip=0.5)], ids=str)
def test_only_the_generator_decides(images, how):
    how = get_augmentation(how) if isinstance(how, str) else how
    before = images.clone()
    torch.manual_seed(1)
    first = draw(images, how, 7)
    torch.manual_seed(2)
    assert torch.equal(first, draw(images, how, 7))
    assert any(not torch.equal(first, draw(images, how, seed)) for seed in range(8, 16))
    assert torch.equal(images, before)


def test_flip_alone_mirrors_about_half_of_the_images():
    images = torch.arange(48.0).expand(400, 1, 1, 48)
    mirrored = draw(images, Augmentation(flip=0.5), 0)[:, 0, 0, 0] == 47
    assert 160 < mirrored.sum() < 240


def test_changes_stay_in_their_ranges():
    """A small bright square is never farther off than shift, rotation and zoom allow."""
    images = torch.zeros(300, 1, 48, 48)
    images[..., 22:26, 22:26] = 1  # at the center: only the shift moves it
    out = draw(images, AUGMENTATIONS["cs230"], 0)
    place = torch.arange(48.0) - 23.5
    right = (out * place).sum((1, 2, 3)) / out.sum((1, 2, 3))
    down = (out * place[:, None]).sum((1, 2, 3)) / out.sum((1, 2, 3))
    for moved in (right, down):
        assert moved.abs().max() < 4.8 + 0.1
        assert moved.max() > 4
        assert moved.min() < -4
    area = out.sum((1, 2, 3)) / 16
    assert 0.77 < area.min() < 0.87  # 0.9 squared, as exactly as 16 pixels tell
    assert 1.13 < area.max() < 1.25


def test_unknown_augmentation():
    with pytest.raises(ConfigError, match=r"unknown augmentation 'cs231'; known: cs230"):
        get_augmentation("cs231")


def test_tta_counts_and_prefixes(images):
    views = {mode: tta_views(images, mode) for mode in TTA_VIEWS}
    assert {mode: len(v) for mode, v in views.items()} == TTA_VIEWS
    assert list(TTA_VIEWS.values()) == [1, 2, 9]
    longest = views["flip_and_seven"]
    for shorter in views.values():
        assert all(torch.equal(a, b) for a, b in zip(shorter, longest, strict=False))
    assert torch.equal(longest[0], images)
    assert torch.equal(longest[1], images.flip(3))
    for view in longest[2:]:
        assert view.shape == images.shape
        assert not close(view, images)
        assert not close(view, images.flip(3))


def test_seven_views_are_those_of_their_table(images):
    for number, (degrees, scale, right, down) in enumerate(SEVEN_VIEWS):
        expected = warped(images, degrees, scale, right, down, mirror=bool(number % 2))
        assert close(tta_views(images, "flip_and_seven")[2 + number], expected)


def test_unknown_tta(images):
    with pytest.raises(ConfigError, match="unknown test-time augmentation 'ten'"):
        tta_views(images, "ten")


def test_rectangles_cover_what_they_say_and_are_cut_at_the_edge():
    centers = torch.tensor([[0.5, 0.5], [0.0, 0.5]])
    sides = torch.tensor([[0.5, 0.25], [0.5, 0.25]])
    masks = rectangles(centers, sides, (16, 24))
    assert masks.shape == (2, 1, 16, 24)
    assert masks[0, 0, 4:12, 9:15].all()
    assert masks[0].sum() == 8 * 6
    assert masks[1, 0, :4, 9:15].all()
    assert masks[1].sum() == 4 * 6


def test_erasing_paints_one_rectangle_in_the_images_gray(images):
    images = images.repeat(10, 1, 1, 1)
    how = Augmentation(erasing=0.5)
    out = augment(images, how, torch.Generator().manual_seed(0))
    changed = (out != images).flatten(1).float().mean(1)
    assert 10 <= (changed > 0).sum() <= 30  # about half of 40
    assert changed.max() < 0.45**2 + 0.03
    first = int(changed.argmax())
    gray = images[first].mean()
    assert torch.allclose(out[first][out[first] != images[first]], gray)
