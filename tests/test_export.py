"""ONNX files say what the trained net says, from pixels to probabilities, and are swapped whole."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from helpers import TinyNet, save_run, toy_faces
from onnx import numpy_helper
from torch import nn

from fer_utils import cli, models, runs
from fer_utils.errors import ConfigError, RunError
from fer_utils.export import (
    SHIPPED,
    byte_weights,
    export_run,
    files,
    float16_weights,
    int8_weights,
    open_session,
    probabilities,
    ship,
    to_onnx,
)
from fer_utils.export.check import CheckImages, check, check_images, trained_probabilities
from fer_utils.export.graph import pools_last
from fer_utils.faces.classifier import shipped_classifier
from fer_utils.files import sha256_file
from fer_utils.models.normalization import CenterCrop, ImageNormalization
from fer_utils.paths import PUBLISHED_RUNS, ROOT
from fer_utils.runs import RunStore

SIDE = 16
FACES = toy_faces()
IMAGES = CheckImages("toy faces", FACES.images, FACES.labels, FACES.images[:64])


class SmallNet(nn.Module):
    """Every kind of layer that matters: crop, normalization, convolution, batch norm, dense."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            CenterCrop(14),
            ImageNormalization(),
            nn.Conv2d(1, 8, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(288, 7),
        )
        self.net[3].running_mean.uniform_(-0.2, 0.2)
        self.net[3].running_var.uniform_(0.5, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits, (N, 7)."""
        return self.net(images)


@pytest.fixture(autouse=True)
def tiny_model(monkeypatch):
    monkeypatch.setitem(models.MODELS, "tiny", TinyNet)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return SmallNet().eval()


@pytest.fixture(scope="module")
def graph(small):
    return to_onnx(small, SIDE, name="small")


def difference(graph, model) -> float:
    session = open_session(graph.SerializeToString())
    ours = probabilities(session, FACES.images)
    return float(np.abs(ours - trained_probabilities(model, FACES.images)).max())


def test_the_graph_takes_pixels_and_says_what_pytorch_says(graph, small):
    (images,), (y_prob,) = graph.graph.input, graph.graph.output
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert y_prob.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert difference(graph, small) < 1e-5
    session = open_session(graph.SerializeToString())
    for count in (0, 1, 5, 300):
        rows = probabilities(session, np.zeros((count, SIDE, SIDE), np.uint8))
        assert rows.shape == (count, 7)
        assert np.allclose(rows.sum(1), 1, atol=1e-5)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):  # floats are not taken for pixels
        session.run(None, {"images": np.zeros((1, SIDE, SIDE), np.float32)})


def test_pools_go_behind_norms_that_rise_and_nothing_changes():
    torch.manual_seed(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.MaxPool2d(3, 2, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(4, 4, 1)),
        *(nn.MaxPool2d(2), nn.BatchNorm2d(4)),
    ).eval()
    for norm in (model[2], model[9]):
        norm.running_mean.uniform_(-0.2, 0.2)
        nn.init.uniform_(norm.weight, 0.5, 2)
    with torch.no_grad():
        model[9].weight[2] = -1  # here the largest comes out smallest
    moved = pools_last(model)
    order = "Conv2d BatchNorm2d ReLU MaxPool2d Conv2d ReLU MaxPool2d Conv2d MaxPool2d BatchNorm2d"
    assert [type(layer).__name__ for layer in moved] == order.split()
    assert isinstance(model[1], nn.MaxPool2d)  # the model itself stays
    images = torch.randn(3, 1, 20, 20)
    assert torch.equal(moved(images), model(images))


def test_nothing_of_the_exporting_machine_is_in_the_file(graph):
    data = graph.SerializeToString()
    assert str(ROOT).encode() not in data
    assert b"stack_trace" not in data
    assert b".py" not in data


def test_a_net_that_onnx_can_not_express_is_named():
    class Odd(nn.Module):
        def forward(self, images):
            return torch.linalg.eigvals(images[:, 0]).real

    with pytest.raises(RunError, match="odd: this net can't be written as ONNX"):
        to_onnx(Odd(), SIDE, name="odd")


def test_float16_halves_large_weights_and_computes_in_float32(graph, small):
    half = float16_weights(graph)
    types = {w.name: w.data_type for w in half.graph.initializer}
    large = [w for w in graph.graph.initializer if np.prod(w.dims) >= 256]
    assert large
    for weights in large:
        assert types[f"{weights.name}_16"] == onnx.TensorProto.FLOAT16
        assert weights.name not in types
    assert 0 < difference(half, small) < 2e-3
    assert half.ByteSize() < graph.ByteSize()


def test_weights_beyond_float16_stay_float32():
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, 7))
    with torch.no_grad():
        model[1].weight[0, 0] = 1e6
    stored = float16_weights(to_onnx(model, SIDE)).graph.initializer
    assert onnx.TensorProto.FLOAT16 not in {weights.data_type for weights in stored}


def test_bytes_quarter_large_weights_and_compute_in_float32(graph, small):
    low = byte_weights(graph)
    stored = {w.name: numpy_helper.to_array(w) for w in low.graph.initializer}
    for weights in graph.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < 256:
            continue
        scale = stored[f"{weights.name}_scale"]
        assert stored[f"{weights.name}_8"].dtype == np.int8
        assert np.abs(stored[f"{weights.name}_8"]).max() == 127  # the whole range is used
        assert (np.abs(stored[f"{weights.name}_8"] * scale - values) <= scale / 2 * 1.001).all()
        assert weights.name not in stored
    assert 0 < difference(low, small) < 2e-2
    assert low.ByteSize() < float16_weights(graph).ByteSize()


def test_weights_that_are_all_zero_survive_as_bytes():
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, 7))
    nn.init.zeros_(model[1].weight)
    y_prob = probabilities(
        open_session(byte_weights(to_onnx(model, SIDE)).SerializeToString()), FACES.images[:2]
    )
    assert np.isfinite(y_prob).all()
    assert y_prob[0] == pytest.approx(y_prob[1])


def test_int8_stores_seven_bits_and_stays_near(graph, small):
    low = int8_weights(graph, FACES.images[:64])
    stored = [w for w in low.graph.initializer if w.data_type == onnx.TensorProto.INT8 and w.dims]
    assert {len(weights.dims) for weights in stored} >= {2, 4}
    for weights in stored:  # all eight bits would overflow on processors with AVX2 alone
        assert np.abs(numpy_helper.to_array(weights).astype(int)).max() <= 64
    unpacked = {n.output[0] for n in low.graph.node if n.op_type == "DequantizeLinear"}
    convolutions = [node for node in low.graph.node if node.op_type == "Conv"]
    assert [node.input[1] in unpacked for node in convolutions] == [False, True]
    # but for the first one's, rectifiers are part of the range that comes before them
    kinds = [node.op_type for node in low.graph.node]
    assert kinds.count("Relu") == 1
    assert "BatchNormalization" not in kinds
    assert 0 < difference(low, small) < 0.1
    assert np.array_equal(*(
        probabilities(open_session(low.SerializeToString()), FACES.images[at]).argmax(1)
        for at in (slice(0, 8), np.arange(8))
    ))  # fmt: skip


def test_both_views_are_flip_augmentation_and_know_no_sides(graph, small):
    session = open_session(graph.SerializeToString())
    one, other = (trained_probabilities(small, f) for f in (FACES.images, FACES.images[:, :, ::-1]))
    assert np.abs(one - other).max() > 1e-3  # else there is nothing to average
    y_prob = probabilities(session, FACES.images, mirror=True)
    trained = trained_probabilities(small, FACES.images, mirror=True)
    assert y_prob == pytest.approx((one + other) / 2, abs=1e-5)
    assert y_prob == pytest.approx(trained, abs=1e-5)
    assert probabilities(session, FACES.images[:, :, ::-1], mirror=True) == pytest.approx(y_prob)


def test_a_net_to_be_asked_twice_says_so_and_quotes_the_flip_accuracy(tmp_path):
    run = save_run(RunStore(tmp_path / "runs"))
    for mirror, mode in ((True, "flip"), (False, "none")):
        facts = ship(run, folder=tmp_path / mode, images=IMAGES, mirror=mirror)
        assert facts["mirror"] is mirror
        assert facts["test"].get("accuracy") == run.metrics["test"].get(mode, {}).get("accuracy")
        card = (tmp_path / mode / "README.md").read_text(encoding="utf-8")
        assert ("its mirror image" in card) is mirror


def test_the_check_sees_a_wrong_file(graph, small):
    expected = trained_probabilities(small, FACES.images)
    good = check(graph.SerializeToString(), IMAGES, expected)
    assert good["largest_difference"] < 1e-5
    assert good["accuracy_change"] == good["other_answers"] == 0
    assert good["ms_per_image"] > 0
    bad = check(graph.SerializeToString(), IMAGES, np.roll(expected, 1, axis=1))
    assert bad["largest_difference"] > 1e-3
    assert bad["other_answers"] > 0


def test_an_export_is_whole_and_says_what_it_is(tmp_path):
    run = save_run(RunStore(tmp_path / "runs"))
    facts = export_run(run, tmp_path / "out", "# Card\n", IMAGES)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "README.md", "bytes.onnx", "export.json", "float16.onnx", "float32.onnx", "int8.onnx",
    ]  # fmt: skip
    assert json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8")) == facts
    assert facts["run"] == run.key
    assert facts["classes"] == list(run.class_names)
    for part in facts["variants"]:
        assert part["sha256"] == sha256_file(tmp_path / "out" / part["file"])
        assert part["accuracy"] is not None
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Card\n\n## As ONNX")
    assert f"{facts['variants'][1]['bytes']:,}" in card


def test_without_the_data_noise_is_compared_and_int8_left_out(tmp_path):
    run = save_run(RunStore(tmp_path / "runs"))  # its data has no name that could be loaded
    images = check_images(run)
    assert images.labels is None
    facts = export_run(run, tmp_path / "out", images=images)
    assert [part["name"] for part in facts["variants"]] == ["float32", "float16", "bytes"]
    assert facts["variants"][0]["accuracy"] is None
    assert "not measured" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_shipping_swaps_the_model_of_the_demo(tmp_path, monkeypatch):
    run, folder = save_run(RunStore(tmp_path / "runs")), tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    (folder / "model.json").touch()  # by which it is known
    uncalibrated = replace(IMAGES, calibration=None)
    facts = ship(run, folder=folder, images=uncalibrated)
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "model.json", "model.onnx"]
    assert [part["name"] for part in facts["variants"]] == ["float16"]
    assert ship(run, folder=tmp_path / "b", images=IMAGES)["variants"][0]["name"] == "int8"
    before = sha256_file(folder / "model.onnx")
    with pytest.raises(ConfigError, match="no variant 'int4'"):
        ship(run, variant="int4", folder=folder, images=IMAGES)
    large = facts["variants"][0]["bytes"]
    monkeypatch.setattr(files, "MAX_SHIPPED_BYTES", large - 1)
    less = ship(run, folder=tmp_path / "less", images=uncalibrated)
    assert less["variants"][0]["name"] == "bytes"
    monkeypatch.setattr(files, "MAX_SHIPPED_BYTES", 100)
    with pytest.raises(ConfigError, match="may have 100: choose a smaller net"):
        ship(run, folder=folder, images=IMAGES)
    assert sha256_file(folder / "model.onnx") == before


@pytest.mark.parametrize(("mark", "write"), [("export.json", export_run), ("model.json", ship)])
def test_a_folder_of_others_is_never_replaced(mark, write, tmp_path):
    run, folder = save_run(RunStore(tmp_path / "runs")), tmp_path / "nets"
    folder.mkdir()
    write(run, folder=folder, images=IMAGES)  # into an empty one
    write(run, folder=folder, images=IMAGES)  # and over its own
    (folder / mark).rename(folder / "mine.json")
    link = tmp_path / "link"
    link.symlink_to(folder)
    for target in (folder, link, folder / "mine.json"):
        with pytest.raises(ConfigError, match=f"it holds no {mark} .* empty folder"):
            write(run, folder=target, images=IMAGES)
    assert (folder / "mine.json").exists()


def test_a_run_that_was_not_measured_so_is_refused(tmp_path, monkeypatch):
    run = save_run(RunStore(tmp_path / "runs"))
    monkeypatch.setattr(runs.Run, "metrics", {"valid": {}, "test": {"none": {}}})
    with pytest.raises(RunError, match=r"can't be exported so: .* leave out --mirror"):
        ship(run, folder=tmp_path / "out", images=IMAGES, mirror=True)
    monkeypatch.setattr(runs.Run, "metrics", {"valid": {}})
    for write in (export_run, ship):
        with pytest.raises(RunError, match="measured on valid only"):
            write(run, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_without_weights_says_how_to_get_them(tmp_path, capsys):
    folder = next(f for f in PUBLISHED_RUNS.glob("small-*") if not (f / runs.WEIGHTS).exists())
    assert cli.main(["export", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert "train it here with `python -m fer_utils train small" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(RunError, match=r"model\.onnx can't be opened"):
        open_session(path)
    path.write_bytes(b"no model")
    with pytest.raises(RunError, match=r"model\.onnx can't be opened"):
        open_session(path)


# -- the net that is committed ----------------------------------------------------------------


def test_the_shipped_model_is_what_its_facts_say():
    facts = json.loads((SHIPPED / "model.json").read_text(encoding="utf-8"))
    (part,) = facts["variants"]
    assert part["sha256"] == sha256_file(SHIPPED / "model.onnx")
    assert part["bytes"] <= files.MAX_SHIPPED_BYTES
    assert facts["run"] in (SHIPPED / "README.md").read_text(encoding="utf-8")
    side = facts["input"]["shape"][1]
    y_prob = probabilities(open_session(SHIPPED / "model.onnx"), np.zeros((2, side, side), "u1"))
    assert y_prob.shape == (2, len(facts["classes"]))


@pytest.mark.real_data
def test_the_shipped_model_is_as_good_as_it_says(real_fer2013):
    facts = json.loads((SHIPPED / "model.json").read_text(encoding="utf-8"))
    if facts["checked_on"] != "the test split of fer2013":
        pytest.skip("the shipped net is one of another data set")
    test = real_fer2013.part("test")
    y_prob = shipped_classifier().predict(np.array(test.images))
    accuracy = float((y_prob.argmax(1) == test.labels).mean())
    assert accuracy == pytest.approx(facts["variants"][0]["accuracy"], abs=0.001)
    assert accuracy == pytest.approx(facts["test"]["accuracy"], abs=0.002)  # the run's own
