"""TensorFlow and triton in one process: each order works or says what to do, none crashes."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from fer_utils.paths import ROOT

TWO_OPERATIONS = """
import torch, torchvision
boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
print(len(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5)))
print(int(tf.reduce_sum(tf.ones(3))))
"""


def run(code):
    """Run `code` in a new process and return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.skipif(find_spec("triton") is None, reason="without triton no order is wrong")
def test_tensorflow_before_fer_utils_is_refused_in_words():
    done = run("import tensorflow\nimport fer_utils")
    assert done.returncode == 1, f"exit code {done.returncode}: {done.stderr[-500:]}"
    assert "ImportError: TensorFlow was imported before fer_utils" in done.stderr
    assert "import_tensorflow()" in done.stderr


@pytest.mark.parametrize("first", ["", "import torch, torchvision, fer_utils"])
def test_the_bridge_works_before_and_after_torch(first):
    bridge = "from fer_utils.tensorflow_bridge import import_tensorflow\ntf = import_tensorflow()"
    done = run(f"{first}\n{bridge}\n{TWO_OPERATIONS}")
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-500:]}"
    assert done.stdout.split() == ["1", "3"]
