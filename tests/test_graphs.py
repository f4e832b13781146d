"""Captured and compiled steps; what needs a GPU is skipped without one."""

from dataclasses import replace

import pytest
import torch
from test_training_inputs import RECIPE, TRAIN, VALID
from torch import nn

from fer_utils.training import graphs, session
from fer_utils.training.graphs import COMPILED_FROM, can_capture, pays_to_compile

CPU, GPU = torch.device("cpu"), torch.device("cuda")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_steps_are_captured_on_a_gpu_only():
    assert can_capture(GPU, RECIPE)
    assert not can_capture(CPU, RECIPE)


def test_drawn_votes_are_not_captured():
    assert not can_capture(GPU, replace(RECIPE, targets="sampled_votes"))


def test_nothing_is_compiled_for_a_cpu():
    net = nn.Conv2d(1, 8, 3)
    assert not pays_to_compile(net, 48, int(COMPILED_FROM))


def test_what_pays_is_the_work_of_the_whole_training(monkeypatch):
    monkeypatch.setattr(graphs, "count_multiply_accumulates", lambda model, size: 1e8)

    class OnGpu(nn.Module):
        def parameters(self, recurse=True):
            yield torch.nn.Parameter(torch.empty(1, device="meta"))

    monkeypatch.setattr(graphs, "COMPILED_FROM", 5e14)
    monkeypatch.setattr(graphs, "DEVICE", "meta")
    assert pays_to_compile(OnGpu(), 48, 5_000_001)
    assert not pays_to_compile(OnGpu(), 48, 4_999_999)


@needs_gpu
@pytest.mark.parametrize("change", [{}, {"mixing": "cutmix"}, {"balancing": "class_weights"}])
def test_captured_epochs_are_those_of_single_launches(change, monkeypatch):
    recipe = replace(RECIPE, augmentation="erasing", batch_size=16, **change)
    histories = []
    for captured in (False, True):
        if not captured:
            monkeypatch.setattr(session, "can_capture", lambda device, recipe: False)
        training = session.Session(recipe, TRAIN, VALID, 8, 0, GPU)
        histories.append([training.run_epoch()["train_loss"] for _ in range(8)])
        assert (training.captured is not None) == captured
        monkeypatch.undo()
    assert histories[1] == pytest.approx(histories[0], rel=1e-3)
