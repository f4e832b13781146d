"""Every notebook runs from top to bottom on the smoke profile, under nbval.

A notebook is followed by its exercise's stub and solution in the same kernel, emptied of names in
between: most of the time of so small a notebook is the kernel's start.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from fer_utils.paths import BUILD, NOTEBOOKS, ROOT
from fer_utils.reporting.execution import prepare
from fer_utils.reporting.notebook_cells import read_cells
from fer_utils.reporting.notebook_lint import lint_all

SMOKE = {"PROFILE": "smoke", "DATASET": "synthetic"}
EXERCISES, SOLUTIONS = NOTEBOOKS / "exercises", NOTEBOOKS / "solutions"
#: What runs in one kernel.
SOURCES = [
    tuple(folder / path.name for folder in (NOTEBOOKS, EXERCISES, SOLUTIONS))
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
]
#: Runs between two of them.
RESET = {
    "cell_type": "code",
    "execution_count": None,
    "metadata": {},
    "outputs": [],
    "source": ["%reset -f"],
}
#: pytest without what takes two seconds to import: see conftest.py.
PYTEST = "import sys; sys.modules['rfc3987_syntax'] = None; import pytest; sys.exit(pytest.main())"
#: nbval's kernels start in the notebook's folder; they must find this copy of the package.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}


def _name(path):
    return path.relative_to(NOTEBOOKS).as_posix()


def test_the_notebooks_keep_the_rules():
    problems = lint_all(NOTEBOOKS)
    assert not problems, "\n".join(problems)


def test_no_notebook_is_left_out():
    there = {p for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert there
    assert {path for paths in SOURCES for path in paths} == there


@pytest.mark.parametrize("sources", SOURCES, ids=lambda sources: _name(sources[0]))
def test_notebook_runs(sources):
    """nbval can't inject parameters, papermill does."""
    folder = BUILD / "smoke" / "prepared"
    prepared = _joined([prepare(path, folder / _name(path), SMOKE) for path in sources])
    command = [sys.executable, "-c", PYTEST, "--nbval-lax", "--nbval-current-env", "-q"]
    command += ["--nbval-cell-timeout=300", "--color=no", "-p", "no:cacheprovider"]
    command += [f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"), str(prepared)]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, _tail(done.stdout + done.stderr)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, _tail(done.stdout)
    cells = _code_cell_count(prepared)
    assert int(passed[1]) == cells, f"{cells} code cells, but {passed[0]}: none may be skipped"


def _joined(paths):
    """Write the cells of all `paths` into the first one, and return it."""
    first, *others = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    for number, other in enumerate(others):
        cells = [RESET | {"id": "reset"}, *other["cells"]]
        first["cells"] += [cell | {"id": f"{cell['id']}-{number}"} for cell in cells]
    paths[0].write_text(json.dumps(first), encoding="utf-8")
    return paths[0]


def _code_cell_count(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return sum(cell.kind == "code" for cell in read_cells(notebook))


def _tail(text, lines=150):
    return "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()[-lines:])
