"""The facts and tables that are made from runs."""

import io

import numpy as np
import pandas as pd
import pytest
from report_fixtures import SAMPLES, fake_run, fill_store

from fer_utils.errors import ConfigError, RunError
from fer_utils.evaluation import bootstrap_interval
from fer_utils.profiles import get_profile
from fer_utils.published import PublishedNumber, load_published
from fer_utils.recipes import RECIPES, Recipe, get_recipe
from fer_utils.reporting import pending
from fer_utils.reporting.reproduction import COLUMNS, reproduction_table, to_csv
from fer_utils.reporting.results import (
    find_all_runs,
    find_runs,
    recipe_facts,
    results_table,
    runs_stamp,
)
from fer_utils.runs import RunStore

PROFILES = ("full", "laptop")
KEYS = {"fer2013": "fer2013"}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> RunStore:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    fill_store(store)
    return store


@pytest.fixture(scope="module")
def results(store) -> dict:
    found = find_all_runs(store, KEYS, PROFILES)
    return {used.recipe.name: recipe_facts(used, SAMPLES) for used in found}


@pytest.fixture(scope="module")
def lines(results) -> dict:
    table = reproduction_table(results, load_published(), notebooks=["03_baseline_cnns"])
    return {(line["row"], line["metric"]): line for line in table.to_dict("records")}


def test_one_line_per_published_number_in_its_order(results):
    table = reproduction_table(results, load_published())
    assert tuple(table.columns) == COLUMNS
    expected = [(n.project, n.row, n.metric, n.published) for n in load_published()]
    assert list(table.iloc[:, :4].itertuples(index=False, name=None)) == expected


def test_accuracy_is_the_mean_over_seeds_with_the_bootstrap_interval_of_it(store, lines):
    runs = find_runs(get_recipe("cs230_five_layer"), store, "fer2013", PROFILES).runs
    line = lines["five-layer", "test_accuracy"]
    mean = np.mean([run.metrics["test"]["none"]["accuracy"] for run in runs])
    low, high = bootstrap_interval([run.predictions("test") for run in runs], 7, samples=SAMPLES)
    assert line["ours"] == round(100 * mean, 2)
    assert (line["ci_low"], line["ci_high"]) == (round(100 * low, 2), round(100 * high, 2))
    assert (line["runs"], line["profile"], line["status"]) == (3, "laptop", "measured")
    assert line["dataset"] == "a made-up copy"


def test_parameters_have_no_interval_and_keep_the_caveat(lines):
    line = lines["baseline", "parameters"]
    assert line["ours"] == 1234
    assert pd.isna(line["ci_low"])
    assert "4.8 million" in line["note"]


def test_tta_gain_is_paired(store, lines):
    runs = find_runs(get_recipe("cs230_five_layer"), store, "fer2013", PROFILES).runs
    gains = [
        100
        * (
            run.metrics["test"]["flip_and_seven"]["accuracy"]
            - run.metrics["test"]["none"]["accuracy"]
        )
        for run in runs
    ]
    line = lines["five-layer, test-time augmentation", "tta_gain"]
    assert line["ours"] == pytest.approx(np.mean(gains), abs=0.006)
    # in the made-up runs more views only ever help: an unpaired interval would reach below zero
    assert 0 <= line["ci_low"] <= line["ours"] <= line["ci_high"]


def test_disgust_error_is_one_hundred_minus_recall(results, lines):
    for row, metric, recipe in (
        ("disgust error without class weights", "disgust_error_ncw", "cs230_five_layer"),
        ("disgust error with class weights", "disgust_error_wcw", "cs230_five_layer_weighted"),
    ):
        recall = results[recipe]["test"]["none"]["recall"]["disgust"]
        assert lines[row, metric]["ours"] == round(100 - 100 * recall["mean"], 2)
        assert lines[row, metric]["ci_low"] == round(100 - 100 * recall["ci"][1], 2)


@pytest.mark.parametrize(
    ("row", "metric", "reason"),
    [
        ("ensemble, FER2013", "test_accuracy", "5 of 7 members not trained: cs230_resnet50, "),
        ("Tang 2013", "test_accuracy", "quoted by the project from other work; not rerun here"),
        ("ambiguous image, fear", "class_probability", "the project's own observation"),
    ],
)
def test_pending_lines_say_why(lines, row, metric, reason):
    assert lines[row, metric]["status"] == "pending"
    assert lines[row, metric]["note"].startswith(reason)
    assert pd.isna(lines[row, metric]["ours"])


def test_recipe_without_a_run_and_large_recipe():
    table = reproduction_table({}, load_published())
    note = table[(table.row == "five-layer") & (table.metric == "test_accuracy")].note.item()
    assert note == ("no run of cs230_five_layer under laptop or full on FER2013: run `make report`")
    number = PublishedNumber("cs230-fer", "VGG16", "test_accuracy", 70.2, "%", "FER2013", "", "")
    large = Recipe("big", "Big", "vgg", "04", reproduces="cs230-fer/VGG16", full_only=True)
    note = reproduction_table({}, [number], recipes={"big": large}, ensembles={}).note.item()
    assert note.startswith("needs the full profile")


def test_synthetic_numbers_are_marked(results):
    table = reproduction_table(results, load_published(), dataset="synthetic")
    measured = table[table.status == "measured"]
    assert len(measured) == 7
    assert measured.note.str.startswith("on synthetic data: not comparable").all()


def test_reproducing_a_row_that_is_not_published_is_an_error():
    wrong = Recipe("x", "X", "m", "n", reproduces="cs230-fer/no such row")
    with pytest.raises(ConfigError, match="no such row"):
        reproduction_table({}, load_published(), recipes={"x": wrong})


def test_two_recipes_for_one_row_are_an_error():
    twins = {n: Recipe(n, n, "m", "n", reproduces="cs230-fer/baseline") for n in ("a", "b")}
    with pytest.raises(ConfigError, match="recipes a and b"):
        reproduction_table({}, load_published(), recipes=twins)


def test_csv_keeps_every_digit_of_counts(results):
    text = to_csv(reproduction_table(results, load_published()))
    table = pd.read_csv(io.StringIO(text))
    assert 29862855 in set(table.published)
    assert 1e-7 in set(table.published)
    assert "29862855," in text


def test_full_is_preferred_only_when_it_has_all_seeds(tmp_path):
    store = RunStore(tmp_path)
    recipe = get_recipe("cs230_baseline")
    for seed in range(3):
        fake_run(store, recipe.name, "laptop", seed)
    fake_run(store, recipe.name, "full", 0)
    assert find_runs(recipe, store, "fer2013", PROFILES).profile == "laptop"
    stamp = runs_stamp(find_all_runs(store, KEYS, PROFILES))
    for seed in (1, 2):
        fake_run(store, recipe.name, "full", seed)
    assert find_runs(recipe, store, "fer2013", PROFILES).profile == "full"
    assert runs_stamp(find_all_runs(store, KEYS, PROFILES)) != stamp
    assert find_runs(recipe, store, "other data", PROFILES) is None


def test_seeds_beyond_those_asked_for_count(tmp_path):
    store = RunStore(tmp_path)
    recipe = get_recipe("small_longest")  # no headline: one seed is asked for
    for seed in range(2):
        fake_run(store, recipe.name, "laptop", seed)
    used = find_runs(recipe, store, "fer2013", PROFILES)
    assert ([run.seed for run in used.runs], used.expected) == ([0, 1], 1)
    fake_run(store, recipe.name, "full", 0)
    assert find_runs(recipe, store, "fer2013", PROFILES).profile == "full"


def test_too_few_seeds_are_told(tmp_path):
    store = RunStore(tmp_path)
    fake_run(store, "cs230_baseline", "laptop", 0)
    used = find_runs(get_recipe("cs230_baseline"), store, "fer2013", PROFILES)
    table = reproduction_table({"cs230_baseline": recipe_facts(used, 20)}, load_published())
    line = table[(table.row == "baseline") & (table.metric == "test_accuracy")]
    assert line.runs.item() == 1
    assert "1 of 3 random seeds" in line.note.item()


def test_damaged_run_is_an_error(tmp_path):
    store = RunStore(tmp_path)
    run = fake_run(store, "cs230_baseline", "laptop", 0)
    (run.folder / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match=r"metrics\.json"):
        find_all_runs(store, KEYS, PROFILES)


def test_results_table_has_a_line_per_recipe(results):
    table = results_table(results).set_index("recipe")
    laptop = get_profile("laptop")
    trained = [r.name for r in RECIPES.values() if r.seeds_for(laptop) and r.source in KEYS]
    assert list(table.index) == trained
    line = table.loc["cs230_five_layer"]
    assert line.runs == 3
    assert line.test_accuracy_ci_low < line.test_accuracy < line.test_accuracy_flip_and_seven
    assert line.best_epochs == "2 2 2"
    assert line.minutes_per_run == 2.0
    assert line.precision == "float32"
    assert pd.isna(table.loc["cs230_five_layer_weighted"].test_accuracy_std)


def test_facts_tell_train_accuracy_of_the_kept_epoch(results):
    assert results["cs230_baseline"]["train_accuracy"]["mean"] == pytest.approx(0.7)


def test_data_sets_and_weights_that_are_not_here_are_named(monkeypatch):
    monkeypatch.setattr(pending, "has_initial_weights", lambda name: name == "random")
    table = reproduction_table(
        {}, load_published(), missing=["affectnet", "fer2013_auxiliary", "captures"]
    )
    notes = {(line.row, line.metric): line.note for line in table.itertuples()}
    assert notes["AffectNet subset, train", "images"].startswith("needs affectnet, which is not")
    assert notes["ResNet-18", "valid_accuracy"].startswith("needs affectnet, which is not")
    assert notes["webcam set", "people"].startswith("needs captures, which is not")
    assert notes["VGG16", "test_accuracy"].startswith("needs fer2013_auxiliary, which is not")
    start = "initial weights not on this machine: vggface_vgg16"
    assert notes["VGG16 NCW, FER2013", "test_accuracy"].startswith(start)
    assert "2 of 2 members not trained" in notes["FER+, ensemble VGGFace1+2", "test_accuracy"]
