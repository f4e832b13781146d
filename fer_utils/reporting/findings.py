"""What a notebook measures that no single run holds: a gap of two nets, the result of a search."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from fer_utils.errors import DataError
from fer_utils.published import load_published
from fer_utils.reporting.outputs import Outputs

#: How the files of facts that hold findings end.
NAME = "findings"


@dataclass(frozen=True)
class Finding:
    """Our value for one published number, in its unit.

    project, row, metric: a line of published.csv.  ci: the 95 % interval, where there is one.
    runs: how many runs stand behind it; note: what a reader of the table must know; source and
    profile: of the data and of the notebook, filled in when it is saved.
    """

    project: str
    row: str
    metric: str
    value: float
    ci: tuple[float, float] | None = None
    runs: int = 1
    note: str = ""
    source: str = ""
    profile: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the published number."""
        return self.project, self.row, self.metric


def as_facts(findings: Iterable[Finding]) -> list[dict]:
    """Return findings JSON-ready; raise DataError for one of a number that nobody published."""
    known = {(number.project, number.row, number.metric) for number in load_published()}
    findings = tuple(findings)
    for finding in findings:
        if finding.key not in known:
            raise DataError(f"published.csv has no line {', '.join(finding.key)}")
    return [asdict(finding) for finding in findings]


def read_findings(outputs: Outputs) -> dict[tuple[str, str, str], Finding]:
    """Return what the notebooks of these outputs have found, by project, row and metric."""
    found = {}
    for path in sorted(outputs.tables.glob(f"[0-9][0-9]_{NAME}.json")):
        for facts in json.loads(path.read_text(encoding="utf-8")):
            facts["ci"] = tuple(facts["ci"]) if facts["ci"] else None
            finding = Finding(**facts)
            found[finding.key] = finding
    return found
