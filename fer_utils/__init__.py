"""Shared code of the notebooks: data sets, models, training, runs, figures, report."""

import sys
from importlib.util import find_spec

__version__ = "0.1.0"

# TensorFlow and triton crash each other (segmentation fault) when triton's library is
# loaded after TensorFlow.  torchvision loads triton, so a kernel that imported
# TensorFlow first would die without a word at the next import; say so instead.
if "tensorflow" in sys.modules and "triton" not in sys.modules and find_spec("triton"):
    raise ImportError(
        "TensorFlow was imported before fer_utils, and triton (used by torch) crashes the "
        "process when it loads after TensorFlow. Restart the kernel and import fer_utils "
        "first; get TensorFlow with fer_utils.tensorflow_bridge.import_tensorflow()."
    )
