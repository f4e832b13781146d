"""Smaller forms of an ONNX graph: weights stored in 16 bits, or weights and sums in 8."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer_utils.export.graph import INPUT

#: The forms that a net is exported in, and what each is.
VARIANTS = {
    "float32": "as trained",
    "float16": "weights stored in 16 bits and cast when loaded; computes in float32",
    "int8": "weights and activations of convolutions and dense layers in 8 bits",
}

#: Arrays smaller than this stay float32: there is nothing to gain.
SMALLEST = 256


def float16_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of `model` whose large float32 weights are stored as float16.

    A Cast node brings each back to float32; a runtime does so once, when it loads the file,
    so that only the download gets smaller.  Weights beyond float16's range stay as they are.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    casts = []
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        fits = values.dtype == np.float32 and np.abs(values).max(initial=0) < np.finfo("e").max
        if not fits or values.size < SMALLEST:
            continue
        name = weights.name
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}_16")
        weights.CopyFrom(stored)
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def int8_weights(model: onnx.ModelProto, images: np.ndarray) -> onnx.ModelProto:
    """Return a copy of `model` whose convolutions and dense layers compute in 8 bits.

    images: (N, H, W) uint8, some hundred of the train split: the range of every activation is
    taken from them (static quantization of onnxruntime, weights per channel).  Normalization
    and softmax stay float32.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches: Iterator = iter(np.array_split(images, max(1, len(images) // 64)))

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else {INPUT: batch}

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (str(Path(folder) / f"{name}.onnx") for name in "abc")
        onnx.save(model, plain)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)  # joins norms with convolutions
        quantize_static(
            ready,
            small,
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )
        return onnx.load(small)
