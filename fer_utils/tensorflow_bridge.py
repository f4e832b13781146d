"""The one way in to TensorFlow: triton first, then TensorFlow, without its log lines."""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    with quiet_stderr():
        return importlib.import_module("tensorflow")


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep from standard error what TensorFlow's C++ code writes there while the block runs.

    Its first lines come before any setting of a log level.  They are shown after all when the
    block fails.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(before, 2)
            kept.seek(0)
            os.write(2, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
