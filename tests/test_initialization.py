"""Initial weights: the right file into the right layers, or a clear error."""

import pytest
import torch
from torchvision import models

from fer_utils import initialization
from fer_utils.errors import ConfigError, RunError, WeightsMissing
from fer_utils.initialization import load_initial_weights, settle_norms
from fer_utils.models import TRANSFER_MODELS, build_model
from fer_utils.models.efficientnet_lite import load_efficientnet_lite0_imagenet
from fer_utils.weights import files


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Return a function that saves a state as the file of some initial weights."""

    def save(state):
        path = tmp_path / "weights.pth"
        torch.save(state, path)
        monkeypatch.setattr(initialization, "require_weights", lambda name: path)

    return save


def test_random_leaves_the_net_alone():
    net = build_model("five_layer", num_classes=7).net
    before = {name: value.clone() for name, value in net.state_dict().items()}
    load_initial_weights(net, "random")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_resnet18_takes_torchvisions_weights_but_not_its_classifier(stored):
    published = models.resnet18(weights=None)
    stored(published.state_dict())
    net = TRANSFER_MODELS["resnet18"](num_classes=8)
    head = net.head[-1].weight.clone()
    load_initial_weights(net, "resnet18_imagenet")
    assert torch.equal(net.backbone.layer4[1].conv2.weight, published.layer4[1].conv2.weight)
    assert torch.equal(net.head[-1].weight, head)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        published.fc = torch.nn.Identity()
        torch.testing.assert_close(net.eval().features(images), published.eval()(images))


def test_vgg16_keeps_all_layers_but_the_last(stored):
    published = models.vgg16(weights=None)
    stored(published.state_dict())
    net = TRANSFER_MODELS["vgg16"](num_classes=8)
    last = net.head[6].weight.clone()
    load_initial_weights(net, "vgg16_imagenet")
    assert torch.equal(net.backbone[0].weight, published.features[0].weight)
    assert torch.equal(net.head[3].weight, published.classifier[3].weight)
    assert torch.equal(net.head[6].weight, last)
    assert net.head[6].out_features == 8


def test_lite0s_weights_come_from_the_package():
    net = TRANSFER_MODELS["efficientnet_lite0"](num_classes=7)
    load_initial_weights(net, "efficientnet_lite0_imagenet")
    expected = load_efficientnet_lite0_imagenet().state_dict()
    assert all(torch.equal(v, expected[name]) for name, v in net.backbone.state_dict().items())


def test_foreign_weights_are_refused(stored):
    stored(models.resnet34(weights=None).state_dict())
    with pytest.raises(RunError, match="resnet18_imagenet does not fit"):
        load_initial_weights(TRANSFER_MODELS["resnet18"](num_classes=8), "resnet18_imagenet")


def test_unknown_weights_and_nets_without_a_backbone(monkeypatch, tmp_path):
    plain = build_model("five_layer", num_classes=7).net
    with pytest.raises(ConfigError, match="unknown initial weights"):
        load_initial_weights(plain, "imagenet22k")
    with pytest.raises(ConfigError, match="without a backbone"):
        load_initial_weights(plain, "resnet18_imagenet")
    monkeypatch.setattr(files, "search_folders", lambda file: [tmp_path])
    with pytest.raises(WeightsMissing, match=r"resnet18-f37072fd\.pth"):
        load_initial_weights(TRANSFER_MODELS["resnet18"](num_classes=8), "resnet18_imagenet")


def test_settled_norms_change_nothing_but_what_training_sees():
    torch.manual_seed(0)
    net = TRANSFER_MODELS["dlib_resnet"](num_classes=7)
    load_initial_weights(net, "dlib_face_recognition")
    images = torch.rand(8, 3, 96, 96) - 0.5
    with torch.no_grad():
        before = net.eval()(images)
        far = net.train()(images)
    load_initial_weights(net, "dlib_face_recognition")  # training has moved the statistics
    settle_norms(net, images)
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(images), before, rtol=1e-3, atol=1e-4)
        near = net.train()(images)
    assert (near - before).abs().max() < 0.05 * (far - before).abs().max()
