"""EfficientNet-Lite0: timm's net with the package's weights computes what the package does."""

import pytest
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet

from fer_utils.errors import DataError
from fer_utils.models import efficientnet_lite
from fer_utils.models.efficientnet_lite import (
    LITE0_WEIGHTS,
    EfficientNetLiteNormalization,
    efficientnet_lite0,
    load_efficientnet_lite0_imagenet,
    rename_lite0,
)
from fer_utils.weights.files import require_weights


@pytest.fixture(scope="module")
def backbone():
    return load_efficientnet_lite0_imagenet()


@pytest.fixture(scope="module")
def published():
    return torch.load(require_weights(LITE0_WEIGHTS), weights_only=True)


def package_net(published, image_size: int):
    net = EfficientNet.from_name("efficientnet-lite0", image_size=image_size)
    net.load_state_dict(published)
    return net.eval()


def normalized(number: int, size: int):
    images = torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(1))
    return EfficientNetLiteNormalization()(images)


def difference(ours, theirs) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("size", [224, 96])
def test_features_equal_the_package(backbone, published, size):
    images = normalized(4, size)
    with torch.no_grad():
        ours = backbone(images)
        theirs = package_net(published, 224).extract_features(images)
    assert ours.shape == (4, 1280, size // 32, size // 32)
    assert theirs.std() > 0.1
    assert difference(ours, theirs) < 1e-4


def test_odd_sizes_equal_the_package_when_it_is_built_for_them(backbone, published):
    images = normalized(2, 97)
    with torch.no_grad():
        ours = backbone(images)
        theirs = package_net(published, 97).extract_features(images)
        built_for_224 = package_net(published, 224).extract_features(images)
    assert ours.shape == (2, 1280, 4, 4)
    assert difference(ours, theirs) < 1e-4
    assert built_for_224.shape != ours.shape or difference(ours, built_for_224) > 1e-2


def test_logits_of_the_whole_net_equal_the_package(published):
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    net.load_state_dict(rename_lite0(published, classifier=True))
    images = normalized(4, 96)
    with torch.no_grad():
        assert difference(net(images), package_net(published, 224)(images)) < 1e-4


def test_every_published_tensor_is_used_once(published):
    renamed = rename_lite0(published)
    assert len(renamed) == len(published) - 2  # all but the classifier
    assert renamed.keys() == efficientnet_lite0().state_dict().keys()
    assert len(rename_lite0(published, classifier=True)) == len(published)


def test_normalization_repeats_gray_and_keeps_rgb():
    layer = EfficientNetLiteNormalization()
    gray = layer(torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2))
    assert gray.shape == (1, 3, 1, 2)
    assert gray[0, :, 0, 0].tolist() == [-127 / 128] * 3
    assert gray[0, :, 0, 1].tolist() == [1.0] * 3
    red = layer(torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1))
    assert red.flatten().tolist() == [1.0, -127 / 128, -127 / 128]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda weights: weights.pop("_conv_head.weight"), "conv_head.weight"),
        (lambda weights: weights.update({"_odd.weight": torch.zeros(1)}), "_odd"),
        (lambda weights: weights.update({"_bn1.bias": torch.zeros(3)}), "bn2.bias"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(published, tmp_path, monkeypatch, damage, message):
    weights = dict(published)
    damage(weights)
    path = tmp_path / "other.pth"
    torch.save(weights, path)
    monkeypatch.setattr(efficientnet_lite, "require_weights", lambda name: path)
    with pytest.raises(DataError, match=message):
        load_efficientnet_lite0_imagenet()


def test_a_file_that_is_no_weights_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "page.pth"
    path.write_text("<html>sign in</html>")
    monkeypatch.setattr(efficientnet_lite, "require_weights", lambda name: path)
    with pytest.raises(DataError, match=r"page\.pth cannot be read"):
        load_efficientnet_lite0_imagenet()
