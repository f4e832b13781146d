"""Student stubs (notebooks/exercises/) from the solution notebooks (notebooks/solutions/).

In a solution notebook the lines between `# SOLUTION` and `# END SOLUTION` become one `...`,
a cell tagged `solution` is left out, and a cell tagged `check` keeps its assertions: in the
solution they must hold, in the stub each becomes a `check(...)` that says whether it is solved.
"""

import ast
import json
from collections.abc import Callable
from pathlib import Path

from fer_utils.errors import ConfigError
from fer_utils.files import write_text
from fer_utils.paths import NOTEBOOKS

_BEGIN, _END = "# SOLUTION", "# END SOLUTION"
_PLACEHOLDER = "...  # your code here"
_IMPORT = "from fer_utils.reporting.exercises import check"


def check(condition: object | Callable[[], object], message: str) -> bool:
    """Print ✔ or ✘ and `message`, and return whether the exercise is solved.

    condition: a value, or a function without arguments that returns one.  An exception in the
    function means "not solved yet", so that an untouched stub runs to its end; so do None and
    `...`, which stand for code that is still to be written.
    """
    try:
        value = condition() if callable(condition) else condition
        solved = value is not ... and bool(value)
    except Exception as error:
        solved, message = False, f"{message} ({type(error).__name__}: {error})"
    print(f"✔ {message}" if solved else f"✘ not solved yet: {message}")
    return solved


def stub_of(solution: Path | str) -> str:
    """Return the text of the student notebook for the notebook at `solution`.

    Cell ids stay, outputs go; the same solution always gives the same text.  Raises
    ConfigError for an unpaired marker or a cell that is no Python.
    """
    solution = Path(solution)
    notebook = json.loads(solution.read_text(encoding="utf-8"))
    cells = []
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "solution" in tags:
            continue
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            where = f"{solution.name}, cell {cell.get('id', len(cells))}"
            source = _without_solutions(source, where)
            source = _with_checks(source, where) if "check" in tags else source
            cell |= {"outputs": [], "execution_count": None}
        cells.append(cell | {"source": source.splitlines(keepends=True)})
    notebook["cells"] = cells
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def generate_all(
    check: bool = False,
    solutions: Path = NOTEBOOKS / "solutions",
    exercises: Path = NOTEBOOKS / "exercises",
) -> list[Path]:
    """Write the stubs of all `solutions` into `exercises`, and delete every other notebook there.

    Returns the stubs that were missing, out of date, or left over from a solution that is gone.
    check: only return them; write and delete nothing.
    """
    stubs = {exercises / path.name: stub_of(path) for path in sorted(solutions.glob("*.ipynb"))}
    stale = [
        path
        for path, text in stubs.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    left_over = [path for path in sorted(exercises.glob("*.ipynb")) if path not in stubs]
    if not check:
        for path in stale:
            write_text(path, stubs[path])
        for path in left_over:
            path.unlink()
    return stale + left_over


def _without_solutions(source: str, where: str) -> str:
    """Replace each block between the markers by the placeholder, at the block's indentation."""
    kept, inside = [], False
    for line in source.splitlines():
        marker = line.strip()
        if marker in (_BEGIN, _END):
            if inside == (marker == _BEGIN):
                raise ConfigError(f"{where}: `{marker}` has no partner: pair it with the other one")
            inside = marker == _BEGIN
            if inside:
                kept.append(line[: len(line) - len(line.lstrip())] + _PLACEHOLDER)
        elif not inside:
            kept.append(line)
    if inside:
        raise ConfigError(f"{where}: `{_BEGIN}` has no partner: end the block with `{_END}`")
    return "\n".join(kept)


def _with_checks(source: str, where: str) -> str:
    """Replace each `assert test, message` by `check(lambda: test, message)`."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ConfigError(f"{where}: a `check` cell must be plain Python ({error})") from error
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    lines = source.splitlines()
    for node in sorted(asserts, key=lambda node: node.lineno, reverse=True):
        test = ast.get_source_segment(source, node.test)
        message = ast.get_source_segment(source, node.msg) if node.msg else repr(test)
        # Columns of the syntax tree count UTF-8 bytes, and here only ASCII spaces precede one.
        call = f"{lines[node.lineno - 1][: node.col_offset]}check(lambda: ({test}), {message})"
        lines[node.lineno - 1 : node.end_lineno] = call.splitlines()
    return "\n".join([_IMPORT, "", *lines])
