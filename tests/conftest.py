"""Fixtures that several test files share."""

import pytest

from fer_utils.datasets import load_dataset, resolve_dataset_name
from fer_utils.datasets.base import FaceDataset


@pytest.fixture(scope="session")
def real_fer2013() -> FaceDataset:
    """Return the real FER2013 in data/raw, or skip the test."""
    if resolve_dataset_name("auto") != "fer2013":
        pytest.skip("no FER2013 in data/raw: see data/README.md")
    return load_dataset("fer2013")
