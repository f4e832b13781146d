"""`make report`: what is executed, what is left alone, and what survives a kill."""

import json
import shutil
import sys
import types
from contextlib import nullcontext

import pandas as pd
import pytest
from report_fixtures import fake_run, tiny_dataset

from fer_utils import paths
from fer_utils.errors import ConfigError, DataError, DataMissing, FerError, RunBusy
from fer_utils.files import locked, write_text
from fer_utils.reporting import build, outputs, render, stamps, state
from fer_utils.runs import RunStore

TEMPLATE = """# Report

{{ running }}

{% for name, entry in notebooks | dictsort %}
{{ name }}: {{ entry.seconds }}
{% endfor %}
{{ figure("03_bars", "Bars.") if "03_second" in notebooks }}
"""


class Site:
    """A little repository: two notebooks, a template, a run store; papermill and pages faked."""

    def __init__(self, root, monkeypatch):
        self.root, self.executed, self.fail = root, [], None
        self.notebooks, self.reports = root / "notebooks", root / "reports"
        self.reports.mkdir()
        self.notebooks.mkdir()
        (self.reports / render.TEMPLATE).write_text(TEMPLATE)
        for name in (render.STYLE, render.LAYOUT, render.QUOTED):
            shutil.copy(paths.REPORTS / name, self.reports)
        self.write("01_first", "print(1)")
        self.write("03_second", "print(2)")
        self.store = RunStore(root / "runs")
        self.dataset = tiny_dataset()
        monkeypatch.setattr(paths, "NOTEBOOKS", self.notebooks)
        monkeypatch.setattr(paths, "REPORTS", self.reports)
        monkeypatch.setattr(outputs, "REPORTS", self.reports)
        monkeypatch.setattr(outputs, "BUILD", root / "build")
        self.code = "code"
        monkeypatch.setattr(build, "code_stamp", lambda *patterns: self.code)
        monkeypatch.setattr(state, "store_for", lambda profile: self.store)
        monkeypatch.setattr(state, "load_dataset", lambda name, profile: self.dataset)
        monkeypatch.setattr(state, "load_source", self.load_source)
        self.others = {}  # what is there beside FER2013
        monkeypatch.setattr(build, "pick_dataset", lambda name, profile: "fer2013")
        for name in ("write_html", "write_pdf"):  # slow; tests/test_render.py looks at them
            monkeypatch.setattr(render, name, lambda text, target, **head: write_text(target, text))
        monkeypatch.setattr(render, "light_pictures", lambda text, *_, **how: nullcontext(text))
        monkeypatch.setattr(render, "versions", lambda: {"pandoc": "3", "typst": "0"})
        fake = types.SimpleNamespace(execute=self.execute)
        monkeypatch.setitem(sys.modules, "fer_utils.reporting.execution", fake)

    def load_source(self, source, main, profile):
        if source not in self.others:
            raise DataMissing(f"no {source} here")
        return self.others[source]

    def write(self, name, source, **extra):
        cell = {"cell_type": "code", "source": [source], "metadata": {}, **extra}
        (self.notebooks / f"{name}.ipynb").write_text(json.dumps({"cells": [cell]}))

    def execute(self, notebook, out, parameters, timeout):
        if self.fail == notebook.stem:
            raise FerError(f"{notebook.stem} failed")
        self.executed.append(notebook.stem)
        out.write_text(f"executed with {parameters}")
        bars = f"{notebook.stem[:2]}_bars"
        for name in (f"figures/{bars}.png", f"figures/{bars}.svg", f"tables/{bars}.csv"):
            write_text(self.reports / name, name)
        return 1.26

    def build(self, **options):
        self.executed.clear()
        return build.build_report("laptop", "fer2013", **options)

    def manifest(self):
        return json.loads((self.reports / state.MANIFEST).read_text())

    def files(self):
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_ino)
            for path in self.reports.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_first_build_executes_all_and_second_touches_nothing(site, capsys):
    first = site.build()
    assert site.executed == ["01_first", "03_second"]
    assert first.rendered
    assert first.stale == ()
    before = site.files()
    assert {path.name for path in before} > {*render.PAGES, "reproduction.csv", "results.csv"}
    capsys.readouterr()
    second = site.build()
    assert site.executed == []
    assert second.up_to_date == ("01_first", "03_second")
    assert not second.rendered
    assert site.files() == before
    assert capsys.readouterr().out.splitlines() == [
        "[1/2] 01_first … up to date",
        "[2/2] 03_second … up to date",
    ]
    assert "0 executed, 2 up to date" in str(second)


def test_manifest_says_what_was_made_from_what(site):
    site.build()
    manifest = site.manifest()
    entry = manifest["notebooks"]["03_second"]
    assert entry["parameters"] == {"PROFILE": "laptop", "DATASET": "fer2013", "SEED": 0}
    assert entry["seconds"] == 1.3
    assert set(entry["outputs"]) == {
        "executed/03_second.ipynb",
        "figures/03_bars.png",
        "figures/03_bars.svg",
        "tables/03_bars.csv",
    }
    assert manifest["data"]["data_key"] == "fer2013"
    assert {"pandoc", "typst", "torch"} <= set(manifest["versions"])
    assert manifest["hardware"]["cores"] >= 1


def test_changed_cell_executes_that_notebook_only(site):
    site.build()
    site.write("03_second", "print(3)")
    assert site.build().rendered
    assert site.executed == ["03_second"]


def test_a_changed_file_that_a_notebook_reads_executes_it(site, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", site.root)
    monkeypatch.setattr(build, "READS", {"03_second": ("net.json",)})
    site.build()
    (site.root / "net.json").write_text("a net")
    site.build()
    assert site.executed == ["03_second"]
    site.build()
    assert site.executed == []
    (site.root / "net.json").write_text("another")
    site.build()
    assert site.executed == ["03_second"]


def test_a_data_set_that_a_notebook_reads_executes_it_when_it_comes(site, monkeypatch):
    for module in (build, state):
        monkeypatch.setattr(module, "READ_BY_NOTEBOOKS", {"01_first": ("captures",)})
    site.build()
    site.others["captures"] = tiny_dataset()
    site.build()
    assert site.executed == ["01_first"]
    del site.others["captures"]  # on another machine the published results stand
    site.build()
    assert site.executed == []


def test_a_damaged_data_set_beside_the_main_one_is_named_and_the_others_go_on(
    site, monkeypatch, capsys
):
    site.others["affectnet"] = tiny_dataset("affectnet", "affectnet-1")
    site.build()
    seen = site.manifest()["sources"]["affectnet"]

    def load_source(source, main, profile):
        if source == "affectnet":
            raise DataError("affectnet.zip is cut off")
        raise DataMissing(f"no {source} here")

    monkeypatch.setattr(state, "load_source", load_source)
    site.write("01_first", "print(3)")
    capsys.readouterr()
    site.build()
    assert site.executed == ["01_first"]
    assert site.manifest()["sources"]["affectnet"] == seen
    printed = capsys.readouterr().out
    assert "left out: affectnet: affectnet.zip is cut off" in printed
    assert "left out: ckplus" not in printed  # that is no fault

    def damaged(name, profile):
        raise DataError("fer2013.csv is cut off")

    monkeypatch.setattr(state, "load_dataset", damaged)
    with pytest.raises(DataError, match=r"fer2013\.csv"):
        site.build()


def test_the_notebooks_that_read_more_are_there():
    named = {*stamps.READS, *state.READ_BY_NOTEBOOKS}
    assert named <= {path.stem for path in paths.NOTEBOOKS.glob("*.ipynb")}


def test_changed_code_executes_all(site):
    site.build()
    site.code = "other code"
    site.build()
    assert site.executed == ["01_first", "03_second"]


def test_code_stamp_follows_sources_and_leaves_out_what_no_notebook_uses(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    package = tmp_path / "fer_utils"
    package.mkdir()
    (package / "a.py").write_text("1")
    first = stamps.code_stamp("**/*.py")
    (package / "cli.py").write_text("1")
    assert stamps.code_stamp("**/*.py") == first
    (package / "a.py").write_text("2")
    assert stamps.code_stamp("**/*.py") != first


def test_outputs_left_in_a_notebook_are_no_change(site):
    site.build()
    site.write("03_second", "print(2)", outputs=[{"text": "2"}], execution_count=4)
    site.build()
    assert site.executed == []


@pytest.mark.parametrize("damage", ["delete", "change"])
def test_missing_or_changed_figure_executes_its_notebook(site, damage):
    site.build()
    figure = site.reports / "figures/03_bars.png"
    figure.unlink() if damage == "delete" else figure.write_bytes(b"x")
    site.build()
    assert site.executed == ["03_second"]


def test_new_run_executes_the_notebook_of_its_recipe(site, monkeypatch):
    recipe = build.RECIPES["cs230_baseline"]
    monkeypatch.setattr(
        build, "RECIPES", {"x": types.SimpleNamespace(valid_only=False, notebook="03_second")}
    )
    found = []
    monkeypatch.setattr(
        build, "find_all_runs", lambda store, key, profiles, recipes=(): tuple(found)
    )
    site.build()
    run = fake_run(site.store, recipe.name, "laptop", 0)
    found.append(build.RecipeRuns(recipe, "laptop", (run,), 3))
    site.build()
    assert site.executed == ["03_second"]
    lines = pd.read_csv(site.reports / "tables/results.csv")
    assert list(lines.recipe) == ["cs230_baseline"]
    site.build()
    assert site.executed == []


def test_other_data_executes_all(site):
    site.build()
    site.dataset = tiny_dataset(data_key="fer2013-other")
    site.build()
    assert site.executed == ["01_first", "03_second"]


def test_broken_off_build_goes_on_where_it_stopped(site):
    site.fail = "03_second"
    with pytest.raises(FerError, match="03_second failed"):
        site.build()
    assert list(site.manifest()["notebooks"]) == ["01_first"]
    site.fail = None
    site.build()
    assert site.executed == ["03_second"]


@pytest.mark.parametrize("make", [build.build_report, build.render_report])
def test_two_builds_do_not_write_over_each_other(site, make):
    site.build()
    with locked(site.reports / ".lock"), pytest.raises(RunBusy, match="another process builds"):
        make("laptop", "fer2013")
    site.build()
    assert site.executed == []
    assert not (site.reports / ".lock").exists()


def test_unreadable_manifest_only_costs_time(site):
    site.build()
    (site.reports / state.MANIFEST).write_text("{")
    site.build()
    assert site.executed == ["01_first", "03_second"]


def test_force_and_only(site):
    site.build()
    site.build(force=True, only=["03_second"])
    assert site.executed == ["03_second"]
    with pytest.raises(ConfigError, match="unknown notebook '09_none'"):
        site.build(only=["09_none"])


def test_files_of_a_removed_notebook_are_listed_and_kept(site):
    site.build()
    (site.notebooks / "01_first.ipynb").unlink()
    summary = site.build()
    assert any(name.endswith("executed/01_first.ipynb") for name in summary.stale)
    assert (site.reports / "executed/01_first.ipynb").exists()
    assert list(site.manifest()["notebooks"]) == ["03_second"]


def test_render_report_takes_up_a_changed_template_and_executes_nothing(site, monkeypatch):
    site.build()
    site.executed.clear()
    monkeypatch.setattr(state, "load_dataset", None)  # the published report needs no data
    assert not build.render_report().rendered
    with (site.reports / render.TEMPLATE).open("a") as file:
        file.write("\nOne more sentence.\n")
    assert build.render_report().rendered
    assert "One more sentence." in (site.reports / "report.html").read_text()
    assert site.executed == []


def test_no_notebook_is_an_error(site):
    for path in site.notebooks.iterdir():
        path.unlink()
    with pytest.raises(FerError, match="no notebook in"):
        site.build()


def test_what_is_no_notebook_is_an_error(site):
    (site.notebooks / "03_second.ipynb").write_text("[]")
    with pytest.raises(FerError, match=r"03_second\.ipynb is no notebook"):
        site.build()
