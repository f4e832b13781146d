"""The report's intervals draw people anew where they are known, from the run or from a table."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import PROFILE, RECIPE, toy_faces
from report_fixtures import SAMPLES, fake_run, tiny_dataset

from fer_utils import paths
from fer_utils.datasets import load_dataset
from fer_utils.errors import DataMissing, RunError
from fer_utils.evaluation import bootstrap_interval, evaluate
from fer_utils.experiments import train_or_load
from fer_utils.profiles import get_profile
from fer_utils.recipes import get_recipe
from fer_utils.recipes.ensembles import Ensemble
from fer_utils.reporting.ensembles import ensemble_facts
from fer_utils.reporting.people import people_of, people_table
from fer_utils.reporting.results import RecipeRuns, recipe_facts
from fer_utils.runs import RunStore

TABLES = sorted((paths.REPORTS / "people").glob("*.csv"))


def few_people() -> object:
    """Return made-up faces of five people per split."""
    faces = tiny_dataset(data_key="few-people")
    return replace(faces, people=faces.split * 10 + np.arange(len(faces)) // 7 % 5)


@pytest.fixture
def reports(tmp_path, monkeypatch):
    (tmp_path / "people").mkdir()
    monkeypatch.setattr(paths, "REPORTS", tmp_path)
    return tmp_path


@pytest.fixture
def runs(tmp_path):
    store, faces = RunStore(tmp_path / "runs"), few_people()
    return tuple(fake_run(store, "cs230_baseline", "laptop", s, 0.6, faces) for s in range(2))


def facts_of(runs) -> dict:
    return recipe_facts(RecipeRuns(get_recipe("cs230_baseline"), "laptop", runs, 2), SAMPLES)


def test_people_come_from_the_table_of_the_data_set(reports, runs):
    faces = few_people()
    assert people_of(runs[0], "test") is None
    plain = facts_of(runs)
    people_table(faces).sample(frac=1, random_state=0).to_csv(
        reports / "people" / "few-people.csv", index=False
    )
    for split in ("valid", "test"):
        assert (people_of(runs[0], split) == faces.part(split).people).all()
    facts = facts_of(runs)
    assert (plain["test_people"], facts["test_people"]) == (None, 5)
    for split in ("valid", "test"):
        predictions = [run.predictions(split) for run in runs]
        people = faces.part(split).people
        for one, groups in ((plain, None), (facts, people)):
            expected = bootstrap_interval(predictions, 7, samples=SAMPLES, groups=groups)
            assert one[split]["none"]["accuracy"]["ci"] == expected
        assert facts[split]["none"]["accuracy"]["ci"] != plain[split]["none"]["accuracy"]["ci"]
    assert facts["tta_gain"]["flip"]["ci"] != plain["tta_gain"]["flip"]["ci"]
    assert facts["tta_gain"]["flip"]["mean"] == plain["tta_gain"]["flip"]["mean"]
    pair = Ensemble("pair", "A pair", ("cs230_baseline",), all_seeds=True)
    voted = ensemble_facts(pair, {"cs230_baseline": runs}, np.zeros(70, bool), SAMPLES)
    (reports / "people" / "few-people.csv").unlink()
    before = ensemble_facts(pair, {"cs230_baseline": runs}, np.zeros(70, bool), SAMPLES)
    for split in ("valid", "test"):
        one, other = voted[split]["none"]["accuracy"], before[split]["none"]["accuracy"]
        assert one["mean"] == other["mean"]
        assert one["ci"] != other["ci"]


def test_a_table_that_lacks_images_is_refused(reports, runs):
    table = people_table(few_people())
    table[:-3].to_csv(reports / "people" / "few-people.csv", index=False)
    assert len(people_of(runs[0], "valid")) == 70
    with pytest.raises(RunError, match=r"few-people\.csv lacks test images of"):
        people_of(runs[0], "test")


def test_a_new_run_keeps_its_people_and_is_judged_as_it_is_kept(tmp_path, one_thread):
    faces = toy_faces()
    faces = replace(faces, people=faces.split * 100 + np.arange(len(faces)) // 4)
    run = train_or_load(RECIPE, faces, PROFILE, store=RunStore(tmp_path), progress=False)
    for split in ("valid", "test"):
        people = faces.part(split).people
        assert (people_of(run, split) == people).all()
        for mode in RECIPE.tta:
            y_true, y_prob = run.predictions(split, mode)
            again = evaluate(
                y_true, y_prob, faces.class_names, occurs_in_train=np.zeros(len(y_true), bool),
                samples=PROFILE.bootstrap_samples, groups=people,
            )  # fmt: skip
            for name in ("accuracy", "accuracy_ci", "confusion", "accuracy_unseen_ci"):
                assert run.metrics[split][mode][name] == again[name]
            assert run.metrics[split][mode]["log_loss"] == pytest.approx(again["log_loss"])


def test_accuracies_are_those_of_the_stored_predictions(tmp_path):
    """Also where an older run's metrics, made before rounding, say otherwise."""
    run = fake_run(RunStore(tmp_path), "cs230_baseline", "laptop", 0)
    y_true, y_prob = run.predictions("test")
    stored = run.metrics["test"]["none"]
    stored["accuracy"] += 1 / 70
    stored["per_class"]["fear"]["recall"] = 0.123
    measured = facts_of((run,))["test"]["none"]
    assert measured["accuracy"]["mean"] == pytest.approx((y_prob.argmax(1) == y_true).mean())
    assert measured["recall"]["fear"]["mean"] != 0.123
    assert measured["log_loss"]["mean"] == stored["log_loss"]
    assert measured["accuracy_unseen"]["mean"] == stored["accuracy_unseen"]
    stored["images_unseen"] = stored["images"]  # no copies
    measured = facts_of((run,))["test"]["none"]
    assert measured["accuracy_unseen"] == measured["accuracy"]


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_published_tables_are_the_data_sets(table):
    found = pd.read_csv(table)
    assert list(found.columns) == ["id", "person"]
    assert found["id"].is_unique
    try:
        faces = load_dataset(table.stem.rpartition("-")[0], profile=get_profile("laptop"))
    except DataMissing as missing:
        pytest.skip(str(missing))
    if faces.data_key != table.stem:
        pytest.skip(f"another version is here: {faces.data_key}")
    assert (found.to_numpy() == people_table(faces).to_numpy()).all()


def test_every_published_run_on_pictures_of_known_people_has_them():
    store = RunStore(paths.PUBLISHED_RUNS)
    found = [run for run in store.all() if run.manifest["data"]["name"] == "facial_expressions"]
    assert found
    for run in found:
        assert len(np.unique(people_of(run, "test"))) == 853
