"""`train`: the recipes of each data set on theirs, and what is left out and why."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from helpers import RECIPE, toy_faces

from fer_utils import train_command as module
from fer_utils.errors import ConfigError, DataError, DataMissing, RunError
from fer_utils.scheduling import Tally
from fer_utils.train_command import train_command

FACES = toy_faces()
HERE = replace(RECIPE, name="here")
THERE = replace(RECIPE, name="there", dataset="facial_expressions")
STARTED = replace(RECIPE, name="started", initial_weights="resnet18_imagenet")
ALL = {recipe.name: recipe for recipe in (HERE, THERE, STARTED)}


@pytest.fixture
def calls(monkeypatch):
    """Return what `train_all` was called for: (data set, names of recipes)."""
    seen = []

    def stand_in(recipes, dataset, profile, **options):
        seen.append((dataset.name, [recipe.name for recipe in recipes]))
        return Tally(failed=["x seed 0"] if seen[-1][1] == ["there"] else [])

    def load_source(source, main, profile):
        return replace(FACES, name=source)

    monkeypatch.setattr(module, "train_all", stand_in)
    monkeypatch.setattr(module, "load_source", load_source)
    monkeypatch.setattr(module, "has_initial_weights", lambda name: name == "random")
    monkeypatch.setattr(module, "RECIPES", ALL)
    monkeypatch.setattr(module, "get_recipe", ALL.__getitem__)
    return seen


def test_each_data_set_gets_its_recipes_and_a_failure_does_not_stop_the_next(calls, capsys):
    with pytest.raises(RunError, match="x seed 0 failed"):
        train_command(["there", "here"], "laptop", "synthetic")
    assert calls == [("facial_expressions", ["there"]), ("fer2013", ["here"])]


def test_recipes_without_initial_weights_are_left_out_and_named(calls, capsys):
    with pytest.raises(RunError):
        train_command((), "laptop", "synthetic")
    assert calls == [("fer2013", ["here"]), ("facial_expressions", ["there"])]
    assert "left out: started: no initial weights resnet18_imagenet" in capsys.readouterr().out


def test_a_recipe_asked_for_by_name_is_tried_whatever_is_missing(calls):
    train_command(["started"], "laptop", "synthetic")
    assert calls == [("fer2013", ["started"])]


def test_a_data_set_that_is_not_here_is_left_out_unless_asked_for(calls, monkeypatch, capsys):
    def load_source(source, main, profile):
        if source != "fer2013":
            raise DataMissing(f"no {source} here")
        return FACES

    monkeypatch.setattr(module, "load_source", load_source)
    train_command((), "laptop", "fer2013")
    assert calls == [("toy", ["here"])]
    assert "left out: there: no facial_expressions here" in capsys.readouterr().out
    with pytest.raises(DataMissing):
        train_command(["there"], "laptop", "fer2013")


def test_a_damaged_data_set_is_left_out_and_the_command_fails_at_the_end(
    calls, monkeypatch, capsys
):
    damaged = {"facial_expressions"}

    def load_source(source, main, profile):
        if source in damaged:
            raise DataError(f"{source} is damaged")
        return FACES

    monkeypatch.setattr(module, "load_source", load_source)
    monkeypatch.setattr(module, "RECIPES", {"there": THERE, "here": HERE})
    with pytest.raises(RunError, match="there failed"):
        train_command((), "laptop", "fer2013")
    assert calls == [("toy", ["here"])]
    assert "left out: there: facial_expressions is damaged" in capsys.readouterr().out
    with pytest.raises(DataError, match="is damaged"):
        train_command(["there"], "laptop", "fer2013")
    damaged.add("fer2013")
    with pytest.raises(DataError, match="fer2013 is damaged"):
        train_command((), "laptop", "fer2013")


def test_after_the_budget_no_data_set_is_read(calls, monkeypatch, capsys):
    clock, read = [0.0], []

    def load_source(source, main, profile):
        read.append(source)
        clock[0] += 100
        return FACES

    monkeypatch.setattr(module, "load_source", load_source)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    train_command((), "laptop", "synthetic", budget=60)
    assert read == ["fer2013"]
    assert "out of time (there not begun)" in capsys.readouterr().out
    monkeypatch.setattr(module, "_list", lambda *_: None)
    train_command((), "laptop", "synthetic", budget=60, only_list=True)  # takes no such time
    assert read[1:] == ["fer2013", "facial_expressions"]


def test_only_main_data_sets_can_be_chosen(calls):
    with pytest.raises(ConfigError, match="facial_expressions"):
        train_command((), "laptop", "facial_expressions")
