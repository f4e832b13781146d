"""Running an ONNX file with onnxruntime, on one thread unless told otherwise."""

from pathlib import Path

import numpy as np
import onnxruntime

from fer_utils.errors import RunError
from fer_utils.paths import relative


def open_session(source: Path | bytes, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """Return a session on the CPU for the ONNX file at `source`, or for its bytes.

    Raises RunError when there is no such file, or it is no ONNX model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3  # errors only: it warns of weights that it folds away
    name = "the ONNX model" if isinstance(source, bytes) else relative(source)
    try:
        return onnxruntime.InferenceSession(
            source if isinstance(source, bytes) else str(source),
            options,
            providers=["CPUExecutionProvider"],
        )
    except Exception as error:  # onnxruntime's own classes have no common base but this
        raise RunError(f"{name} can't be opened: {error}; export the run again") from error


def probabilities(
    session: onnxruntime.InferenceSession,
    images: np.ndarray,
    batch_size: int = 256,
    *,
    mirror: bool = False,
) -> np.ndarray:
    """Return the class probabilities, (N, C) float32, of images (N, H, W) uint8.

    mirror: the mean of those of the image and of its mirror image; twice the work.
    """
    if mirror:
        views = (images, np.ascontiguousarray(images[:, :, ::-1]))
        one, other = (probabilities(session, view, batch_size) for view in views)
        return (one + other) / 2
    name = session.get_inputs()[0].name
    starts = range(0, max(1, len(images)), batch_size)
    parts = [session.run(None, {name: images[i : i + batch_size]})[0] for i in starts]
    return np.concatenate(parts)
