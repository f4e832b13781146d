"""Fixtures that several test files share."""

import pytest
import torch

from fer_utils.datasets import load_dataset, resolve_dataset_name
from fer_utils.datasets.base import FaceDataset


@pytest.fixture(scope="session")
def real_fer2013() -> FaceDataset:
    """Return the real FER2013 in data/raw, or skip the test."""
    if resolve_dataset_name("auto") != "fer2013":
        pytest.skip("no FER2013 in data/raw: see data/README.md")
    return load_dataset("fer2013")


@pytest.fixture
def one_thread():
    """Sums are the same bit for bit only with the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
