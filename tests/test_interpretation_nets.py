"""Activations, dreams and features: what goes on inside a net."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import RECIPE, toy_faces
from torch import nn

from fer_utils.errors import ConfigError, DataError
from fer_utils.evaluation import predict
from fer_utils.interpretation import embedding
from fer_utils.interpretation.activations import (
    activation_table,
    dead_share,
    effective_area,
    record_activations,
    watch_training,
    zero_share,
)
from fer_utils.interpretation.dream import Dream, dream, log_odds, noise, total_variation
from fer_utils.interpretation.layers import (
    activation_layers,
    as_batch,
    first_filters,
    frozen_copy,
    weight_layers,
)
from fer_utils.models import build_model

FACES = toy_faces()
VALID = FACES.part("valid")


def net(name="five_layer", size=16):
    torch.manual_seed(0)
    return build_model(name, num_classes=7, image_size=size, normalization="image").eval()


def test_activations_are_those_of_the_net():
    model = net()
    found = record_activations(model, VALID.images[:3])
    assert {name: values.shape for name, values in found.items()} == {
        "conv 1": (3, 32, 8, 8),
        "conv 2": (3, 32, 4, 4),
        "conv 3": (3, 64, 2, 2),
        "dense 1": (3, 1024),
    }
    assert all((values >= 0).all() for values in found.values())
    with torch.no_grad():
        logits = model[-1][-1](torch.from_numpy(found["dense 1"]))
        expected = model(as_batch(model, VALID.images[:3]))
    torch.testing.assert_close(logits, expected)


def test_layers_inside_squeeze_and_excitation_are_no_maps():
    images = np.zeros((1, 32, 32), np.uint8)
    names = list(activation_layers(net("mini_squeeze", 32), images))
    assert names == [*(f"conv {n}" for n in range(1, 8)), "dense 1"]


def test_weight_layers_are_named_from_input_to_output():
    names = ["conv 1", "conv 2", "conv 3", "dense 1", "output"]
    layers = weight_layers(net())
    assert list(layers) == names
    assert layers["output"].out_features == 7


def test_a_frozen_copy_overwrites_nothing():
    model = net()
    frozen = frozen_copy(model)
    assert not any(getattr(module, "inplace", False) for module in frozen.modules())
    assert any(getattr(module, "inplace", False) for module in model.modules())


def test_a_net_without_relu_or_convolution_is_refused():
    dense = nn.Sequential(nn.Flatten(), nn.Linear(256, 7))
    with pytest.raises(ConfigError, match="no ReLU"):
        activation_layers(dense, VALID.images)
    with pytest.raises(ConfigError, match="no convolution"):
        first_filters(dense)


def test_images_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"\(N, H, W\)"):
        as_batch(net(), VALID.images[0])


def test_shares_and_area_of_known_maps():
    maps = np.zeros((2, 3, 2, 2))
    maps[:, 0] = 1  # everywhere
    maps[0, 1, 0, 0] = 5  # at one place of one image
    assert zero_share(maps) == pytest.approx(15 / 24)
    assert dead_share(maps) == pytest.approx(1 / 3)
    assert effective_area(maps) == pytest.approx((1 + 1 + 1 / 4) / 3)
    assert np.isnan(effective_area(np.zeros((1, 1, 2, 2))))


def test_dense_layers_have_no_area():
    table = activation_table(net(), VALID.images).set_index("layer")
    assert table["area"].notna().to_dict() == {
        "conv 1": True, "conv 2": True, "conv 3": True, "dense 1": False,
    }  # fmt: skip


@pytest.mark.usefixtures("one_thread")
def test_watching_a_training_gives_a_row_per_layer_and_epoch():
    train = FACES.part("train")
    first, again = (
        watch_training(RECIPE, train, VALID, VALID.images, epochs=2, seed=1) for _ in range(2)
    )
    assert first.equals(again)
    assert first["epoch"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert first.loc[first["epoch"] == 0, "valid_accuracy"].isna().all()
    assert first.loc[first["epoch"] == 0, "zeros"].tolist() != first["zeros"].tolist()[-4:]


def test_watching_does_not_change_the_training():
    seen = []
    watch_training(RECIPE, FACES.part("train"), VALID, VALID.images, epochs=1, on_epoch=seen.append)
    assert seen == [0, 1]
    with pytest.raises(ConfigError, match="at least 1"):
        watch_training(RECIPE, FACES.part("train"), VALID, VALID.images, epochs=0)


QUICK = Dream(octaves=(4, 16), steps=6, step_size=0.03, views=2, smoothing=1.0)


def test_a_dream_makes_the_net_surer():
    model, labels = net(), np.arange(7)
    start = noise(7, 16)
    result = dream(model, labels, start, QUICK)
    assert result.shape == start.shape
    assert 0 <= result.min() <= result.max() <= 1
    rows = np.arange(7), labels
    before, after = (predict(model, np.round(255 * part).astype(np.uint8))["none"][rows]
                     for part in (start, result))  # fmt: skip
    assert (after > before).mean() > 0.8


def test_a_dream_is_given_by_its_seed():
    labels, start = np.arange(2), noise(2, 16)
    first, again, other = (dream(net(), labels, start, QUICK, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_pulled_dream_stays_nearer():
    labels, start = VALID.labels[:2], VALID.images[:2]
    free = dream(net(), labels, start, QUICK)
    pulled = dream(net(), labels, start, replace(QUICK, pull=0.3))
    assert np.abs(pulled - start / 255).mean() < np.abs(free - start / 255).mean()


def test_an_octave_without_pixels_is_refused():
    with pytest.raises(ConfigError, match="octaves"):
        dream(net(), np.zeros(1), noise(1, 16), replace(QUICK, octaves=(0, 16)))


def test_log_odds_and_total_variation():
    logits = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    p = logits.softmax(1)[[0, 1], [0, 1]]
    torch.testing.assert_close(log_odds(logits, torch.tensor([0, 1])), (p / (1 - p)).log())
    flat, checks = torch.ones(1, 1, 4, 4), torch.eye(2).repeat(2, 2)[None, None]
    assert total_variation(flat).item() == 0
    assert total_variation(checks).item() == 2


def test_noise_is_the_same_for_all_and_its_seed():
    images = noise(3, 8, seed=1)
    assert (images == images[0]).all()
    assert not np.array_equal(images, noise(3, 8, seed=2))


def test_features_are_what_the_output_layer_sees():
    model = net()
    features = embedding.penultimate_features(model, VALID.images, batch_size=10)
    assert features.shape == (len(VALID), 1024)
    with torch.no_grad():
        prob = model[-1][-1](torch.from_numpy(features)).softmax(1).numpy()
    # where the processor multiplies bfloat16, the output layer of `predict` does
    np.testing.assert_allclose(prob, predict(model, VALID.images)["none"], atol=1e-3)


def clusters(n=20):
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], n)
    return generator.normal(size=(3 * n, 5)) + 20 * np.eye(5)[labels], labels


def test_tsne_keeps_clusters_apart():
    features, labels = clusters()
    points = embedding.tsne(features.astype(np.float32), perplexity=10, seed=1)
    assert points.shape == (60, 2)
    assert embedding.neighbor_agreement(points, labels, 5).mean() > 0.95
    np.testing.assert_array_equal(
        points, embedding.tsne(features.astype(np.float32), perplexity=10, seed=1)
    )


def test_tsne_of_too_few_faces_is_refused():
    with pytest.raises(DataError, match="at least 10"):
        embedding.tsne(np.zeros((5, 3), np.float32))


def test_neighbor_agreement_does_not_count_the_face_itself():
    points, labels = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 1, 0, 1])
    assert embedding.neighbor_agreement(points, labels, 1).tolist() == [0, 0, 0, 0]


def test_nearest_to_center():
    features, labels = np.array([[0.0], [4.0], [5.0], [100.0]]), np.array([0, 0, 0, 1])
    assert embedding.nearest_to_center(features, labels, 0, 2).tolist() == [1, 2]
    assert len(embedding.nearest_to_center(features, labels, 2)) == 0
