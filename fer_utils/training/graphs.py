"""What makes training fast on a GPU: steps captured as CUDA graphs, large nets compiled.

A small net's kernels take a few microseconds each, less than it takes Python to launch them; a
captured step is launched whole.  In a large net norms and activations, which move much memory,
take as long as the convolutions; compiled, they are fewer passes over it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fer_utils.models import count_multiply_accumulates
from fer_utils.recipes import Recipe

DEVICE = "cuda"

#: Steps before the capture: libraries load, cuDNN chooses its algorithms.
WARM_UP_STEPS = 3


#: Multiply-accumulates of all forward passes of a training from which on compiling the net, half
#: a minute, is won back: on an H100 it makes steps 1.5 times as fast.
COMPILED_FROM = 5e14


def pays_to_compile(model: nn.Module, image_size: int, images: int) -> bool:
    """Tell whether to compile `model`, on its device, to train on so many gray images in all."""
    if next(model.parameters()).device.type != DEVICE:
        return False
    return count_multiply_accumulates(model, image_size) * images > COMPILED_FROM


def can_capture(device: torch.device, recipe: Recipe) -> bool:
    """Tell whether the steps of `recipe` can be captured: on a GPU, without drawn votes.

    `torch.multinomial` looks at its probabilities on the CPU.
    """
    return device.type == DEVICE and recipe.targets != "sampled_votes"


class CapturedGradients:
    """A function of a batch that sets gradients, captured after a few calls.

    The gradients stay where the captured call put them, so nobody else may set them to None;
    the results, too: each call overwrites those of the call before.
    """

    def __init__(
        self,
        gradients: Callable[[Tensor], tuple[Tensor, Tensor]],
        generator: torch.Generator,
        mixing: bool,
    ) -> None:
        """generator: that `gradients` draws from, beside torch's own; mixing: what it does now."""
        self.gradients, self.generator, self.mixing = gradients, generator, mixing
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `gradients` returns for `batch`, always of the same shape."""
        if self.calls < WARM_UP_STEPS:
            self.calls += 1
            return self._apart(batch)
        if self.graph is None:
            self._capture(batch)
        self.batch.copy_(batch)
        self.graph.replay()
        return self.results

    def _apart(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Call it on a stream of its own, as PyTorch asks for before a capture."""
        main, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(main)
        with torch.cuda.stream(side):
            results = self.gradients(batch)
        main.wait_stream(side)
        return results

    def _capture(self, batch: Tensor) -> None:
        self.batch = batch.clone()
        self.graph = torch.cuda.CUDAGraph()
        self.graph.register_generator_state(self.generator)
        with torch.cuda.graph(self.graph):
            self.results = self.gradients(self.batch)
