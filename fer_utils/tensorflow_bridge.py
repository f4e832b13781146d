"""The one way in to TensorFlow: triton first, then TensorFlow, without its log lines."""

import importlib
import os
from importlib.util import find_spec
from types import ModuleType


def import_tensorflow() -> ModuleType:
    """Import and return ``tensorflow`` in the one order that does not crash.

    triton's library must be loaded before TensorFlow's (the other order is a
    segmentation fault), so triton is imported first where it is installed.
    TensorFlow's log lines would land in notebook outputs; only errors are kept.
    """
    if find_spec("triton"):
        importlib.import_module("triton._C.libtriton")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    return importlib.import_module("tensorflow")
