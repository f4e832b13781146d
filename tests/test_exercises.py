"""Stubs are made from solutions: alike every time, and they run as they are."""

import ast
import json

import pytest

from fer_utils.errors import ConfigError
from fer_utils.reporting.exercises import check, generate_all, stub_of
from fer_utils.reporting.notebook_cells import read_cells

TASK = """def mean(values):
    # SOLUTION
    total = sum(values)
    return total / len(values)
    # END SOLUTION

# SOLUTION
answer = mean([1, 2])
# END SOLUTION"""
CHECK = """expected = 1.5
assert mean([1, 2]) == expected, "the mean of 1 and 2"
assert (
    answer > 1
)"""


def write_solution(folder, task=TASK, check_source=CHECK):
    def code(name, source, tags=()):
        return {
            "cell_type": "code",
            "id": name,
            "metadata": {"tags": list(tags)},
            "source": source.splitlines(keepends=True),
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "secret"}],
            "execution_count": 3,
        }

    explanation = {"cell_type": "markdown", "id": "why", "source": ["The sum first."]}
    cells = [
        code("task", task),
        code("check-mean", check_source, ["check"]),
        explanation | {"metadata": {"tags": ["solution"]}},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = folder / "01_means.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def run(cells):
    names = {}
    for cell in cells:
        exec(cell.source, names)
    return names


def test_a_stub_hides_the_solution_and_runs(tmp_path, capsys):
    text = stub_of(write_solution(tmp_path))
    assert all(word not in text for word in ("total", "SOLUTION", "The sum first", "secret"))
    cells = read_cells(json.loads(text))
    assert [cell.id for cell in cells] == ["task", "check-mean"]
    assert "\n    ...  # your code here\n" in cells[0].source
    ast.parse(cells[1].source)
    run(cells)
    printed = capsys.readouterr().out
    assert "✘ not solved yet: the mean of 1 and 2" in printed
    assert "✘ not solved yet: answer > 1 (NameError" in printed


def test_a_solved_stub_is_told_so(tmp_path, capsys):
    cells = read_cells(json.loads(stub_of(write_solution(tmp_path))))
    names = {"mean": lambda values: sum(values) / len(values), "answer": 1.5}
    exec(cells[1].source, names)
    assert capsys.readouterr().out == "✔ the mean of 1 and 2\n✔ answer > 1\n"


@pytest.mark.parametrize(
    ("condition", "solved"),
    [
        (True, True),
        (lambda: 1 < 2, True),
        (False, False),
        (None, False),
        (..., False),
        (lambda: ..., False),
        (lambda: 1 / 0, False),
    ],
)
def test_check_never_raises(condition, solved, capsys):
    assert check(condition, "a task") is solved
    assert capsys.readouterr().out.startswith("✔ a task" if solved else "✘ not solved yet: a task")


@pytest.mark.parametrize(
    "task", ["# SOLUTION\nx = 1", "# END SOLUTION", "# SOLUTION\n# SOLUTION\n# END SOLUTION"]
)
def test_an_unpaired_marker_is_named(tmp_path, task):
    with pytest.raises(ConfigError, match=r"01_means.ipynb, cell task: .*SOLUTION"):
        stub_of(write_solution(tmp_path, task))


def test_a_check_cell_must_be_python(tmp_path):
    with pytest.raises(ConfigError, match="check-mean"):
        stub_of(write_solution(tmp_path, check_source="assert"))


def test_generate_all_writes_once_and_reports_what_is_stale(tmp_path):
    solutions, exercises = tmp_path / "solutions", tmp_path / "exercises"
    write_solution(solutions)
    stub = exercises / "01_means.ipynb"
    assert generate_all(True, solutions, exercises) == [stub]
    assert not stub.exists()
    assert generate_all(False, solutions, exercises) == [stub]
    assert generate_all(False, solutions, exercises) == []
    write_solution(solutions, check_source="assert answer")
    left_over = exercises / "02_gone.ipynb"
    left_over.write_text("{}", encoding="utf-8")
    assert generate_all(True, solutions, exercises) == [stub, left_over]
    assert left_over.exists()
    assert generate_all(False, solutions, exercises) == [stub, left_over]
    assert not left_over.exists()
    assert generate_all(True, solutions, exercises) == []


def test_the_committed_stubs_are_up_to_date():
    assert generate_all(check=True) == [], "run `make exercises` and commit notebooks/exercises/"
