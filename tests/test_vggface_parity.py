"""The PyTorch twins compute what keras-vggface computes, layer by layer, from the same file."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from fer_utils.errors import ConfigError, DataError
from fer_utils.files import sha256_file
from fer_utils.models.vggface import LAST_FIVE, VGGFACE_NETS, VGGFaceNormalization
from fer_utils.paths import ROOT
from fer_utils.weights.keras_h5 import read_keras_h5
from fer_utils.weights.vggface_convert import convert_vggface, vggface_state
from tests.keras_vggface_reference import LARGE, VERSIONS

PARAMETERS = {"vgg16": 14_714_688, "resnet50": 23_561_152, "senet50": 26_092_144}
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the folder with what Keras wrote, in a process where TensorFlow may be."""
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, "-m", "tests.keras_vggface_reference", str(folder)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module", params=PARAMETERS)
def model(request):
    return request.param


@pytest.fixture(scope="module")
def twin(model, reference, tmp_path_factory):
    target = tmp_path_factory.mktemp("twin") / "twin.safetensors"
    net = VGGFACE_NETS[model]()
    net.load_state_dict(load_file(convert_vggface(reference / f"{model}.h5", model, target)))
    return net.eval()


@pytest.fixture(scope="module")
def expected(model, reference):
    with np.load(reference / f"{model}.npz") as file:
        return dict(file)


def relative_difference(ours: torch.Tensor, theirs: np.ndarray) -> float:
    """Compare (N, C, h, w) of PyTorch with (N, h, w, C) of Keras; 0 to 1 by the largest value."""
    theirs = np.moveaxis(theirs, -1, 1)
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(ours.numpy() - theirs).max() / np.abs(theirs).max())


def prepared(model: str, images: np.ndarray) -> torch.Tensor:
    """Return what the twin takes of (N, H, W, 3) RGB images, 0 to 255."""
    pixels = torch.from_numpy(np.moveaxis(images, -1, 1)) / 255
    return VGGFaceNormalization(VERSIONS[model])(pixels)


def test_normalization_equals_keras(model, expected):
    few = expected["preprocessed"]
    ours = prepared(model, expected["images"][: len(few)])
    assert relative_difference(ours, few) < 1e-6
    assert few.min() < -100 < 100 < few.max()


@torch.inference_mode()
def test_64_images_equal_keras(model, twin, expected):
    ours = twin(prepared(model, expected["images"]))
    assert ours.std() > 1e-2
    assert relative_difference(ours, expected["small"]) < TOLERANCE


@torch.inference_mode()
def test_every_depth_equals_keras(model, twin, expected):
    names = {key.removeprefix("small_"): key for key in expected if key.startswith("small_")}
    assert len(names) >= 3
    found = {}
    for name in names:
        getattr(twin, name).register_forward_hook(
            lambda layer, inputs, output, name=name: found.update({name: output.clone()})
        )
    twin(prepared(model, expected["images"][: len(expected["preprocessed"])]))
    for name, key in names.items():
        assert relative_difference(found[name], expected[key]) < TOLERANCE, name


@torch.inference_mode()
def test_large_images_equal_keras_with_its_average(model, twin, expected):
    for size in LARGE[model]:
        maps = twin(prepared(model, expected[f"images_{size}"]))
        assert maps.shape[2:] == (7, 7)
        theirs = expected[f"large_{size}"]
        ours = maps if model == "vgg16" else maps.mean((2, 3), keepdim=True)
        assert relative_difference(ours, theirs) < TOLERANCE, size


def test_keras_takes_the_file_back(reference):
    with np.load(reference / "vgg16.npz") as file:
        filled, before = file["filled"], file["small"]
    assert np.abs(filled - before[: len(filled)]).max() < TOLERANCE * np.abs(before).max()
    assert filled.std() > 1e-2


def test_parameters_and_statistics_are_keras_number(model, twin, reference):
    statistics = (b for name, b in twin.named_buffers() if "running" in name)
    assert sum(t.numel() for t in [*twin.parameters(), *statistics]) == PARAMETERS[model]
    table = pd.read_csv(reference / f"{model}.csv")
    assert table["parameters"].sum() == PARAMETERS[model]
    assert list(table.columns) == ["name", "type", "output shape", "parameters", "trainable"]
    assert table["output shape"].iloc[0] == "any x any x 3"


def test_keras_layers_are_those_of_keras(model, twin, reference):
    table = pd.read_csv(reference / f"{model}.csv")
    theirs = table["name"][table["parameters"] > 0]
    assert set(twin.keras_layers()) == set(theirs)
    if model == "vgg16":
        assert list(twin.keras_layers()) == list(theirs)


def test_last_five_are_those_of_keras(model, twin, reference):
    table = pd.read_csv(reference / f"{model}.csv")
    # cs230-fer's model has a global average more at its end, which counts as one of the five
    last = table.tail(4)
    theirs = tuple(last["name"][last["parameters"] > 0])
    if model in LAST_FIVE:
        assert theirs == LAST_FIVE[model]
        assert twin.last_five() == [twin.keras_layers()[name] for name in theirs]
        # the first that cs230-fer's notebooks leave trainable
        number, name = {
            "resnet50": (170, "conv5_3_1x1_increase/bn"),
            "senet50": (201, "conv4_5_3x3"),
        }[model]
        assert table["name"][number] == name
    else:
        assert twin.last_five() == []


def test_metadata_record_the_source(reference, tmp_path):
    source = reference / "vgg16.h5"
    target = convert_vggface(source, "vgg16", tmp_path / "new" / "vgg16.safetensors")
    with safe_open(target, "pt") as file:
        metadata = file.metadata()
    assert metadata == {
        "model": "vgg16",
        "source": "vgg16.h5",
        "source_sha256": sha256_file(source),
    }


def test_truncated_file_is_refused(reference, tmp_path):
    source = tmp_path / "cut.h5"
    source.write_bytes((reference / "resnet50.h5").read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"cut\.h5 is not a whole file of Keras weights"):
        convert_vggface(source, "resnet50", tmp_path / "out.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["cut.h5"]


@pytest.mark.parametrize(
    ("source", "model", "message"),
    [
        ("resnet50", "senet50", "conv2_1_1x1_down is missing"),
        ("senet50", "resnet50", "conv2_1_1x1_down is left over"),
        ("vgg16", "resnet50", "conv1/7x7_s2 is missing"),
    ],
)
def test_another_nets_file_is_refused(reference, tmp_path, source, model, message):
    with pytest.raises(DataError, match=message):
        convert_vggface(reference / f"{source}.h5", model, tmp_path / "out.safetensors")
    assert not list(tmp_path.iterdir())


def test_wrong_shape_and_bad_values_are_refused(reference):
    layers = read_keras_h5(reference / "vgg16.h5")
    other = layers | {"conv3_2": [layers["conv3_1"][0], layers["conv3_2"][1]]}
    with pytest.raises(DataError, match=r"layer conv3_2 do not fit .* vgg16's conv3_2"):
        vggface_state(other, "vgg16", "made up")
    other = layers | {"conv3_2": layers["conv3_2"][:1]}
    with pytest.raises(DataError, match="layer conv3_2 do not fit"):
        vggface_state(other, "vgg16", "made up")
    other = layers | {"conv1_1": [layers["conv1_1"][0] * np.nan, layers["conv1_1"][1]]}
    with pytest.raises(DataError, match="conv1_1 holds values that are not finite"):
        vggface_state(other, "vgg16", "made up")


def test_a_file_under_the_published_name_must_be_the_published_one(reference, tmp_path):
    source = tmp_path / "rcmalli_vggface_tf_notop_vgg16.h5"
    shutil.copy(reference / "vgg16.h5", source)
    with pytest.raises(DataError, match=r"is not vggface_vgg16 as published: it has .* 58,909,280"):
        convert_vggface(source, "vgg16", tmp_path / "out.safetensors")


@pytest.mark.parametrize("version", [1, 2])
def test_normalization_repeats_gray_and_turns_rgb_around(version):
    layer = VGGFaceNormalization(version)
    means = {1: [93.5940, 104.7624, 129.1863], 2: [91.4953, 103.8827, 131.0912]}[version]
    gray = layer(torch.full((2, 1, 4, 5), 0.5))
    assert gray.shape == (2, 3, 4, 5)
    assert gray[0, :, 0, 0].tolist() == pytest.approx([127.5 - mean for mean in means], abs=1e-3)
    red = layer(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten().tolist()
    assert red == pytest.approx([-means[0], -means[1], 255 - means[2]], abs=1e-3)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="version of VGGFace 3"):
        VGGFaceNormalization(3)
    with pytest.raises(ConfigError, match="VGGFace model 'resnet18'"):
        convert_vggface(tmp_path / "x.h5", "resnet18", tmp_path / "y")
