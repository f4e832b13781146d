"""What notebooks measure themselves reaches the reproduction table."""

import pytest

from fer_utils.errors import DataError
from fer_utils.published import load_published
from fer_utils.reporting.findings import Finding, as_facts, read_findings
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.reproduction import reproduction_table

GAP = Finding(
    "cs231n-hog",
    "deep over shallow",
    "accuracy_gain",
    12.345,
    ci=(11.0, 13.5),
    note="paired",
    source="made up",
    profile="laptop",
)


def test_findings_come_back_from_the_outputs(tmp_path):
    outputs = Outputs(tmp_path)
    outputs.save_facts("05_findings", as_facts([GAP]))
    assert read_findings(outputs) == {GAP.key: GAP}


def test_a_finding_needs_a_published_number():
    with pytest.raises(DataError, match="no line cs231n-hog, deep under shallow"):
        as_facts([Finding("cs231n-hog", "deep under shallow", "accuracy_gain", 1.0)])


def test_a_finding_is_a_measured_line():
    table = reproduction_table({}, load_published(), findings={GAP.key: GAP})
    line = table[table["row"] == GAP.row].iloc[0]
    assert line["status"] == "measured"
    assert (line["ours"], line["ci_low"], line["ci_high"]) == (12.35, 11.0, 13.5)
    assert (line["dataset"], line["profile"], line["runs"]) == ("made up", "laptop", 1)
    assert line["note"].startswith("paired; ")
    assert (table["status"] == "measured").sum() == 1
