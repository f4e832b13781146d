"""Occlusion, attribution, regions and the sanity check say what is known of a net."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import toy_faces
from torch import nn

from fer_utils.errors import ConfigError, DataError
from fer_utils.interpretation import attribution, regions, sanity
from fer_utils.interpretation.faces import class_means, correct_faces, surest_faces
from fer_utils.interpretation.layers import as_batch, frozen_copy, weight_layers
from fer_utils.interpretation.occlusion import occlusion_falls, occlusion_maps
from fer_utils.models import build_model

FACES = toy_faces(valid=14)
IMAGES, LABELS = FACES.part("valid").images, FACES.part("valid").labels


def net(name="five_layer", size=16, **options):
    torch.manual_seed(0)
    options = {"normalization": "image", **options}
    return build_model(name, num_classes=7, image_size=size, **options)


class LooksAt(nn.Module):
    """Two classes by the mean of one square of pixels: what it looks at is known."""

    def __init__(self, top=4, left=8, side=4, gain=20.0):
        super().__init__()
        self.box = slice(top, top + side), slice(left, left + side)
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, images):
        score = self.gain * (images[:, 0, *self.box].mean((1, 2)) - 0.5)
        return torch.stack((-score, score), dim=1)


def bright_square(n=3, side=16):
    images = np.zeros((n, side, side), np.uint8)
    images[:, 4:8, 8:12] = 255
    return images


def test_occlusion_finds_the_square_that_the_net_looks_at():
    images, labels = bright_square(), np.ones(3, int)
    maps = occlusion_maps(LooksAt(), images, labels, patch=4, stride=2)
    assert maps.shape == images.shape
    inside = np.zeros((16, 16), bool)
    inside[4:8, 8:12] = True
    assert maps[:, inside].min() > maps[:, ~inside].max()
    assert maps[:, :2].max() == 0, "far away, nothing changes"


def test_occlusion_falls_below_zero_where_the_cover_helps():
    falls = occlusion_falls(LooksAt(), bright_square(), np.zeros(3, int), [(4, 8, 8, 12)])
    assert (falls < -0.5).all()


def test_occlusion_does_not_depend_on_the_batch():
    model = net()
    whole = occlusion_maps(model, IMAGES, LABELS, patch=8, stride=4)
    parts = occlusion_maps(model, IMAGES, LABELS, patch=8, stride=4, batch_size=11)
    np.testing.assert_allclose(whole, parts, atol=1e-5)


def test_every_pixel_is_covered_when_patches_do_not_fit():
    maps = occlusion_maps(net(), IMAGES[:2], LABELS[:2], patch=5, stride=4)
    assert np.isfinite(maps).all()


@pytest.mark.parametrize("box", [(0, 0, 17, 4), (4, 4, 4, 8), (-1, 0, 3, 3)])
def test_box_outside_the_image_is_refused(box):
    with pytest.raises(ConfigError, match="does not lie in"):
        occlusion_falls(net(), IMAGES, LABELS, [box])


def test_patches_with_gaps_are_refused():
    with pytest.raises(ConfigError, match="leave gaps"):
        occlusion_maps(net(), IMAGES, LABELS, patch=4, stride=5)


def test_one_label_per_image():
    with pytest.raises(DataError, match="14 images need as many labels"):
        occlusion_falls(net(), IMAGES, LABELS[:3], [(0, 0, 4, 4)])


@pytest.mark.parametrize("options", [{}, {"crop": 12}, {"normalization": "dataset", "mean": 0.4}])
def test_integrated_gradients_are_complete(options):
    model = net(**options).eval()
    maps = attribution.integrated_gradients(model, IMAGES[:4], LABELS[:4], steps=100)
    prepared = model[:-1](torch.from_numpy(IMAGES[:4])[:, None] / 255)
    with torch.no_grad():
        logits = model[-1](prepared) - model[-1](torch.zeros_like(prepared))
    expected = logits[range(4), LABELS[:4]].numpy()
    np.testing.assert_allclose(maps.sum((1, 2)), expected, atol=0.02)
    if "crop" in options:
        assert maps[:, :2].any() == maps[:, :, -2:].any() == False  # noqa: E712


def test_grad_cam_after_a_global_average_is_the_same_per_place():
    """There, every place of a map has one gradient, so that both weigh alike."""
    model = net("mini_average", size=32)
    images = np.kron(IMAGES[:3], np.ones((1, 2, 2), np.uint8))
    mean = attribution.grad_cam(model, images, LABELS[:3])
    place = attribution.grad_cam(model, images, LABELS[:3], per_place=True)
    assert mean.shape == images.shape
    np.testing.assert_allclose(mean / mean.max(), place / place.max(), atol=1e-4)


def test_maps_leave_the_model_as_it_was():
    model = net().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attribution.grad_cam(model, IMAGES, LABELS)
    attribution.gradient(model, IMAGES, LABELS)
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_empty_map_has_nothing_above_zero():
    maps = np.zeros((3, 4, 4))
    maps[1, 0, 0], maps[2, 0, 0] = 1, -1
    assert attribution.is_empty(maps).tolist() == [True, False, True]


def test_randomization_goes_from_output_to_input_and_keeps_the_sizes():
    model = net()
    steps = list(sanity.cascading_randomization(model, seed=1))
    assert [name for name, _ in steps] == [
        "none",
        "output",
        "dense 1",
        "conv 3",
        "conv 2",
        "conv 1",
    ]
    originals = weight_layers(frozen_copy(model))
    for number, (_, randomized) in enumerate(steps):
        pairs = list(zip(originals.values(), weight_layers(randomized).values(), strict=True))
        changed = [not torch.equal(a.weight, b.weight) for a, b in pairs]
        assert changed == [False] * (len(pairs) - number) + [True] * number
        assert all(torch.equal(a.weight.flatten().sort()[0], b.weight.flatten().sort()[0])
                   for a, b in pairs)  # fmt: skip


def test_randomization_is_given_by_its_seed():
    first, again, other = (
        list(sanity.cascading_randomization(net(), seed))[-1][1](as_batch(net(), IMAGES[:1]))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_rank_correlation():
    maps = np.arange(16.0).reshape(1, 4, 4).repeat(3, axis=0)
    others = np.stack([np.exp(maps[0]), -maps[0], np.zeros((4, 4))])
    np.testing.assert_allclose(sanity.rank_correlation(maps, others), [1, -1, 0], atol=1e-12)
    assert np.isnan(sanity.rank_correlation(others[2:], maps[2:])).all()


def test_correlation_table_leaves_constant_maps_out():
    trained = np.stack([np.arange(4.0).reshape(2, 2), np.zeros((2, 2))])
    table = sanity.correlation_table({"cam": {"none": trained, "output": -trained}}, samples=20)
    assert table["images"].tolist() == [1, 1]
    np.testing.assert_allclose(table["correlation"], [1, -1])


def test_the_image_itself_survives_the_check():
    methods = {"image": lambda model, images, labels: images.astype(float)}
    methods["gradient"] = attribution.gradient
    maps = sanity.randomized_maps(net(), IMAGES[:6], LABELS[:6], methods)
    last = sanity.correlation_table(maps, 20).groupby("method")["correlation"].last()
    assert last["image"] == pytest.approx(1)
    assert last["gradient"] < 0.5


def test_regions_have_one_area_and_lie_in_the_face():
    areas = {(b - t) * (r - left) for t, left, b, r in regions.REGIONS.values()}
    assert len(areas) == 1
    covered = np.zeros((48, 48), int)
    for top, left, bottom, right in regions.REGIONS.values():
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1, "they do not overlap"


def test_region_table_gives_falls_with_intervals():
    labels = np.array([1, 1, 0])
    boxes = {"square": (4, 8, 8, 12), "corner": (0, 0, 4, 4)}
    table = regions.region_table(
        LooksAt(), bright_square(), labels, ("a", "b", "c"), boxes, samples=50
    ).set_index(["class", "region"])
    assert table.loc[("b", "square"), "fall"] > 0.5
    assert table.loc[("a", "square"), "fall"] < -0.5
    assert table.loc[("b", "corner"), "fall"] == pytest.approx(0, abs=1e-6)
    assert table.loc[("b", "square"), "ci_low"] <= table.loc[("b", "square"), "fall"]
    assert table.loc["c"]["fall"].isna().all()
    assert table["faces"].tolist() == [1, 1, 2, 2, 0, 0]


def test_carriers_have_half_of_the_strongest_fall():
    assert regions.carriers({"eyes": 0.1, "nose": 0.04, "mouth": 0.05}) == ("eyes", "mouth")
    assert regions.carriers({"eyes": -0.1, "nose": 0.0}) == ()


def test_comparison_with_what_was_published():
    falls = {
        "happy": {"mouth": 0.5, "nose": 0.0},
        "disgust": {"mouth": 0.5, "nose": 0.0},
        "surprise": {"mouth": 0.5, "nose": 0.0},
        "sad": {"mouth": 0.5, "nose": 0.0},
        "fear": {"mouth": np.nan, "nose": np.nan},
    }
    rows = [
        {"class": name, "region": region, "faces": 3, "fall": fall}
        for name, by_region in falls.items()
        for region, fall in by_region.items()
    ]
    table = regions.compare_with_published(pd.DataFrame(rows)).set_index("class")
    assert table["agrees"].to_dict() == {
        "happy": "yes", "disgust": "partly", "surprise": "no", "sad": "", "fear": "",
    }  # fmt: skip
    assert table.loc["disgust", "published"] == "nose, mouth"


def test_faces_are_drawn_among_the_right_ones():
    y_true = np.array([0, 0, 0, 1, 1, 2])
    y_prob = np.eye(3)[[0, 0, 1, 1, 1, 0]]
    assert correct_faces(y_true, y_prob, 5).tolist() == [0, 1, 3, 4]
    one = correct_faces(y_true, y_prob, 1, seed=3)
    assert y_true[one].tolist() == [0, 1]
    assert one.tolist() == correct_faces(y_true, y_prob, 1, seed=3).tolist()


def test_surest_faces_are_there_for_every_class():
    y_true = np.array([0, 0, 1, 1])
    y_prob = np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    assert surest_faces(y_true, y_prob).tolist() == [1, 3]
    assert surest_faces(y_true, y_prob, 2).tolist() == [1, 0, 3, 2]


def test_class_means_of_a_class_without_faces():
    means = class_means(np.ones((2, 3, 3)), np.array([1, 1]), 2)
    assert np.isnan(means[0]).all()
    assert (means[1] == 1).all()
