"""TensorFlow and keras-vggface in processes of their own, before torch and after it.

Each order works or says what to do, none crashes, and nothing is left behind.
"""

from importlib.util import find_spec

import pytest
from helpers import run_python

TORCH_FIRST = "import torch, torchvision\n"
TENSORFLOW_FIRST = """
from fer_utils.tensorflow_bridge import import_tensorflow
import_tensorflow()
"""
BUILD = """
import sys, numpy as np
from fer_utils.vggface_bridge import build_keras_vggface, layer_table
before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "keras"}
net = build_keras_vggface("vgg16", image_size=48)
after = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "keras"}
changed = {name for name in before if after.get(name) is not before[name]}
print("changed", sorted(changed))
print("stand-ins", sorted(name for name, m in after.items() if m.__name__.startswith("tf_keras")))
print("old names", sorted(name for name in after if name.startswith("keras.engine")))
table = layer_table(net)
print("layers", len(table), table["parameters"].sum(), table["output shape"][0])
print("maps", net(np.zeros((1, 48, 48, 3), np.float32)).shape)
import tensorflow as tf
import torch, torchvision
boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
print(len(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5)))
print(int(tf.reduce_sum(tf.ones(3))))
"""
BUILT = [
    "changed []",
    "stand-ins []",
    "old names []",
    "layers 19 14714688 48 x 48 x 3",
    "maps (1, 1, 1, 512)",
    "1",
    "3",
]
FAILED_IMPORT = """
import sys
from fer_utils.vggface_bridge import build_keras_vggface
sys.modules["keras_applications"] = None  # as if it were not installed
try:
    build_keras_vggface("vgg16", image_size=48)
except ImportError as error:
    print("refused", "keras_applications" in str(error))
print("left", [name for name in sys.modules if name.startswith("keras_vggface")],
      [name for name in sys.modules if name.startswith("keras.engine")])
del sys.modules["keras_applications"]
"""
WRONG_WEIGHTS = """
from fer_utils.errors import FerError
from fer_utils.vggface_bridge import _fill
layers = {layer.name: layer.get_weights() for layer in net.layers if layer.weights}
for wrong in (
    {k: v for k, v in layers.items() if k != "conv3_1"},
    layers | {"fc8": layers["conv1_1"]},
    layers | {"conv2_1": layers["conv2_2"]},
):
    try:
        _fill(net, wrong, "made-up.h5")
    except FerError as error:
        print("error", error)
try:
    build_keras_vggface("vgg19")
except FerError as error:
    print("error", error)
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="without triton no order is wrong")
def test_tensorflow_before_fer_utils_is_refused_in_words():
    done = run_python("import sys; sys.modules['tensorflow'] = sys\nimport fer_utils")
    assert done.returncode == 1, f"exit code {done.returncode}: {done.stderr[-500:]}"
    assert "ImportError: TensorFlow was imported before fer_utils" in done.stderr
    assert "import_tensorflow()" in done.stderr


def test_after_torch_it_builds_and_restores_the_names():
    done = run_python(TORCH_FIRST + BUILD)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-800:]}"
    assert done.stdout.splitlines() == BUILT


def test_before_torch_a_failed_import_leaves_nothing_and_wrong_weights_are_refused():
    done = run_python(TENSORFLOW_FIRST + FAILED_IMPORT + BUILD + WRONG_WEIGHTS)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-800:]}"
    failed, built, refused = (done.stdout.splitlines()[i:j] for i, j in ((0, 2), (2, 9), (9, None)))
    assert failed == ["refused True", "left [] []"]
    assert built == BUILT
    assert "made-up.h5 does not hold vggface_vgg16: layer conv3_1 is missing" in refused[0]
    assert "layer fc8 is left over" in refused[1]
    assert "made-up.h5 does not fit vggface_vgg16, layer conv2_1" in refused[2]
    assert "unknown VGGFace model 'vgg19'" in refused[3]
