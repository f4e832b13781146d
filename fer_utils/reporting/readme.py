"""The table of results that README.md quotes, written anew whenever the report's pages are."""

from pathlib import Path

from fer_utils.errors import FerError
from fer_utils.files import write_text
from fer_utils.paths import relative

#: What stands before and after the table.
BEGIN, END = "<!-- results, by `make render` -->", "<!-- end of results -->"


def write_results(readme: Path, table: str) -> None:
    """Put `table`, Markdown, between the two marks of `readme`; leave an equal file untouched.

    Raises FerError unless it has both marks, in this order.
    """
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise FerError(f"{relative(readme)} must have a line {BEGIN}, and below it one {END}")
    new = f"{before}{BEGIN}\n\n{table.strip()}\n\n{END}{after}"
    if new != text:
        write_text(readme, new)
