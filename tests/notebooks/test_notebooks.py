"""Every notebook runs from top to bottom on the smoke profile, under nbval."""

import json
import os
import re
import subprocess
import sys

from fer_utils.paths import BUILD, NOTEBOOKS, ROOT
from fer_utils.reporting.execution import prepare
from fer_utils.reporting.notebook_cells import read_cells
from fer_utils.reporting.notebook_lint import lint_all

SMOKE = {"PROFILE": "smoke", "DATASET": "synthetic"}
SOURCES = sorted(
    path for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)
#: nbval's kernels start in the notebook's folder; they must find this copy of the package.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}


def test_the_notebooks_keep_the_rules():
    problems = lint_all(NOTEBOOKS)
    assert not problems, "\n".join(problems)


def test_every_notebook_runs():
    """One process, one kernel after another: nbval can't inject parameters, papermill does."""
    assert SOURCES, f"no notebook in {NOTEBOOKS}"
    prepared = [
        prepare(path, BUILD / "smoke" / "prepared" / path.relative_to(NOTEBOOKS), SMOKE)
        for path in SOURCES
    ]
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    command += ["--nbval-cell-timeout=300", "--color=no", "--durations=5", "-p", "no:cacheprovider"]
    command += [f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"), *map(str, prepared)]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, _tail(done.stdout + done.stderr)
    cells = sum(_code_cell_count(path) for path in prepared)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, _tail(done.stdout)
    assert int(passed[1]) == cells, f"{cells} code cells, but {passed[0]}: none may be skipped"


def _code_cell_count(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return sum(cell.kind == "code" for cell in read_cells(notebook))


def _tail(text, lines=150):
    return "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()[-lines:])
