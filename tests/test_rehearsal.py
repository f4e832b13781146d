"""The way to a bare GPU host and back: a plain copy of the package trains there, and its runs
are found up to date in another copy."""

import os
import shutil
import subprocess
import sys

import pytest

from fer_utils.paths import ROOT
from fer_utils.runs import RUN_FILES, WEIGHTS, open_run

RECIPE = "cs230_five_layer"
TRAIN = ("train", "--profile", "smoke", "--dataset", "synthetic", "--budget", "300", RECIPE)
RUNS = "build/smoke/runs"

#: What such a host lacks, matplotlib too: training never needs it.
MISSING = (
    *("IPython", "ipykernel", "jupyter_client", "jupyterlab", "matplotlib", "nbclient", "nbformat"),
    *("papermill", "seaborn", "imblearn", "tensorflow", "keras", "tf_keras", "mtcnn"),
)

BLOCKER = f"""
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.split(".")[0] in {MISSING!r} else find(name, path, target)

PathFinder.find_spec = staticmethod(find_spec)
"""


@pytest.fixture
def host(tmp_path):
    """Return a function that runs a command of a copy of the package, on a bare host."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BLOCKER)

    environment = os.environ | {
        "PYTHONPATH": str(tmp_path / "site"),
        "PYTHONDONTWRITEBYTECODE": "1",  # the copy of the package must stay as it is
        "OMP_NUM_THREADS": "1",
    }

    def run(checkout, *arguments):
        if not checkout.exists():
            shutil.copytree(
                ROOT / "fer_utils", checkout / "fer_utils", ignore=shutil.ignore_patterns("__py*")
            )
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_a_plain_copy_trains_on_a_bare_host(host, tmp_path):
    blocked = host(tmp_path / "there", "-c", "import matplotlib")
    assert "No module named 'matplotlib'" in blocked.stderr

    done = host(tmp_path / "there", "-m", "fer_utils", *TRAIN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 runs were there, 1 were trained" in done.stdout
    [folder] = (tmp_path / "there" / RUNS).glob("cs230*")
    assert open_run(folder).manifest["recipe"]["name"] == RECIPE  # checks the hashes
    assert {path.name for path in folder.iterdir()} == {*RUN_FILES, WEIGHTS, "manifest.json"}
    assert f"{folder.name}: valid" in done.stdout
    assert list((tmp_path / "there" / RUNS / "unfinished").iterdir()) == []

    shutil.copytree(
        tmp_path / "there" / "fer_utils",
        tmp_path / "here" / "fer_utils",
        ignore=shutil.ignore_patterns("__py*"),
    )
    shutil.copytree(tmp_path / "there" / RUNS, tmp_path / "here" / RUNS)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "here").rglob("*.*")}
    again = host(tmp_path / "here", "-m", "fer_utils", *TRAIN)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 runs were there, 0 were trained" in again.stdout
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before
