"""Fixtures that several test files share."""

import contextlib
import sys

import pytest
import torch

from fer_utils.datasets import load_dataset, resolve_dataset_name
from fer_utils.datasets.base import FaceDataset

# Compiles 35 grammars when jsonschema imports it, two seconds, for formats that no notebook has;
# jsonschema does without.  (nbval would import it before: `make test` loads it for notebooks only.)
sys.modules.setdefault("rfc3987_syntax", None)

#: Begun first: a long file at the end keeps one process busy while the others have nothing left.
LONGEST = ("test_notebooks", "test_page", "test_vggface", "test_benchmarks", "test_scheduling")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take longest first, otherwise in their order."""
    items.sort(key=lambda item: [not item.path.name.startswith(name) for name in LONGEST])


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


with contextlib.suppress(ImportError):  # without pytest-xdist all runs in one process
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        """One process runs all tests of a file, whose fixtures are then made once.

        Notebooks go one by one to whoever is free.  What starts a browser stays together: no two
        run at once.  (pytest-xdist 3.8's own marks for groups have no effect under pytest 9.2.)
        """

        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0].split("/")[-1]
            if file == "test_notebooks.py":
                return nodeid
            return "test_page*.py" if file.startswith("test_page") else file

    def pytest_xdist_make_scheduler(config, log):
        """Return what deals the tests to the processes."""
        config.option.loadscopereorder = False  # in the order of collection
        return ByFile(config, log)
