"""A PyTorch net as an ONNX graph from pixels to probabilities."""

import contextlib
import copy
import io
import logging
import warnings

import onnx
import torch
from torch import Tensor, nn

from fer_utils.augmentation import as_channels
from fer_utils.errors import RunError

#: Names of the graph's input, (n, side, side) uint8, and output, (n, C) float32.
INPUT, OUTPUT = "images", "probabilities"

#: Old enough for every runtime in use, new enough for antialiased resizing.
OPSET = 18


class PixelsToProbabilities(nn.Module):
    """`net` with what stands before and after it: division by 255, softmax."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Return probabilities (N, C) float32 of images (N, H, W) or (N, H, W, 3) uint8."""
        return self.net(as_channels(images).float() / 255).float().softmax(dim=1)


def pools_last(model: nn.Module) -> nn.Module:
    """Return a copy of `model` whose max-pools follow the batch norms and ReLUs they preceded.

    While training, the pool comes first and spares work; for a runtime, the norm is to become
    part of the convolution, and what is rounded to 8 bits the convolution's exact sum.  The
    larger of two stays the larger under a function that rises, so both orders give the same.
    """
    model = copy.deepcopy(model)
    for part in model.modules():
        if isinstance(part, nn.Sequential):
            for start in reversed(range(len(part))):
                for i in range(start, len(part) - 1):
                    if not (isinstance(part[i], nn.MaxPool2d) and _rises(part[i + 1])):
                        break
                    part[i], part[i + 1] = part[i + 1], part[i]
    return model


def _rises(layer: nn.Module) -> bool:
    """Tell whether `layer` maps each value by itself, a larger one never to a smaller one."""
    if isinstance(layer, nn.BatchNorm2d):
        return layer.affine and bool((layer.weight > 0).all())
    return isinstance(layer, nn.ReLU)


def to_onnx(model: nn.Module, image_size: int, *, name: str = "net") -> onnx.ModelProto:
    """Return `model` (logits of gray images in [0, 1]) as ONNX: uint8 in, probabilities out.

    The batch is dynamic: `images` (n, image_size, image_size) uint8 to `probabilities` (n, C)
    float32.  Nothing of the machine that exports is left in the file.  Raises RunError when a
    layer of the model has no counterpart in ONNX.
    """
    whole = PixelsToProbabilities(pools_last(model)).eval()
    example = torch.randint(0, 256, (2, image_size, image_size), dtype=torch.uint8)
    try:
        with _quiet():
            program = torch.onnx.export(
                whole,
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"{name}: this net can't be written as ONNX ({reason})") from error
    graph = _without_traces(program.model_proto)
    graph.graph.name = name
    onnx.checker.check_model(graph, full_check=True)
    return graph


@contextlib.contextmanager
def _quiet():
    """Silence the exporter, which tells on several channels what it does."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy without notes on where in which source file each node comes from."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    graph.ClearField("value_info")
    return model
