"""Nets with a backbone: heads as published, what is frozen, auxiliary heads, kinds of input."""

import pytest
import torch
from torch import nn

from fer_utils.errors import ConfigError
from fer_utils.initialization import INITIAL_WEIGHTS
from fer_utils.models import TRANSFER_MODELS, build_model, count_parameters
from fer_utils.models.transfer import TransferNet, dense_head, freeze
from fer_utils.published import load_published
from fer_utils.recipes import RECIPES, get_recipe
from fer_utils.weights.registry import WEIGHTS


def published(row, metric):
    (number,) = (n for n in load_published() if (n.row, n.metric) == (row, metric))
    return number.published


def norm_statistics(model):
    """Return the number of running means and variances, which Keras counts as parameters."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    return sum(m.running_mean.numel() + m.running_var.numel() for m in norms)


def net_of(recipe):
    model = build_model(recipe.model, num_classes=7, resize=64, normalization=recipe.normalization)
    freeze(model.net, recipe.frozen)
    return model.net


def test_hust_balances_vggface1_has_the_published_parameters():
    net = net_of(get_recipe("hust_vggface1"))
    row = "cleaned, RandomOverSampling, VGGFace1"
    assert count_parameters(net.backbone) == published(row, "frozen_parameters")
    assert count_parameters(net, trainable_only=True) == published(row, "trainable_parameters")


def test_the_kilean_notebook_has_the_published_parameters():
    net = net_of(get_recipe("kilean_vggface2"))
    row = "VGGFace2 (kilean notebook)"
    assert count_parameters(net) + norm_statistics(net) == published(row, "parameters")
    assert count_parameters(net, trainable_only=True) == published(row, "trainable_parameters")


@pytest.mark.parametrize("name", ["cs230_resnet50", "cs230_senet50"])
def test_cs230_trains_batch_norms_and_the_last_five_layers(name):
    net = net_of(get_recipe(name))
    trained = {id(p) for p in net.backbone.parameters() if p.requires_grad}
    norms = [m for m in net.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    last = net.backbone.last_five()
    assert trained == {id(p) for part in (*norms, *last) for p in part.parameters()}
    assert all(p.requires_grad for p in net.head.parameters())
    widths = [m.out_features for m in net.head if isinstance(m, nn.Linear)]
    assert widths == [4096, 1024, 7]
    assert [m.p for m in net.head if isinstance(m, nn.Dropout)] == [0.5, 0.5]


def test_cs230s_vgg16_is_wholly_frozen():
    net = net_of(get_recipe("cs230_vgg16"))
    assert not any(p.requires_grad for p in net.backbone.parameters())
    assert [m.out_features for m in net.head if isinstance(m, nn.Linear)] == [1024, 7]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet", "efficientnet_lite0", "inception_v3"])
@pytest.mark.parametrize("channels", [1, 3])
def test_gray_and_rgb_go_in_and_logits_come_out(name, channels):
    model = build_model(name, num_classes=8, image_size=40, resize=80, normalization="imagenet")
    with torch.no_grad():
        assert model.eval()(torch.rand(2, channels, 40, 40)).shape == (2, 8)


@pytest.mark.parametrize("name", sorted(set(TRANSFER_MODELS) - {"nasnet"}))
def test_every_net_can_be_built(name):
    with torch.device("meta"):
        net = TRANSFER_MODELS[name](num_classes=7, image_size=96)
    assert isinstance(net, TransferNet)
    assert count_parameters(net.backbone) > 1e6


def test_an_auxiliary_head_speaks_only_while_training():
    net = TRANSFER_MODELS["inception_v3"](num_classes=5)
    logits, auxiliary = net.train()(torch.rand(2, 3, 80, 80))
    assert logits.shape == auxiliary.shape == (2, 5)
    assert net.eval()(torch.rand(2, 3, 80, 80)).shape == (2, 5)


def test_dropout_before_or_after_each_dense_layer():
    after = [type(m).__name__ for m in dense_head(8, 3, (4,))]
    assert after == ["Linear", "ReLU", "Dropout", "Linear"]
    before = [type(m).__name__ for m in dense_head(8, 3, (4,), dropout_first=True, batch_norm=True)]
    assert before == ["BatchNorm1d", "Dropout", "Linear", "ReLU", "Linear"]


def test_freezing_what_is_not_there_is_an_error():
    plain = build_model("five_layer", num_classes=7).net
    with pytest.raises(ConfigError, match="without a backbone"):
        freeze(plain, "backbone")
    with pytest.raises(ConfigError, match="unknown freezing"):
        freeze(plain, "half")
    with pytest.raises(ConfigError, match="of this backbone"):
        freeze(TRANSFER_MODELS["resnet18"](num_classes=7), "all_but_last_five")


def test_a_crop_below_one_is_a_part_of_the_side():
    model = build_model("five_layer", num_classes=7, image_size=64, crop=7 / 8)
    assert model.crop.size == 56
    assert model(torch.rand(2, 1, 64, 64)).shape == (2, 7)


def test_registry_loaders_and_recipes_speak_of_the_same_weights():
    used = {recipe.initial_weights for recipe in RECIPES.values()}
    assert used == set(INITIAL_WEIGHTS) == {"random", *WEIGHTS}
