"""Smaller forms of an ONNX graph: weights stored in 16 or 8 bits, or weights and sums in 8."""

import contextlib
import io
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
    "bytes": "weights stored in 8 bits and unpacked when loaded; computes in float32",
    "int8": "weights and activations in 8 bits, but for the first convolution's",
}

#: Arrays smaller than this stay float32: there is nothing to gain.
SMALLEST = 256

#: int8: this share of an activation's values (in percent) lies within its range, the rest is cut.
#: Chosen on valid with the shipped net: nearer to its float32 form than all values, or 99.99 %.
WITHIN_RANGE = 99.999


def float16_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of `model` whose large float32 weights are stored as float16.

    A Cast node brings each back to float32; a runtime does so once, when it loads the file,
    so that only the download gets smaller.  Weights beyond float16's range stay as they are.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    casts = []
    for weights, values in _large_weights(model):
        if np.abs(values).max() >= np.finfo(np.float16).max:
            continue
        name = weights.name
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}_16")
        weights.CopyFrom(stored)
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    return _with_first(model, casts)


def byte_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of `model` whose large float32 weights are stored as int8.

    Each row of the first axis (a convolution's output channel) has its own scale, its largest
    weight over 127.  Cast and Mul bring the weights back to float32 when a runtime loads the
    file: a quarter of the download, the same speed.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    nodes = []
    for weights, values in _large_weights(model):
        name, axes = weights.name, tuple(range(1, values.ndim))
        scale = np.abs(values).max(axis=axes, keepdims=True) / np.float32(127)
        scale[scale == 0] = 1
        weights.CopyFrom(
            numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}_8")
        )
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
        nodes += [
            helper.make_node("Cast", [f"{name}_8"], [f"{name}_cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_cast", f"{name}_scale"], [name]),
        ]
    return _with_first(model, nodes)


def _large_weights(model: onnx.ModelProto) -> list[tuple[onnx.TensorProto, np.ndarray]]:
    """Return the float32 arrays of at least `SMALLEST` weights, each with its values."""
    arrays = [(weights, numpy_helper.to_array(weights)) for weights in model.graph.initializer]
    return [
        (weights, values)
        for weights, values in arrays
        if values.dtype == np.float32 and values.size >= SMALLEST
    ]


def _with_first(model: onnx.ModelProto, first: list[onnx.NodeProto]) -> onnx.ModelProto:
    """Return `model` with the nodes `first` before its own, checked."""
    nodes = [*first, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def int8_weights(model: onnx.ModelProto, images: np.ndarray) -> onnx.ModelProto:
    """Return a copy of `model` whose convolutions and dense layers compute in 8 bits.

    images: (N, H, W) uint8, some hundred of the train split: the range of every activation is
    taken from them (static quantization of onnxruntime, weights per channel), see
    `WITHIN_RANGE`.  Weights have 7 of the 8 bits: products of full bytes, added in pairs in 16
    bits as AVX2 does it, overflow, and the net is wrong on such processors only.

    Normalization, the first convolution and softmax stay in floating point; between them a plain
    net computes with integers.  The first convolution is the least work and loses the most: on
    valid it makes about half of the distance between the shipped net and its float32 form.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
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
        convolutions = [node.name for node in onnx.load(ready).graph.node if node.op_type == "Conv"]
        with contextlib.redirect_stdout(io.StringIO()):  # the calibrator tells what it does
            quantize_static(
                ready,
                small,
                Reader(),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": WITHIN_RANGE},
                op_types_to_quantize=["Conv", "MatMul", "Gemm", "Relu", "MaxPool"],
                nodes_to_exclude=convolutions[:1],
            )
        return onnx.load(small)
