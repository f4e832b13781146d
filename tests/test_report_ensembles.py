"""What the report says of ensembles comes from stored predictions, and test decides nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from report_fixtures import SAMPLES, fake_run, tiny_dataset

from fer_utils import ensembling
from fer_utils.errors import ConfigError, RunError
from fer_utils.published import load_published
from fer_utils.recipes import RECIPES
from fer_utils.recipes.ensembles import ENSEMBLES, Ensemble, get_ensemble
from fer_utils.reporting import ensembles
from fer_utils.reporting.ensembles import ensemble_facts, member_runs, stack_predictions, vote
from fer_utils.reporting.markdown import ensembles_markdown
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.reproduction import reproduction_table
from fer_utils.runs import RunStore

SEEN = np.arange(70) % 10 == 0
PAIR = Ensemble("pair", "A pair", ("cs230_baseline", "cs230_five_layer"), all_seeds=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    return {
        "cs230_baseline": [fake_run(store, "cs230_baseline", "laptop", s, 0.5) for s in range(2)],
        "cs230_five_layer": [fake_run(store, "cs230_five_layer", "laptop", 0, 0.7)],
    }


def test_members_and_missing(runs):
    found, missing = member_runs(PAIR, runs)
    assert [run.seed for run in found] == [0, 1, 0]
    assert missing == []
    found, _ = member_runs(replace(PAIR, all_seeds=False), runs)
    assert len(found) == 2
    wanting = replace(PAIR, members=(*PAIR.members, "nobody"))
    assert member_runs(wanting, runs)[1] == ["nobody"]
    assert ensemble_facts(wanting, runs, SEEN, SAMPLES) is None
    some = ensemble_facts(replace(wanting, all_members=False), runs, SEEN, SAMPLES)
    assert some["missing"] == ["nobody"]
    alone = replace(PAIR, members=("cs230_five_layer",))
    assert ensemble_facts(alone, runs, SEEN, SAMPLES) is None


def test_facts_are_those_of_the_vote(runs):
    facts = ensemble_facts(PAIR, runs, SEEN, SAMPLES)
    members, _ = member_runs(PAIR, runs)
    y_true, y_probs = stack_predictions(members, "test", "flip_and_seven")
    hits = ensembling.soft_vote(y_probs).argmax(1) == y_true
    measured = facts["test"]["flip_and_seven"]
    assert measured["accuracy"]["mean"] == pytest.approx(hits.mean())
    assert measured["accuracy_unseen"]["mean"] == pytest.approx(hits[~SEEN].mean())
    assert facts["members"] == ["cs230_baseline, seed 0", "cs230_baseline, seed 1",
                                "cs230_five_layer, seed 0"]  # fmt: skip
    assert facts["parameters"] == 3 * 1234
    assert json.loads(json.dumps(facts)) == facts
    assert "| A pair" in ensembles_markdown({"pair": facts})


@pytest.mark.parametrize("combiner", ensembling.COMBINERS)
def test_the_test_part_decides_nothing(tmp_path, runs, combiner, monkeypatch):
    """Garbage for test, labels and predictions, changes neither a fitted vote nor valid."""
    fitted = []

    def spy(name, y_true, y_probs):
        fitted.append((y_true.tobytes(), y_probs.tobytes()))
        return ensembling.COMBINERS[name](y_true, y_probs)

    monkeypatch.setattr(ensembling, "fit_combiner", spy)
    ensemble = replace(PAIR, combiner=combiner)
    clean = ensemble_facts(ensemble, runs, SEEN, SAMPLES)
    first, fitted[:] = list(fitted), []

    def poisoned(run, split, tta="none"):
        y_true, y_prob = type(run).predictions(run, split, tta)
        if split == "test":
            y_true, y_prob = np.roll(y_true, 3), y_prob[::-1]
        return y_true, y_prob

    def stacked(members, split, tta="none"):
        parts = [poisoned(run, split, tta) for run in members]
        return parts[0][0], np.stack([y_prob for _, y_prob in parts])

    monkeypatch.setattr(ensembles, "stack_predictions", stacked)
    dirty = ensemble_facts(ensemble, runs, SEEN, SAMPLES)
    assert first
    assert fitted == first
    assert dirty["valid"] == clean["valid"]
    assert dirty["test"] != clean["test"]  # it was looked at


def test_runs_of_different_data_do_not_vote(tmp_path, runs):
    store = RunStore(tmp_path)
    other = tiny_dataset()
    other = replace(other, ids=other.ids[::-1].copy())
    stranger = fake_run(store, "cs230_baseline", "laptop", 5, 0.5, other)
    with pytest.raises(RunError, match="predict different valid samples"):
        vote(PAIR, [runs["cs230_baseline"][0], stranger])


def test_published_rows_of_ensembles(runs):
    rows = (
        ("cs230-fer", "ensemble"),
        ("cs230-fer", "ensemble, FER2013"),
        ("hust-balance", "ensemble VGGFace1+2"),
    )

    def lines(results):
        table = reproduction_table(results, load_published())
        return [line for line in table.to_dict("records") if (line["project"], line["row"]) in rows]

    pending = lines({})
    assert len(pending) == 5
    assert {line["status"] for line in pending} == {"pending"}
    assert pending[0]["note"].startswith("7 of 7 members not trained: cs230_five_layer_auxiliary")
    facts = ensemble_facts(PAIR, runs, SEEN, SAMPLES)
    measured = [
        line for line in lines({"cs230_seven_auxiliary": facts}) if line["status"] == "measured"
    ]
    ours = {line["metric"]: line["ours"] for line in measured}
    accuracy = round(100 * facts["test"]["none"]["accuracy"]["mean"], 2)
    assert ours == {"test_accuracy": accuracy, "ensemble_members": 3}


def test_every_member_is_a_recipe():
    for ensemble in ENSEMBLES.values():
        assert ensemble.combiner in ensembling.COMBINERS
        assert set(ensemble.members) <= set(RECIPES), ensemble.name
        assert all(not RECIPES[name].valid_only for name in ensemble.members)
    assert get_ensemble("hust_two") is ENSEMBLES["hust_two"]
    with pytest.raises(ConfigError, match="unknown ensemble 'all'"):
        get_ensemble("all")


def test_facts_are_kept_and_found(tmp_path):
    outputs = Outputs(tmp_path)
    assert outputs.read_facts("07_ensembles") == {}
    outputs.save_facts("07_ensembles", {"pair": {"title": "A pair", "members": ["é"]}})
    assert outputs.read_facts("07_ensembles")["pair"]["members"] == ["é"]
    with pytest.raises(ConfigError, match="use a-z"):
        outputs.save_facts("07 x", {})
