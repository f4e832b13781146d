"""Notebooks run in this interpreter, and their copies hold results only."""

import json
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_utils import paths
from fer_utils.errors import ConfigError
from fer_utils.reporting.execution import NotebookError, clean, execute, prepare


def write_notebook(folder, *sources):
    parameters = new_code_cell("PROFILE = 'auto'\nSEED = 0", id="parameters")
    parameters.metadata["tags"] = ["parameters"]
    cells = [new_markdown_cell("# Made up", id="title"), parameters]
    cells += [new_code_cell(text, id=f"step-{i}") for i, text in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "01_made_up.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_prepare_fills_in_parameters_and_is_repeatable(tmp_path):
    notebook = write_notebook(tmp_path, "SEED + 1")
    text = prepare(notebook, tmp_path / "out" / "a.ipynb", {"SEED": 7}).read_text()
    assert "SEED = 7" in text
    assert "papermill" not in text
    assert str(tmp_path) not in text
    assert prepare(notebook, tmp_path / "b.ipynb", {"SEED": 7}).read_text() == text


@pytest.mark.parametrize("step", [prepare, execute])
def test_an_unknown_parameter_is_refused(tmp_path, step):
    notebook = write_notebook(tmp_path)
    with pytest.raises(ConfigError, match=r"'SEEED'; known: PROFILE, SEED"):
        step(notebook, tmp_path / "out.ipynb", {"SEEED": 1})
    with pytest.raises(ConfigError, match="no notebook"):
        step(tmp_path / "02.ipynb", tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()


def test_execute_runs_here_and_keeps_only_results(tmp_path):
    notebook = write_notebook(
        tmp_path,
        "import os, sys\nprint(sys.executable)\nprint(os.getcwd())",
        "print('no' + 'ise', file=sys.stderr)\nprint(SEED)",
    )
    out = tmp_path / "executed" / "01_made_up.ipynb"
    assert execute(notebook, out, {"SEED": 7}, timeout=60) > 0
    text = out.read_text()
    assert all(word not in text for word in ("papermill", "noise", "T00:", '"execution"'))
    cells = {cell.id: cell for cell in nbformat.read(out, as_version=4).cells}
    assert cells["step-0"].outputs[0].text == f"{sys.executable}\n{paths.ROOT}\n"
    assert cells["step-1"].outputs[0].text == "7\n"
    assert cells["step-1"].execution_count == 4
    assert list(tmp_path.glob("**/*.tmp")) == []


@pytest.mark.parametrize(
    ("source", "timeout", "problem"),
    [
        ("raise ValueError('a bad face')", 60, "ValueError: a bad face"),
        ("import time\ntime.sleep(60)", 1, "CellTimeoutError"),
        ("import os\nos._exit(1)", 60, "DeadKernelError"),
    ],
)
def test_a_failure_keeps_the_old_copy(tmp_path, monkeypatch, source, timeout, problem):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    notebook = write_notebook(tmp_path, "1", source, "2")
    out = tmp_path / "out.ipynb"
    out.write_text("old")
    with pytest.raises(NotebookError, match=rf"01_made_up.ipynb failed in cell step-1: {problem}"):
        execute(notebook, out, {}, timeout)
    assert out.read_text() == "old"
    assert "step-1" in (tmp_path / "build" / "failed" / "out.failed.ipynb").read_text()


def test_clean_leaves_nothing_that_changes_by_itself():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "4f"}, "text/plain": "bar"}
    cell = new_code_cell("x", id="x", execution_count=9)
    cell.outputs = [
        new_output("stream", name="stdout", text="  0%\r 50%\r"),
        new_output("stream", name="stderr", text="warning"),
        new_output("stream", name="stdout", text="100%\n\x1b[31mdone\x1b[0m\n"),
        new_output("display_data", widget),
        new_output("execute_result", {"text/plain": "<A at 0x7f01>"}, execution_count=9),
    ]
    cell.metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00"}
    metadata = {"widgets": {"x": 1}, "language_info": {"name": "python", "version": "3.11.1"}}
    cleaned = clean(new_notebook(cells=[cell], metadata=metadata))
    assert cleaned.metadata == {"language_info": {"name": "python"}}
    (cell,) = cleaned.cells
    assert (cell.metadata, cell.execution_count) == ({}, 1)
    assert [output.output_type for output in cell.outputs] == ["stream", "execute_result"]
    assert cell.outputs[0].text == "100%\ndone\n"
    assert cell.outputs[1].data["text/plain"] == "<A at 0x…>"
    assert cell.outputs[1].execution_count == 1
    json.dumps(cleaned)
