"""The model card states what the run's files say."""

import dataclasses
import json

import pytest
from report_fixtures import fake_run

from fer_utils import cli, paths, runs
from fer_utils.errors import RunError
from fer_utils.recipes import get_recipe
from fer_utils.reporting.model_card import model_card
from fer_utils.runs import RunStore, publish


@pytest.fixture
def run(tmp_path):
    run = fake_run(RunStore(tmp_path / "runs"), "cs230_five_layer", "laptop", 2, 0.6)
    run.manifest.update(commit="0123456789abcdef", dirty=False)
    return run


def test_numbers_are_those_of_the_run(run):
    card = model_card(run)
    test = run.metrics["test"]
    for mode in ("none", "flip", "flip_and_seven"):
        assert f"| {100 * test[mode]['accuracy']:.1f} [" in card
    for name, part in test["none"]["per_class"].items():
        assert f"| {name} | {part['images']} | {100 * part['recall']:.1f} [" in card
    assert "commit `0123456789ab`," in card
    assert run.manifest["weights"]["sha256"][:16] in card
    assert "random seed 2" in card
    assert "soft votes" not in card


def test_a_pupils_card_names_its_teachers(run):
    run.manifest["recipe"] |= {"teacher": ["small", "medium"]}
    assert "with the soft votes of small, medium on the training images" in model_card(run)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("small", "Trained from scratch, without data from outside."),
        ("dlib_fine_tuned", "Trained from initial weights, with data from outside behind `dlib_"),
        ("small_taught_by_dlib", "training images, with data from outside behind `dlib_"),
    ],
)
def test_a_card_names_the_weights_from_outside(run, name, says):
    run.manifest["recipe"] = dataclasses.asdict(get_recipe(name))
    assert says in model_card(run)


def test_publishing_weights_writes_the_card(run, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.publish, "__defaults__", (tmp_path / "published",))
    monkeypatch.setattr(paths, "PUBLISHED_RUNS", tmp_path / "published")
    (run.folder / "manifest.json").write_text(json.dumps(run.manifest), encoding="utf-8")
    assert cli.main(["publish", str(run.folder), "--weights"]) == 0
    folder = tmp_path / "published" / run.folder.name
    assert (folder / "weights.safetensors").exists()
    assert "# Model card: Five-layer net" in (folder / "README.md").read_text(encoding="utf-8")
    assert runs.open_run(folder).key == run.key


def test_an_ablation_has_no_card_and_is_not_published_with_one(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs.publish, "__defaults__", (tmp_path / "published",))
    del run.metrics["test"]
    monkeypatch.setattr(runs.Run, "metrics", run.metrics)
    with pytest.raises(RunError, match="measured on valid only"):
        model_card(run)
    assert cli.main(["publish", str(run.folder), "--weights"]) == 1
    assert "measured on valid only" in capsys.readouterr().err
    assert not (tmp_path / "published").exists()
    assert cli.main(["publish", str(run.folder)]) == 0


def test_weights_that_are_not_there_can_not_be_published(run, tmp_path):
    (run.folder / "weights.safetensors").unlink()
    with pytest.raises(RunError, match=r"no weights\.safetensors: train it here with"):
        publish(run, tmp_path / "published", weights=True)
    assert not list((tmp_path / "published").glob("*"))
