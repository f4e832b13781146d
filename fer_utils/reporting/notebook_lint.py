"""Rules for the committed notebooks: one text per problem, saying where it is and what to do."""

import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

from fer_utils.errors import ConfigError
from fer_utils.reporting.notebook_cells import Cell, parameter_names, read_cells

PARAMETERS = ("PROFILE", "DATASET", "SEED")
MAX_LINES, MAX_MEDIAN_LINES = 25, 6

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?")
_NEEDS_TABLE = re.compile(r"^\|?\s*needs\s*\|\s*produces\s*\|\s*time\b", re.I | re.M)
_ITEM = re.compile(r"([-*+]|\d+[.)])\s")
_ABSOLUTE_PATH = re.compile(
    r"[\"'`(](/\w|~/|[A-Za-z]:\\)|(?<![\w.)])(/(home|Users|root|tmp|mnt|content)/|~/|\b[A-Z]:\\)"
)
_IMAGE = re.compile(r"!\[[^\]]*\]\(\s*([^)\s]+)|<img[^>]*\bsrc=[\"']([^\"']+)", re.I)
# Formulas, code and link targets may hold numbers that nobody measured.
_NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)", re.S)
_METRIC = r"(?:accurac(?:y|ies)|f1(?:[- ]scores?)?|precision|recall|auc|(?:valid\w* |test )loss)"
_MEASURED = re.compile(
    rf"\d+\.\d+\s?(?:%|percent)"
    rf"|\b0\.\d+\s+(?:\w+\s+){{0,2}}{_METRIC}"
    rf"|(?<!at least )(?<!at most )\b\d+\s?(?:%|percent)\s+(?:\w+\s+){{0,2}}(?:{_METRIC}|correct)"
    rf"|\b{_METRIC}\s+(?:of|is|was|reaches|reached|at|=|:)\s*(?:about |around |~|≈)?\d[\d.]*",
    re.I,
)
_FORBIDDEN_CODE = (
    (re.compile(r"\bsys\.path\b"), "changes sys.path: install the package (`pip install -e .`)"),
    (
        re.compile(r"^\s*[!%]{1,2}\s*(pip|conda|mamba|uv|apt)\b", re.M),
        "installs packages: the environment is set up once, by `make`",
    ),
    (re.compile(r"\bos\.chdir\b|^\s*%cd\b", re.M), "changes the folder: use fer_utils.paths"),
    (
        re.compile(r"\bprofile(\.name)?\s*(==|!=|in\b|is\b)|[\"']smoke[\"']", re.I),
        "depends on the profile's name: put the number into fer_utils/profiles.py",
    ),
)


def lint_notebook(path: Path | str) -> list[str]:
    """Return what is wrong with the notebook at `path`, one text per problem; [] if nothing is.

    Notebooks in a folder called `exercises` or `solutions` have fewer rules: they tell no
    story.  Each text names the file, the cell, and what to do.
    """
    path = Path(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = read_cells(notebook)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"{path.name}: not a notebook ({error}): write it anew with Jupyter"]
    rules = [_outputs, _ids, _parameters, _title, _code, _absolute_paths, _images]
    if path.parent.name not in ("exercises", "solutions"):
        rules += [_goals, _median, _expectation, _ending, _measured_numbers]
    problems = [*_metadata(notebook), *(text for rule in rules for text in rule(cells, path))]
    return [f"{path.name}: {text}" for text in problems]


def lint_all(folder: Path | str) -> list[str]:
    """Return the problems of all notebooks in `folder`, its exercises and its solutions.

    Raises ConfigError if there is no notebook at all.
    """
    folder = Path(folder)
    paths = [
        path
        for part in (folder, folder / "exercises", folder / "solutions")
        for path in sorted(part.glob("*.ipynb"))
    ]
    if not paths:
        raise ConfigError(f"no notebook (*.ipynb) in {folder}: give the notebooks' folder")
    return [text for path in paths for text in lint_notebook(path)]


def _markdown(cells: list[Cell]) -> str:
    return "\n\n".join(cell.source for cell in _of_kind(cells, "markdown"))


def _of_kind(cells: list[Cell], kind: str) -> list[Cell]:
    return [cell for cell in cells if cell.kind == kind]


def _metadata(notebook: dict) -> Iterator[str]:
    metadata = notebook.get("metadata", {})
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3: set metadata.kernelspec.name to python3"
    if not metadata.get("kernelspec", {}).get("display_name", "").startswith("Python 3"):
        yield "the kernel's display name is not `Python 3`: it names an environment of one machine"
    if extra := sorted(metadata.keys() - {"kernelspec", "language_info"}):
        yield f"metadata {', '.join(extra)} belongs to one machine or tool: remove it"
    if "version" in metadata.get("language_info", {}):
        yield "metadata.language_info.version belongs to one machine: remove it"


def _outputs(cells: list[Cell], path: Path) -> Iterator[str]:
    for cell in _of_kind(cells, "code"):
        if cell.raw.get("outputs") or cell.raw.get("execution_count") is not None:
            yield f"{cell.where} has outputs or an execution count: run nbstripout on the file"


def _ids(cells: list[Cell], path: Path) -> Iterator[str]:
    seen = set()
    for cell in cells:
        if not _SLUG.fullmatch(cell.id) or _RANDOM_ID.fullmatch(cell.id):
            yield f"{cell.where}: give it an id in words, such as `train-baseline`"
        elif cell.id in seen:
            yield f"{cell.where}: another cell has this id: rename one"
        seen.add(cell.id)
        if extra := sorted(cell.raw.get("metadata", {}).keys() - {"tags", "jupyter"}):
            yield f"{cell.where}: metadata {', '.join(extra)} is noise: remove it"


def _parameters(cells: list[Cell], path: Path) -> Iterator[str]:
    tagged = [cell for cell in cells if "parameters" in cell.tags]
    if len(tagged) != 1:
        yield f"{len(tagged)} cells are tagged `parameters`: tag exactly one"
        return
    try:
        names = parameter_names(tagged)
    except SyntaxError as error:
        yield f"{tagged[0].where} is no Python: {error}"
        return
    if sorted(names) != sorted(PARAMETERS):
        expected = ", ".join(PARAMETERS)
        yield f"{tagged[0].where} sets {', '.join(names) or 'nothing'}: set exactly {expected}"


def _title(cells: list[Cell], path: Path) -> Iterator[str]:
    if not cells or cells[0].kind != "markdown" or not cells[0].source.startswith("# "):
        yield "the first cell is no title: start with a Markdown cell `# Title`"


def _goals(cells: list[Cell], path: Path) -> Iterator[str]:
    first_code = next((cell.index for cell in _of_kind(cells, "code")), len(cells))
    opening = _markdown(cells[:first_code])
    after = opening.lower().partition("learning goals")[2]
    goals = _count_items(re.split(r"^#|^\|", after, maxsplit=1, flags=re.M)[0])
    if not 3 <= goals <= 5:
        yield f"the opening lists {goals} items under `Learning goals`: list 3 to 5"
    if not _NEEDS_TABLE.search(opening):
        yield "the opening has no table `| Needs | Produces | Time |`: add it"


def _count_items(text: str) -> int:
    """Count the top-level list items of `text`."""
    return sum(bool(_ITEM.match(line)) for line in text.splitlines())


def _code(cells: list[Cell], path: Path) -> Iterator[str]:
    for cell in _of_kind(cells, "code"):
        if (lines := cell.line_count) > MAX_LINES:
            yield f"{cell.where} has {lines} lines: split it, {MAX_LINES} at most"
        for pattern, problem in _FORBIDDEN_CODE:
            if match := pattern.search(cell.source):
                yield f"{cell.where}: `{match.group().strip()}` {problem}"


def _median(cells: list[Cell], path: Path) -> Iterator[str]:
    median = statistics.median([cell.line_count for cell in _of_kind(cells, "code")] or [0])
    if median > MAX_MEDIAN_LINES:
        yield f"the median code cell has {median:g} lines: split cells, {MAX_MEDIAN_LINES} at most"


def _absolute_paths(cells: list[Cell], path: Path) -> Iterator[str]:
    for cell in cells:
        if match := _ABSOLUTE_PATH.search(cell.source):
            text = cell.source[match.start() : match.end() + 20].splitlines()[0]
            yield f"{cell.where}: `{text.strip()}` is a path of one machine: use fer_utils.paths"


def _images(cells: list[Cell], path: Path) -> Iterator[str]:
    for cell in _of_kind(cells, "markdown"):
        for target in (a or b for a, b in _IMAGE.findall(cell.source)):
            if not re.match(r"\w+:", target) and not (path.parent / target).is_file():
                yield f"{cell.where}: image {target} does not exist: correct the path"


def _expectation(cells: list[Cell], path: Path) -> Iterator[str]:
    if "what do you expect?" not in _markdown(cells).lower():
        yield "no `What do you expect?` prompt: ask before a result is shown"


def _ending(cells: list[Cell], path: Path) -> Iterator[str]:
    parts = re.split(r"^##? +(.*)$", _markdown(cells), flags=re.M)
    ending = " / ".join(parts[1::2][-2:]).lower()
    if not re.fullmatch(r".*take-?aways.* / .*exercises.*", ending):
        yield "the last two sections must be `## Take-aways` and `## Exercises`: move or add them"
        return
    exercises = _count_items(parts[-1]) or len(re.findall(r"^### ", parts[-1], re.M))
    if not 3 <= exercises <= 5:
        yield f"{exercises} exercises: give 3 to 5, as a list or as `###` sections"
    if not re.search(r"\bhints?\b", parts[-1], re.I):
        yield "no exercise has a hint: add a `Hint:` where a student may get stuck"


def _measured_numbers(cells: list[Cell], path: Path) -> Iterator[str]:
    for cell in _of_kind(cells, "markdown"):
        if "published" in cell.tags:
            continue
        for match in _MEASURED.finditer(_NOT_PROSE.sub(" ", cell.source)):
            yield (
                f"{cell.where}: `{match.group().strip()}` is a typed number: render it from a run, "
                "or tag the cell `published` if it quotes a paper"
            )
