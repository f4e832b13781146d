"""The pages: made from the template, complete or not at all, the same each time."""

import json
import shutil
import subprocess

import pandas as pd
import pytest
from report_fixtures import HARDWARE, SAMPLES, fake_figures, fill_store

from fer_utils import paths
from fer_utils.errors import FerError
from fer_utils.published import load_published
from fer_utils.reporting import markdown, render
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.readme import BEGIN, END
from fer_utils.reporting.reproduction import reproduction_table, to_csv
from fer_utils.reporting.results import find_all_runs, recipe_facts
from fer_utils.runs import RunStore

FIGURES = (
    *(f"01_{name}" for name in ("class_counts", "samples", "mean_faces", "pixel_statistics",
                                "exact_duplicates", "near_duplicates", "non_faces")),
    *(f"03_{name}" for name in ("augmentation", "learning_curves", "accuracy", "confusion",
                                "disgust", "class_weights", "tta", "reliability",
                                "mistakes")),
)  # fmt: skip


def manifest(name: str = "fer2013") -> dict:
    entry = {"parameters": {"PROFILE": "laptop", "DATASET": name, "SEED": 0}, "seconds": 33.2,
             "commit": "ab" * 20, "dirty": False, "outputs": {}}  # fmt: skip
    return {
        "profile": "laptop",
        "data": {"name": name, "source": "a made-up copy", "source_hash": "0" * 64},
        "commit": "ab" * 20,
        "dirty": False,
        "versions": {"torch": "2"},
        "hardware": HARDWARE,
        "notebooks": {"01_data_exploration": entry, "03_baseline_cnns": entry},
    }


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Outputs:
    folder = tmp_path_factory.mktemp("report")
    outputs, store = Outputs(folder / "out"), RunStore(folder / "runs")
    fill_store(store)
    fake_figures(outputs, FIGURES)
    outputs.save_table("01_audit", pd.DataFrame({"check": ["images | all"], "count": [28709]}))
    results = {
        used.recipe.name: recipe_facts(used, SAMPLES)
        for used in find_all_runs(store, {"fer2013": "fer2013"}, ("full", "laptop"))
    }
    (outputs.tables / "results.json").write_text(json.dumps(results))
    table = reproduction_table(results, load_published(), notebooks=manifest()["notebooks"])
    (outputs.tables / "reproduction.csv").write_text(to_csv(table))
    return outputs


def test_pages_hold_the_measured_numbers_and_every_figure(outputs):
    pages = render.render_pages(outputs, manifest())
    assert [page.name for page in pages] == list(render.PAGES)
    results = json.loads((outputs.tables / "results.json").read_text())
    accuracy = results["cs230_five_layer"]["test"]["none"]["accuracy"]["mean"]
    text, html = pages[0].read_text(), pages[1].read_text()
    assert f"**{100 * accuracy:.1f} %**" in text
    assert "published: 66.3 %" in text
    for name in FIGURES:
        assert f"(figures/{name}.png)" in text
    assert html.count("data:image/") == len(FIGURES)
    assert "28,709" in html
    assert "http" not in html.split("<body>")[0].replace("http://www.w3.org/1999/xhtml", "")
    assert pages[2].read_bytes().startswith(b"%PDF")


def test_a_readme_beside_the_report_gets_its_table(outputs):
    readme = outputs.folder.parent / "README.md"
    readme.write_text(f"# T\n\n{BEGIN}\n{END}\n")
    try:
        render.render_pages(outputs, manifest())
        assert "| baseline of cs230-fer |" in readme.read_text()
    finally:
        readme.unlink()


def test_pages_are_the_same_each_time(outputs):
    first = [page.read_bytes() for page in render.render_pages(outputs, manifest())]
    assert [page.read_bytes() for page in render.render_pages(outputs, manifest())] == first
    assert not list(outputs.folder.glob(".*"))  # nothing temporary is left


def test_running_head_names_data_and_profile(outputs):
    html = render.render_pages(outputs, manifest())[1].read_text()
    assert '<div class="banner">FER2013 (a made-up copy) · profile laptop</div>' in html


def test_synthetic_report_says_so_on_every_page(outputs):
    pages = render.render_pages(outputs, manifest("synthetic"))
    assert '<div class="banner synthetic">SYNTHETIC DATA: ' in pages[1].read_text()
    assert "**These are not results about faces.**" in pages[0].read_text()
    if not shutil.which("pdftotext"):
        pytest.skip("no pdftotext: the head of the PDF's pages is not checked")
    text = subprocess.run(
        ["pdftotext", pages[2], "-"], capture_output=True, text=True, check=True
    ).stdout
    leaves = text.rstrip("\f").split("\f")
    assert len(leaves) > 2
    assert all("SYNTHETIC DATA" in leaf for leaf in leaves)


def test_missing_name_fails_with_the_templates_line(outputs, tmp_path):
    template = tmp_path / "t.md.j2"
    template.write_text("# T\n\n{{ results.cs230_five_layer.no_such_thing }}\n")
    with pytest.raises(FerError, match=r"t\.md\.j2, line 3: .*no_such_thing"):
        render.render_markdown(template, render.report_facts(outputs, manifest()))
    template.write_text("# T\n{% if %}\n")
    with pytest.raises(FerError, match=r"t\.md\.j2, line 2"):
        render.render_markdown(template, {})


def test_missing_figure_fails_and_keeps_the_old_page(outputs):
    page = render.render_pages(outputs, manifest())[1]
    before = page.read_bytes()
    figure = outputs.figures / "03_tta.png"
    aside = figure.rename(figure.with_suffix(".away"))
    try:
        with pytest.raises(FerError, match=r"03_tta\.png is missing"):
            render.render_pages(outputs, manifest())
    finally:
        aside.rename(figure)
    assert page.read_bytes() == before


def test_sections_of_absent_notebooks_say_so(outputs):
    absent = manifest() | {"notebooks": {}}
    text = render.render_markdown(
        paths.REPORTS / render.TEMPLATE, render.report_facts(outputs, absent)
    )
    assert "`01_data_exploration` is not part of this build" in text
    assert "figures/" not in text


def test_typst_error_is_a_sentence(tmp_path, monkeypatch):
    shutil.copy(paths.REPORTS / render.STYLE, tmp_path)
    (tmp_path / render.LAYOUT).write_text("#no-such-function()\n$body$\n")
    monkeypatch.setattr(paths, "REPORTS", tmp_path)
    with pytest.raises(FerError, match="typst can't set"):
        render.write_pdf("# T\n", tmp_path / "x.pdf", running="r", synthetic=False)
    assert not (tmp_path / "x.pdf").exists()


def test_table_escapes_and_aligns():
    text = markdown.table(("a", "b"), [["x | y", 1]])
    assert text.splitlines() == ["| a | b |", "|:-------|-----:|", "| x \\| y | 1 |"]


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (66.3, "test_accuracy", "66.3 %"),
        (74, "test_accuracy", "74.0 %"),
        (59.32, "valid_accuracy", "59.32 %"),
        (29862855, "parameters", "29,862,855"),
        (1e-7, "weight_decay", "1e-07"),
        (40, "latency_ms", "40 ms"),
    ],
)
def test_quantity(value, metric, text):
    assert markdown.quantity(value, metric) == text


def test_an_interval_is_shown_as_it_is_stored():
    line = {
        "project": "seed", "row": "net", "metric": "test_accuracy", "published": 64.0, "ours": 64.6,
        "ci_low": 62.44, "ci_high": 66.75, "runs": 1, "profile": "laptop", "note": float("nan"),
    }  # fmt: skip
    shown = markdown.measured_markdown([line, line | {"ci_low": float("nan")}])
    assert "| 64.6 % [62.44 to 66.75] | 1 laptop |" in shown
    assert "| 64.6 % | 1 laptop |" in shown
