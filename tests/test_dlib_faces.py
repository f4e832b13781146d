"""dlib's face recognition net: its file is read right, and it computes what others' port does."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from torch import nn

from fer_utils.errors import DataError
from fer_utils.models import dlib_faces as module
from fer_utils.models.dlib_faces import (
    DLIB_WEIGHTS,
    DlibBlock,
    DlibNormalization,
    dlib_resnet,
    fill_layers,
    load_dlib_resnet,
)
from fer_utils.weights.dlib_dat import read_dlib_dat
from fer_utils.weights.files import require_weights


@pytest.fixture(scope="module")
def backbone():
    return load_dlib_resnet()


def number(value: int) -> bytes:
    """Write a whole number as dlib does."""
    length = (value.bit_length() + 7) // 8 or 1
    return bytes([length]) + value.to_bytes(length, "little")


def layer(tag: str, values: np.ndarray) -> bytes:
    sizes = b"".join(map(number, (2, len(values), 1, 1, 1)))
    return number(len(tag)) + tag.encode() + sizes + values.astype("<f4").tobytes()


FILTERS, SCALES = np.arange(300) / 7, np.array([1.5, -2, 0, 4])
MADE = b"\x01\x02before" + layer("con_4", FILTERS) + b"details" + layer("affine_", SCALES)


def test_layers_are_read_in_order(tmp_path):
    (tmp_path / "net.dat").write_bytes(MADE)
    (first, filters), (second, scales) = read_dlib_dat(tmp_path / "net.dat")
    assert (first, second) == ("con", "affine")
    np.testing.assert_array_equal(filters, FILTERS.astype(np.float32))
    np.testing.assert_array_equal(scales, SCALES.astype(np.float32))


def test_numbers_that_look_like_a_layer_are_no_layer(tmp_path):
    tag = np.frombuffer(b"\x01\x05con_4\x01", "<f4")
    (tmp_path / "net.dat").write_bytes(layer("con_4", np.concatenate([FILTERS, tag])))
    assert len(read_dlib_dat(tmp_path / "net.dat")) == 1


@pytest.mark.parametrize("data", [b"", b"nothing of dlib's", MADE[:-1], MADE[:40], MADE[:14]])
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "net.dat").write_bytes(data)
    with pytest.raises(DataError, match="get it again"):
        read_dlib_dat(tmp_path / "net.dat")


def test_another_net_of_dlibs_does_not_fit(tmp_path, monkeypatch):
    (tmp_path / "net.dat").write_bytes(MADE)
    monkeypatch.setattr(module, "require_weights", lambda name: tmp_path / "net.dat")
    with pytest.raises(DataError, match="is not dlib's face recognition net"):
        load_dlib_resnet()


def test_every_weight_is_filled(backbone):
    fresh = dlib_resnet().state_dict()
    for name, value in backbone.state_dict().items():
        if value.is_floating_point() and not name.endswith("running_mean"):
            assert not torch.equal(value, fresh[name]), name


def test_a_norm_is_its_scale_and_offset(backbone):
    norm = backbone[1]
    maps = torch.rand(2, 32, 5, 5)
    expected = maps * norm.weight.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)
    torch.testing.assert_close(norm(maps), expected)


@pytest.mark.parametrize("side", [7, 8])
def test_a_block_that_halves_fills_with_zeros(side):
    """With a silent convolution, what comes out is the average and, in new channels, nothing."""
    block = DlibBlock(2, 5).eval()
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)
    maps = torch.rand(1, 2, side, side)
    out = block(maps)
    assert out.shape == (1, 5, side // 2, side // 2)
    torch.testing.assert_close(out[:, :2], nn.functional.avg_pool2d(maps, 2))
    assert not out[:, 2:].any()


@pytest.mark.parametrize(("side", "maps"), [(80, 2), (112, 3), (150, 4)])
def test_sizes(backbone, side, maps):
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, side, side)).shape == (1, 256, maps, maps)


#: The first numbers of the descriptor that face-api 1.7.15 (its weights in 8 bits) gives of
#: `face()` in Chromium, by TensorFlow.js on the processor.
FACE_API = np.array(
    [
        *(-0.044, 0.058, -0.016, 0.065, -0.139, 0.022, -0.027, -0.11, 0.064, -0.052, 0.167),
        *(-0.093, -0.281, -0.096, 0.041, 0.122, -0.118, -0.083, -0.142, -0.07, 0.014, 0.07),
        *(0.007, 0.039, -0.102, -0.372, -0.075, -0.118, 0.086, -0.061, -0.108, 0.053),
    ]
)


BEHIND_DENSE = 72  # bytes, to the end of the file


def face() -> torch.Tensor:
    pixels = astronaut()[40:190, 150:300]
    return torch.tensor(pixels).permute(2, 0, 1)[None] / 255


def last_layers(path) -> tuple[DlibBlock, torch.Tensor]:
    """Return what `dlib_resnet` leaves out: a block that halves, and a dense layer, (256, 128)."""
    block = DlibBlock(128, 256).eval()
    block.conv1 = nn.Conv2d(256, 256, 3, stride=2)
    fill_layers((block.conv1, block.norm1, block.conv2, block.norm2), read_dlib_dat(path)[-4:])
    dense = path.read_bytes()[-4 * 256 * 128 - BEHIND_DENSE : -BEHIND_DENSE]
    return block, torch.tensor(np.frombuffer(dense, "<f4").reshape(256, 128))


def test_a_face_is_described_as_another_port_does(backbone):
    block, dense = last_layers(require_weights(DLIB_WEIGHTS))
    with torch.no_grad():
        maps = block(backbone(DlibNormalization()(face())))
    ours = (maps.mean((2, 3)) @ dense)[0, : len(FACE_API)].numpy()
    assert abs(ours - FACE_API).max() < 0.02
    assert np.corrcoef(ours, FACE_API)[0, 1] > 0.998
