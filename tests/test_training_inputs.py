"""Training on a frozen backbone's stored features, with an auxiliary head, and in color."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import RECIPE, toy_faces, weights_hash
from torch import nn

from fer_utils import models, paths
from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import ConfigError
from fer_utils.evaluation import predict
from fer_utils.hardware import pick_precision
from fer_utils.models import build_model
from fer_utils.models.transfer import TransferNet, freeze
from fer_utils.training import Session, train
from fer_utils.training import frozen_features as frozen_module
from fer_utils.training.frozen_features import frozen_features
from fer_utils.training.optimization import build_optimizer

FACES = toy_faces()
TRAIN, VALID = FACES.part("train"), FACES.part("valid")
CPU = torch.device("cpu")


class Backbone(nn.Module):
    """One convolution with batch norm; `middle` is what it gives, too."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3, 2), nn.BatchNorm2d(6)

    def forward(self, images):
        self.middle = self.norm(self.conv(images)).relu()
        return self.middle


def tiny_transfer(num_classes, image_size=16):
    return TransferNet(Backbone(), nn.Linear(6, num_classes))


def tiny_auxiliary(num_classes, image_size=16):
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, num_classes))
    return TransferNet(Backbone(), nn.Linear(6, num_classes), auxiliary=head)


@pytest.fixture(autouse=True)
def tiny_nets(monkeypatch, tmp_path):
    monkeypatch.setitem(models.MODELS, "tiny_transfer", tiny_transfer)
    monkeypatch.setitem(models.MODELS, "tiny_auxiliary", tiny_auxiliary)
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path)


FROZEN = replace(RECIPE, model="tiny_transfer", frozen="backbone", augmentation="flip",
                 normalization="imagenet", resize=24)  # fmt: skip


def test_a_frozen_backbone_stays_as_it_was_and_runs_once(monkeypatch):
    runs = []
    run = frozen_module._run
    monkeypatch.setattr(
        frozen_module, "_run", lambda *arguments: runs.append(arguments[2]) or run(*arguments)
    )
    session = Session(FROZEN, TRAIN, VALID, 3, 0, CPU)
    before = weights_hash(session.whole.net.backbone)
    head = weights_hash(session.whole.net.head)
    for _ in range(3):
        session.run_epoch()
    assert runs == ["none", "mirror", "none"]  # train, its mirror images, valid
    assert weights_hash(session.whole.net.backbone) == before
    assert weights_hash(session.best_model().net.head) != head
    Session(FROZEN, TRAIN, VALID, 1, 0, CPU)
    assert len(runs) == 3  # kept for the next


def test_valid_is_judged_as_the_whole_net_judges_it():
    trained = train(FROZEN, TRAIN, VALID, epochs=2, seed=0, progress=False)
    whole = predict(trained.model, VALID.images)["none"]
    accuracy = (whole.argmax(1) == VALID.labels).mean()
    best = max(row["valid_accuracy"] for row in trained.history)
    assert abs(accuracy - best) <= 1 / len(VALID)  # features are kept as float16


def test_a_frozen_training_goes_on_where_it_stopped(one_thread, tmp_path):
    whole = train(FROZEN, TRAIN, VALID, epochs=3, seed=1, progress=False)
    path = tmp_path / "a.pt"
    first = Session(FROZEN, TRAIN, VALID, 3, 1, CPU)
    first.run_epoch()
    first.save(path)
    resumed = train(FROZEN, TRAIN, VALID, epochs=3, seed=1, checkpoint=path, progress=False)
    assert weights_hash(resumed.model) == weights_hash(whole.model)


def test_the_mirror_image_is_another_view_and_other_weights_are_other_features():
    torch.manual_seed(0)
    model = build_model("tiny_transfer", num_classes=7, image_size=16, normalization="imagenet")
    plain = frozen_features(FROZEN, model, VALID.images, "none")
    mirrored = frozen_features(FROZEN, model, VALID.images, "mirror")
    np.testing.assert_array_equal(
        mirrored, frozen_features(FROZEN, model, VALID.images[:, :, ::-1].copy(), "none")
    )
    assert (plain != mirrored).any()
    with torch.no_grad():
        model.net.backbone.conv.weight += 0.1
    assert (frozen_features(FROZEN, model, VALID.images, "none") != plain).any()


@pytest.mark.parametrize("change", [{"augmentation": "cs230"}, {"mixing": "mixup"}])
def test_stored_features_cannot_be_augmented(change):
    with pytest.raises(ConfigError, match="made once"):
        Session(replace(FROZEN, **change), TRAIN, VALID, 1, 0, CPU)


def test_an_auxiliary_heads_loss_is_added():
    recipe = replace(RECIPE, model="tiny_auxiliary", normalization="imagenet")
    losses = {}
    for share in (0.0, 0.4):
        session = Session(replace(recipe, auxiliary_share=share), TRAIN, VALID, 1, 0, CPU)
        losses[share] = float(session.step(torch.arange(16))[0])
    assert losses[0.4] > losses[0.0] * 1.2
    assert train(recipe, TRAIN, VALID, epochs=1, seed=0, progress=False).best_epoch == 1


def test_color_images_train_and_predict():
    color = FaceDataset(
        name="color",
        source="made up",
        source_hash="0" * 64,
        data_key="color",
        images=np.repeat(FACES.images[..., None], 3, axis=3),
        labels=FACES.labels,
        split=FACES.split,
        class_names=FACES.class_names,
    )
    recipe = replace(RECIPE, model="tiny_transfer", normalization="imagenet")
    parts = (color.part("train"), color.part("valid"))
    one = train(recipe, *parts, epochs=1, seed=0, progress=False)
    gray = train(recipe, TRAIN, VALID, epochs=1, seed=0, progress=False)
    assert one.history[0]["train_loss"] == pytest.approx(gray.history[0]["train_loss"], rel=1e-3)
    assert predict(one.model, parts[1].images, ("flip",))["flip"].shape == (len(VALID), 7)


def test_the_backbone_has_its_own_rate_and_what_is_frozen_none():
    model = build_model("tiny_transfer", num_classes=7, image_size=16, normalization="imagenet")
    recipe = replace(RECIPE, learning_rate=0.1, backbone_rate=0.5, optimizer="adam")
    optimizer = build_optimizer(model, recipe)
    assert isinstance(optimizer, torch.optim.AdamW)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for p in model.net.backbone.parameters()} == {0.05}
    assert {rates[id(p)] for p in model.net.head.parameters()} == {0.1}
    decay = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decay[id(model.net.head.weight)] == recipe.weight_decay
    assert decay[id(model.net.head.bias)] == 0
    freeze(model.net, "backbone")
    optimizer = build_optimizer(model, recipe)
    left = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert left == {id(p) for p in model.net.head.parameters()}


def test_a_constant_schedule_keeps_the_rate():
    recipe = replace(RECIPE, schedule="constant", optimizer="adam", learning_rate=0.01)
    trained = train(recipe, TRAIN, VALID, epochs=2, seed=0, progress=False)
    assert [row["learning_rate"] for row in trained.history] == [0.01, 0.01]


def test_the_head_is_trained_in_the_precision_of_the_whole_net(monkeypatch):
    def depthwise(num_classes, image_size=16):
        net = tiny_transfer(num_classes)
        net.backbone.conv = nn.Conv2d(3, 6, 3, 2, groups=3)
        return net

    monkeypatch.setattr("fer_utils.hardware.use_bfloat16", lambda device: True)
    for make, expected in ((depthwise, torch.float32), (tiny_transfer, torch.bfloat16)):
        monkeypatch.setitem(models.MODELS, "tiny_transfer", make)
        session, seen = Session(FROZEN, TRAIN, VALID, 1, 0, CPU), []
        session.model.register_forward_hook(lambda *parts, seen=seen: seen.append(parts[2].dtype))
        session.step(torch.arange(8))
        assert seen == [expected]


def test_depthwise_nets_compute_in_float32_on_a_cpu(monkeypatch):
    monkeypatch.setattr("fer_utils.hardware.use_bfloat16", lambda device: True)
    plain, depthwise = nn.Conv2d(8, 8, 3), nn.Sequential(nn.Conv2d(8, 8, 3, groups=8))
    assert pick_precision(CPU, plain) == pick_precision(CPU) == torch.bfloat16
    assert pick_precision(CPU, depthwise) == torch.float32
    assert pick_precision(torch.device("cuda"), depthwise) == torch.bfloat16
