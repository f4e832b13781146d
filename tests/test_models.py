"""The nets are what their projects describe."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fer_utils.errors import ConfigError
from fer_utils.models import (
    MODELS,
    TRANSFER_MODELS,
    build_model,
    count_multiply_accumulates,
    count_parameters,
)
from fer_utils.models.normalization import ImageNormalization, PixelNormalization
from fer_utils.recipes import RECIPES


def build(name: str, image_size: int = 48, **options) -> nn.Sequential:
    torch.manual_seed(0)
    return build_model(name, num_classes=7, image_size=image_size, **options)


@pytest.mark.parametrize(("name", "count"), [("baseline", 4_754_919), ("five_layer", 2_437_159)])
def test_parameter_counts(name, count):
    model = build(name)
    assert count_parameters(model) == count
    model.net[-1].weight.requires_grad_(False)
    assert count_parameters(model, trainable_only=True) == count - 1024 * 7
    assert count_parameters(model) == count


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(TRANSFER_MODELS)))
@pytest.mark.parametrize("size", [48, 44])
def test_output_shape(name, size):
    logits = build(name, size)(torch.rand(3, 1, size, size))
    assert logits.shape == (3, 7)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("name", MODELS)
def test_a_new_net_is_as_the_global_random_state_made_it(name):
    model = build(name)
    first = model.state_dict()
    other = build_model(name, num_classes=7).state_dict()  # without a seed
    kernel = next(name for name, value in other.items() if value.ndim == 4)
    assert not torch.equal(first[kernel], other[kernel])
    del other
    again = build(name).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)

    # in training mode, and has not seen an image
    assert all(module.training for module in model.modules())
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.num_batches_tracked == 0
            assert torch.equal(module.running_mean, torch.zeros_like(module.running_mean))


def randomize_norms(model: nn.Module) -> nn.Module:
    """Give batch norms other statistics and scales, negative ones among them."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()


def of_type(net: nn.Module, *types: type) -> list[nn.Module]:
    return [module for module in net if isinstance(module, types)]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_five_layer_is_conv_norm_relu_pool_three_times_and_two_dense_layers():
    model = randomize_norms(build("five_layer"))
    convolutions, norms = of_type(model.net, nn.Conv2d), of_type(model.net, nn.BatchNorm2d)
    assert [(c.out_channels, c.kernel_size[0]) for c in convolutions] == [(32, 5), (32, 4), (64, 5)]
    images = torch.rand(2, 1, 48, 48)
    x = images
    for convolution, norm in zip(convolutions, norms, strict=True):
        x = norm(F.conv2d(x, convolution.weight, padding="same")).relu()  # ReLU before the pool
        x = F.max_pool2d(x, 3, stride=2, padding=1)
    dense = of_type(model.net, nn.Linear)
    (norm,) = of_type(model.net, nn.BatchNorm1d)
    expected = dense[1](norm(dense[0](x.flatten(1))).relu())
    assert x.shape == (2, 64, 6, 6)
    assert torch.allclose(model(images), expected, atol=1e-5)
    assert [module.p for module in of_type(model.net, nn.Dropout)] == [0.3]


def test_baseline_is_four_convolutions_two_pools_and_two_dense_layers():
    model = randomize_norms(build("baseline"))
    first, second, third, fourth = of_type(model.net, nn.Conv2d)
    (norm,) = of_type(model.net, nn.BatchNorm2d)
    images = torch.rand(2, 1, 48, 48)
    x = F.max_pool2d(second(first(images).relu()).relu(), 2)
    x = norm(F.max_pool2d(fourth(third(x).relu()).relu(), 2))
    dense = of_type(model.net, nn.Linear)
    assert torch.allclose(model(images), dense[1](dense[0](x.flatten(1)).relu()), atol=1e-5)
    assert [module.p for module in of_type(model.net, nn.Dropout)] == [0.5]


def test_normalization():
    images = torch.rand(5, 1, 8, 8)
    out = PixelNormalization(0.5, 0.25)(images)
    assert torch.allclose(out, (images - 0.5) / 0.25)
    model = build("five_layer", mean=0.5, std=0.25)
    assert float(model.state_dict()["normalize.mean"]) == 0.5  # saved with the weights
    assert not list(model.normalize.parameters())  # and not trained


def test_image_normalization():
    images = torch.rand(5, 1, 8, 8)
    out = ImageNormalization()(images)
    assert torch.allclose(out.mean((1, 2, 3)), torch.zeros(5), atol=1e-5)
    assert torch.allclose(out.std((1, 2, 3)), torch.ones(5), atol=0.05)
    brighter = ImageNormalization()(0.5 * images + 0.3)
    assert torch.allclose(out, brighter, atol=0.15)  # light and contrast go
    assert torch.equal(ImageNormalization()(torch.ones(2, 1, 8, 8)), torch.zeros(2, 1, 8, 8))
    exact = images.double().flatten(1)  # to the last bit: else 8-bit nets differ between runtimes
    exact = (exact - exact.mean(1, keepdim=True)) / (exact.std(1, keepdim=True) + 0.01)
    assert torch.equal(out.flatten(1), exact.float())
    model = build("five_layer", normalization="image")
    assert isinstance(model.normalize, ImageNormalization)
    with pytest.raises(ConfigError, match="unknown normalization 'batch'"):
        build("five_layer", normalization="batch")


def test_unknown_model():
    with pytest.raises(ConfigError, match=r"unknown model 'vgg99'; known: .*baseline"):
        build_model("vgg99", num_classes=7)


def test_the_crop_is_the_center_and_part_of_the_net():
    model = build("small", crop=40).eval()
    assert model.crop.size == 40
    images = torch.rand(2, 1, 48, 48)
    framed = images.clone()
    framed[:, :, :4] = framed[:, :, 44:] = framed[:, :, :, :4] = framed[:, :, :, 44:] = 0
    assert torch.equal(model(images), model(framed))
    framed[:, :, 4, 4] += 5
    assert not torch.equal(model(images), model(framed))
    assert "crop" not in dict(build("small").named_children())
    with pytest.raises(ConfigError, match="image size 48, not 50"):
        build("small", crop=50)


def test_multiply_accumulates():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 64, 5))
    assert count_multiply_accumulates(net, image_size=8) == 4 * 9 * 64 + 4 * 64 * 5
    assert net.training
    assert not any(layer._forward_hooks for layer in net)


def test_the_small_net_is_small():
    model = build("small", crop=RECIPES["small"].crop)
    assert count_multiply_accumulates(model) <= 70_000_000
    assert count_parameters(model) <= 2_000_000
