"""README.md quotes the report's numbers, and they are the report's."""

import json
import re

import pytest

from fer_utils import paths
from fer_utils.errors import FerError
from fer_utils.reporting import render
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.readme import BEGIN, END, write_results


def test_the_table_goes_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# T\n\n{BEGIN}\nold\n{END}\n\nmore\n")
    write_results(readme, "\n| new |\n")
    assert readme.read_text() == f"# T\n\n{BEGIN}\n\n| new |\n\n{END}\n\nmore\n"
    before = readme.stat().st_mtime_ns
    write_results(readme, "| new |")
    assert readme.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["# T\n", f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_missing_mark_is_named(tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(FerError, match=r"README\.md must have a line <!-- results"):
        write_results(readme, "x")
    assert readme.read_text() == text


def published_facts():
    manifest = json.loads((paths.REPORTS / "manifest.json").read_text(encoding="utf-8"))
    return render.report_facts(Outputs(paths.REPORTS), manifest)


def test_readme_holds_the_published_results():
    table = render.render_markdown(paths.REPORTS / render.QUOTED, published_facts())
    text = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    assert table.strip() in text
    assert len(re.findall(r"^\|.*\[\d", table, re.MULTILINE)) >= 8


def test_the_best_vote_from_scratch_asks_no_net_that_learned_elsewhere():
    def vote(accuracy):
        return {"valid": {"flip_and_seven": {"accuracy": {"mean": accuracy}}}}

    votes = {"scratch_greedy": vote(0.7), "scratch_stacking": vote(0.71)}
    better = {"scratch_and_fine_tuned": vote(0.8), "cs230_seven": vote(0.9)}
    assert render.best_from_scratch(votes | better) is votes["scratch_stacking"]
    assert render.best_from_scratch(better) is None


def test_what_was_not_measured_has_no_row():
    facts = published_facts()
    one = {"cs230_baseline": facts["results"]["cs230_baseline"]}
    bare = facts | {"results": one, "best_from_scratch": None, "facts": lambda name: {}}
    table = render.render_markdown(paths.REPORTS / render.QUOTED, bare)
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 3  # two of them are the head
    assert "64.0 %" in rows[2]
