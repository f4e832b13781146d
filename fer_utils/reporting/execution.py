"""Running notebooks with papermill, into copies that change only when their content does."""

import json
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import nbformat
import papermill
import zmq
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbformat import NotebookNode
from nbstripout import strip_output
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from fer_utils import paths
from fer_utils.errors import ConfigError, FerError, unknown_name
from fer_utils.files import write_text
from fer_utils.reporting.notebook_cells import parameter_names, read_cells

_NOISE = [
    "metadata.papermill",
    "metadata.widgets",
    "metadata.language_info.version",
    "cell.metadata.papermill",
    "cell.metadata.execution",
]
_WIDGET = "application/vnd.jupyter.widget-view+json"
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
_COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookError(FerError):
    """A notebook failed while it was executed."""


def prepare(notebook: Path | str, out: Path | str, parameters: Mapping[str, object]) -> Path:
    """Write `notebook` with `parameters` filled in, not executed, to `out`; return `out`.

    Raises ConfigError for a parameter that the notebook's `parameters` cell does not set
    (papermill only warns).
    """
    check_parameters(notebook, parameters)
    prepared = papermill.execute_notebook(
        str(notebook), None, dict(parameters), prepare_only=True, progress_bar=False
    )
    write_text(out, _text(prepared))
    return Path(out)


def execute(
    notebook: Path | str,
    out: Path | str,
    parameters: Mapping[str, object],
    timeout: float | None = None,
) -> float:
    """Run `notebook` with `parameters` in the repository's root; write the executed copy to `out`.

    timeout: seconds that one cell may take, None for no limit.  Returns the seconds it took.
    The kernel is this interpreter.  `out` is replaced only on success.  Raises ConfigError for
    an unknown parameter, and NotebookError, naming the notebook, the cell and the exception,
    when a cell fails, takes too long or kills the kernel; the copy with the traceback then
    lies in build/failed/.
    """
    notebook, out = Path(notebook).resolve(), Path(out).resolve()
    check_parameters(notebook, parameters)
    failed = paths.BUILD / "failed" / f"{out.stem}.failed.ipynb"
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / out.name
        try:
            papermill.execute_notebook(
                str(notebook),
                str(scratch),
                dict(parameters),
                cwd=str(paths.ROOT),
                kernel_manager_class=_OwnKernelManager,
                execution_timeout=timeout,
                progress_bar=_progress(notebook.stem),
            )
        except Exception as error:
            if not scratch.exists():
                raise NotebookError(f"{notebook.name} did not start: {error}") from error
            write_text(failed, scratch.read_text(encoding="utf-8"))
            problem = _failure(nbformat.read(scratch, as_version=4), error)
            raise NotebookError(
                f"{notebook.name} failed in {problem}; see {paths.relative(failed)}"
            ) from error
        executed = nbformat.read(scratch, as_version=4)
    write_text(out, _text(executed))
    failed.unlink(missing_ok=True)
    return time.perf_counter() - started


def check_parameters(notebook: Path | str, parameters: Mapping[str, object]) -> None:
    """Raise ConfigError if `notebook` does not exist or sets not all of `parameters`."""
    notebook = Path(notebook)
    if not notebook.is_file():
        raise ConfigError(f"no notebook {notebook}: give the path of an .ipynb file")
    cells = read_cells(json.loads(notebook.read_text(encoding="utf-8")))
    known = parameter_names(cells)
    for name in parameters:
        if name not in known:
            raise unknown_name(f"parameter of {notebook.name}", name, known)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Remove from an executed `notebook`, in place, what differs between two equal runs.

    Timings, stderr, widgets, memory addresses and terminal colors go; pieces of standard output
    are joined, and of a line that was overwritten (a progress bar) the last state stays.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strip_output(notebook, keep_output=True, keep_count=True, keep_id=True, extra_keys=_NOISE)
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"  # papermill draws a random one
    executed = [cell for cell in code_cells if cell.execution_count is not None]
    for count, cell in enumerate(executed, start=1):
        cell.execution_count = count
    for cell in code_cells:
        cell.outputs = _clean_outputs(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return notebook


def _clean_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr" or _WIDGET in output.get("data", {}):
            continue
        if kept and output.output_type == kept[-1].output_type == "stream":
            kept[-1].text += output.text
            continue
        kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            lines = output.text.replace("\r\n", "\n").split("\n")
            lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines]
            output.text = _COLORS.sub("", _ADDRESS.sub("at 0x…", "\n".join(lines)))
        elif "text/plain" in output.get("data", {}):
            output.data["text/plain"] = _ADDRESS.sub("at 0x…", output.data["text/plain"])
    return kept


def _text(notebook: NotebookNode) -> str:
    return nbformat.writes(clean(notebook)).rstrip("\n") + "\n"


def _progress(description: str) -> dict | bool:
    """One line that updates, and nothing where nobody is looking."""
    return {"desc": description, "leave": False} if sys.stderr.isatty() else False


def _failure(notebook: NotebookNode, error: Exception) -> str:
    """Return the cell that failed and why: the last one that was started."""
    started = [
        cell for cell in notebook.cells if cell.metadata.get("papermill", {}).get("start_time")
    ]
    if not started:
        return f"its start: {error}"
    if isinstance(error, PapermillExecutionError):
        name, value = error.ename, error.evalue
    else:
        name, value = type(error).__name__, " ".join(str(error).split())
    return f"cell {started[-1].get('id')}: {name}: {_COLORS.sub('', value)[:500]}"


class _OwnKernelSpecs(KernelSpecManager):
    """Only this interpreter's kernel: a `python3` that the user installed elsewhere is not it."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


class _OwnKernelManager(AsyncKernelManager):
    @default("transport_encryption")
    def _encrypted(self) -> str:  # a plain connection makes every kernel print a warning
        return "auto" if zmq.has("curve") else "disabled"

    @default("kernel_spec_manager")
    def _own_kernel_specs(self) -> KernelSpecManager:
        return _OwnKernelSpecs()
