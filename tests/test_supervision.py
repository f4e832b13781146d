"""What a net is told: labels, vote distributions, votes drawn at random."""

import numpy as np
import pytest
import torch

from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.errors import DataError
from fer_utils.recipes import Recipe
from fer_utils.training.supervision import Supervision

CPU = torch.device("cpu")


def recipe(**changes):
    return Recipe(name="made_up", title="", model="baseline", notebook="", **changes)


@pytest.fixture
def part():
    votes = np.zeros((2, 10), np.uint8)
    votes[0, :2] = 6, 4
    votes[1, 4] = 10
    return FaceDataset(
        name="ferplus",
        source="made up",
        source_hash="0" * 64,
        data_key="made-up",
        images=np.zeros((2, 4, 4), np.uint8),
        labels=np.array([0, 4]),
        split=np.zeros(2, np.uint8),
        class_names=EXPRESSIONS,
        votes=votes,
    )


def test_votes_are_soft_targets(part):
    told = Supervision(recipe(targets="votes"), part, CPU)
    targets, taught = told.targets(torch.tensor([0, 1]), torch.Generator())
    torch.testing.assert_close(targets[0, :2], torch.tensor([0.6, 0.4]))
    assert taught is None
    logits = torch.randn(2, 8)
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(told.loss(logits, targets, None), expected)


def test_sampled_votes_come_as_often_as_they_were_cast(part):
    told = Supervision(recipe(targets="sampled_votes"), part, CPU)
    batch = torch.zeros(4_000, dtype=torch.int64)
    targets, _ = told.targets(batch, torch.Generator().manual_seed(0))
    assert set(targets.tolist()) == {0, 1}
    assert (targets == 0).float().mean() == pytest.approx(0.6, abs=0.03)


def test_votes_without_a_word_on_an_image_are_refused(part):
    part.votes[1] = 0
    with pytest.raises(DataError, match="a vote for one"):
        Supervision(recipe(targets="votes"), part, CPU)
