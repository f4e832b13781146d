"""Reading the cells of a notebook file without changing anything in it."""

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One cell: its position, `markdown` or `code`, id, source, and its JSON as it is."""

    index: int
    kind: str
    id: str
    source: str
    raw: dict

    @property
    def tags(self) -> list[str]:
        """The cell's tags."""
        return self.raw.get("metadata", {}).get("tags", [])

    @property
    def where(self) -> str:
        """How messages name the cell."""
        return f"cell {self.index} ({self.id or 'no id'})"

    @property
    def line_count(self) -> int:
        """Lines from the first to the last that is not empty."""
        return len(self.source.strip().splitlines())


def read_cells(notebook: dict) -> list[Cell]:
    """Return the cells of a notebook given as parsed JSON (nbformat would add missing ids).

    Raises KeyError or TypeError if it is no notebook.
    """
    return [
        Cell(index, raw["cell_type"], raw.get("id", ""), "".join(raw["source"]), raw)
        for index, raw in enumerate(notebook["cells"])
    ]


def parameter_names(cells: list[Cell]) -> list[str]:
    """Return the names that the code cells tagged `parameters` assign, in order.

    Raises SyntaxError if such a cell is no Python.
    """
    return [
        target.id
        for cell in cells
        if cell.kind == "code" and "parameters" in cell.tags
        for node in ast.parse(cell.source).body
        for target in getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    ]
