"""The builder makes the net that it is asked for, and refuses what can't be built."""

import pytest
import torch
from torch import nn

from fer_utils.errors import ConfigError
from fer_utils.features.hog_spec import HogSpec
from fer_utils.models import (
    MODELS,
    build_model,
    count_multiply_accumulates,
    count_parameters,
)
from fer_utils.models.builder import build_cnn
from fer_utils.models.hog_layer import HogLayer


def of_type(net: nn.Module, *types: type) -> list[nn.Module]:
    return [module for module in net.modules() if isinstance(module, types)]


def test_every_size_is_the_one_asked_for():
    net = build_cnn(
        7, 32, conv=(4, 6), hidden=(10, 12), filter_size=(5, 3), stride=(2, 1), pool=(1, 2),
        dropout=0.2,
    )  # fmt: skip
    first, second = of_type(net, nn.Conv2d)
    assert (first.out_channels, first.kernel_size, first.stride) == (4, (5, 5), (2, 2))
    assert (second.out_channels, second.kernel_size, second.stride) == (6, (3, 3), (1, 1))
    assert len(of_type(net, nn.MaxPool2d)) == 1
    dense = of_type(net, nn.Linear)
    assert [(m.in_features, m.out_features) for m in dense] == [(6 * 64, 10), (10, 12), (12, 7)]
    assert [m.p for m in of_type(net, nn.Dropout)] == [0.2, 0.2]
    assert net(torch.rand(3, 1, 32, 32)).shape == (3, 7)


def test_without_batch_norm_layers_have_biases_instead():
    plain = build_cnn(7, 24, conv=(4,), hidden=(8,), batch_norm=False, dropout=0, hog=True)
    assert not of_type(plain, nn.BatchNorm1d, nn.BatchNorm2d, nn.Dropout)
    assert all(m.bias is not None for m in of_type(plain, nn.Conv2d, nn.Linear))
    normed = build_cnn(7, 24, conv=(4,), hidden=(8,))
    assert [m.bias is None for m in of_type(normed, nn.Conv2d, nn.Linear)] == [True, True, False]


@pytest.mark.parametrize("size", [44, 45, 48])
@pytest.mark.parametrize(
    "options",
    [
        {"conv": (3, 5), "filter_size": (4, 3), "stride": (3, 1), "pool": (1, 3)},
        {"conv": (3,), "filter_size": 6, "pool": 4, "padding": False},
        {"conv": (3,), "stride": 2, "pool": 3, "hog": HogSpec(9, 6, 3)},
        {"conv": (), "hidden": (6,), "hog": True},  # HOG beside the pixels themselves
    ],
)
def test_the_head_fits_whatever_the_sizes_are(options, size):
    assert build_cnn(5, size, **options)(torch.rand(2, 1, size, size)).shape == (2, 5)


def test_hog_goes_into_the_dense_layers_beside_the_convolutions():
    torch.manual_seed(0)
    net = build_cnn(7, 48, conv=(4,), hidden=(8,), dropout=0, hog=True).eval()
    images = torch.rand(2, 1, 48, 48)
    flat = net.features(images).flatten(1)
    features = net.hog(images)
    assert features.shape == (2, HogSpec().features(48))
    expected = net.head(torch.cat((flat, features), dim=1))
    assert torch.equal(net(images), expected)
    with torch.no_grad():
        net.head[0].weight[:, flat.shape[1] :] = 0
    assert not torch.equal(net(images), expected)


def test_a_subtracted_mean_does_not_reach_the_hog_features():
    images = torch.randint(0, 256, (4, 1, 48, 48)) / 255
    model = build_model("shallow_hog", num_classes=7, normalization="mean", mean=0.5077, std=0.25)
    (layer,) = of_type(model, HogLayer)
    assert torch.allclose(model.normalize(images), images - 0.5077)  # the mean alone
    assert torch.allclose(layer(model.normalize(images)), layer(images), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter_size": (3, 3)}, "filter_size gives 2 numbers for 3 conv layers"),
        ({"pool": (2, 2, 2, 2)}, "pool gives 4 numbers for 3"),
        ({"filter_size": 9, "padding": False}, "conv layer 3 .* leaves nothing of the 6 x 6"),
        ({"pool": 6}, "conv layer 3 .* leaves nothing of the 1 x 1"),
        ({"conv": (8, 0)}, "conv takes whole numbers from 1, not 0"),
        ({"hidden": (2.5,)}, "hidden takes whole numbers"),
        ({"stride": 0}, "stride takes whole numbers"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"hog": HogSpec(cell=32)}, "does not fit into an image of 48 pixels"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        build_cnn(7, 48, **options)


@pytest.mark.parametrize(
    ("name", "million"), [("shallow", 6), ("shallow_hog", 6), ("deep", 15), ("deep_hog", 15)]
)
def test_the_four_nets_are_cheap(name, million):
    assert count_multiply_accumulates(build_model(name, num_classes=7)) <= million * 1_000_000


def test_the_net_to_look_inside_is_small_enough_to_be_published():
    model = build_model("filters_30", num_classes=7)
    assert count_parameters(model) <= 600_000
    assert count_multiply_accumulates(model) <= 15_000_000
    first = of_type(model, nn.Conv2d)[0]
    assert (first.out_channels, first.kernel_size) == (30, (7, 7))


def test_hidden_neurons_can_be_chosen_by_name():
    net = MODELS["deep_512"](num_classes=7, image_size=48)
    assert [m.out_features for m in of_type(net, nn.Linear)] == [512, 512, 7]
