"""Every rule of the notebook lint, on a made-up notebook that keeps them all."""

import copy
import json

import pytest

from fer_utils.errors import ConfigError
from fer_utils.reporting.notebook_lint import lint_all, lint_notebook

OPENING = """# Faces

What is in a face?

**Learning goals**

- count
- look
- ask

| Needs | Produces | Time (laptop) | Time (GPU) |
|---|---|---|---|
| nothing | a figure | 1 minute | 1 minute |
"""
ENDING = """## Take-aways

- Look at the data.

## Exercises

1. Count. Hint: `len`.
2. Plot. Hint: `bar`.
3. Ask. Hint: why?
"""


def cell(kind, name, source, tags=()):
    made = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    if tags:
        made["metadata"]["tags"] = list(tags)
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


GOOD = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    },
    "cells": [
        cell("markdown", "title", OPENING),
        cell("code", "parameters", 'PROFILE = "auto"\nDATASET = "auto"\nSEED = 0', ["parameters"]),
        cell("markdown", "expect-sum", "**What do you expect?** The 95 % interval is wide."),
        cell("code", "sum", "total = 1 + 1\ntotal"),
        cell("markdown", "ending", ENDING),
    ],
}


def lint(tmp_path, notebook, folder="notebooks"):
    path = tmp_path / folder / "01_faces.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return lint_notebook(path)


def changed(index, **fields):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][index].update(fields)
    return notebook


def test_a_good_notebook_has_no_problem(tmp_path):
    assert lint(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("index", "fields", "expected"),
    [
        (3, {"execution_count": 2}, "nbstripout"),
        (3, {"outputs": [{"output_type": "stream", "text": "x"}]}, "nbstripout"),
        (3, {"id": "1a2b3c4d"}, "id in words"),
        (3, {"id": "6f1c2f0e-1b2c-4d5e-8f90-1234567890ab"}, "id in words"),
        (3, {"id": ""}, "no id"),
        (3, {"id": "parameters"}, "another cell has this id"),
        (3, {"metadata": {"scrolled": True}}, "metadata scrolled"),
        (3, {"metadata": {"tags": ["parameters"]}}, "2 cells are tagged"),
        (1, {"metadata": {}}, "0 cells are tagged"),
        (1, {"source": "PROFILE = 'auto'\nSEED: int = 0"}, "set exactly PROFILE, DATASET, SEED"),
        (1, {"source": "PROFILE = "}, "no Python"),
        (0, {"source": OPENING.replace("# Faces", "Faces")}, "`# Title`"),
        (0, {"source": OPENING.replace("- ask\n", "")}, "2 items"),
        (0, {"source": OPENING.replace("Learning goals", "Goals")}, "0 items"),
        (0, {"source": OPENING.replace("| Produces", "| Makes")}, "| Needs | Produces | Time |"),
        (3, {"source": "x = 1\n" * 26}, "has 26 lines"),
        (3, {"source": "x = 1\n" * 20}, "median code cell"),
        (3, {"source": 'open("/data/faces.csv")'}, "path of one machine"),
        (3, {"source": "open('~/faces.csv')"}, "path of one machine"),
        (3, {"source": r"open(r'C:\faces.csv')"}, "path of one machine"),
        (2, {"source": "What do you expect? See /home/me/faces."}, "path of one machine"),
        (3, {"source": "import sys\nsys.path.append('.')"}, "sys.path"),
        (3, {"source": "%pip install fer"}, "installs packages"),
        (3, {"source": "!pip install fer"}, "installs packages"),
        (3, {"source": 'n = 1 if PROFILE == "full" else 2'}, "profile's name"),
        (3, {"source": "n = nb.profile.name in ('smoke',)"}, "profile's name"),
        (2, {"source": "Guess!"}, "What do you expect?"),
        (4, {"source": ENDING.replace("## Take-aways", "## Summary")}, "last two sections"),
        (4, {"source": ENDING + "\n## More\n"}, "last two sections"),
        (4, {"source": ENDING.replace("3. Ask. Hint: why?", "")}, "2 exercises"),
        (4, {"source": ENDING.replace("Hint", "Note")}, "no exercise has a hint"),
        (2, {"source": "What do you expect? It is right in 65.3 % of cases."}, "65.3 %"),
        (2, {"source": "What do you expect? 0.712 accuracy"}, "0.712 accuracy"),
        (2, {"source": "What do you expect? An accuracy of 66."}, "`accuracy of 66"),
        (2, {"source": "What do you expect? 66 % test accuracy."}, "typed number"),
        (2, {"source": "What do you expect? ![face](face.png)"}, "face.png does not exist"),
        (2, {"source": "What do you expect? <img src='a.png'>"}, "a.png does not exist"),
    ],
)
def test_each_rule_finds_its_problem(tmp_path, index, fields, expected):
    problems = lint(tmp_path, changed(index, **fields))
    assert any(expected in problem for problem in problems), problems
    assert all(problem.startswith("01_faces.ipynb: ") for problem in problems)


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "fer-env", "display_name": "Python 3"}},
        {"kernelspec": {"name": "python3", "display_name": "fer (venv)"}},
        GOOD["metadata"] | {"papermill": {}},
        GOOD["metadata"] | {"language_info": {"name": "python", "version": "3.11.7"}},
    ],
)
def test_metadata_of_one_machine_is_found(tmp_path, metadata):
    assert len(lint(tmp_path, copy.deepcopy(GOOD) | {"metadata": metadata})) == 1


def test_numbers_that_nobody_measured_are_allowed(tmp_path):
    text = "What do you expect? $F1 = 2$, `accuracy = 0.7`, 25 % dropout, [loss](a/65.3%), "
    text += "at least 90 % accuracy"
    assert lint(tmp_path, changed(2, source=text)) == []
    quote = {"source": "What do you expect? 65.3 %", "metadata": {"tags": ["published"]}}
    assert lint(tmp_path, changed(2, **quote)) == []


def test_an_existing_image_is_fine(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "face.png").write_bytes(b"png")
    assert lint(tmp_path, changed(2, source="What do you expect? ![f](face.png)")) == []


def test_exercises_need_no_story_but_keep_the_other_rules(tmp_path):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"] = [cell("markdown", "title", "# Exercises"), *notebook["cells"][1:2]]
    assert lint(tmp_path, notebook, "exercises") == []
    notebook["cells"][1]["execution_count"] = 1
    assert len(lint(tmp_path, notebook, "solutions")) == 1


def test_a_damaged_file_is_one_problem(tmp_path):
    assert "not a notebook" in lint(tmp_path, {"cells": [{}]})[0]


def test_lint_all_reads_the_three_folders_and_refuses_an_empty_one(tmp_path):
    with pytest.raises(ConfigError, match="no notebook"):
        lint_all(tmp_path)
    bad = changed(3, execution_count=1)
    for folder in ("notebooks", "notebooks/exercises", "notebooks/solutions"):
        lint(tmp_path, bad, folder)
    assert len(lint_all(tmp_path / "notebooks")) == 3
