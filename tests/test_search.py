"""A search is gone on with after a kill, found again by what it searched, and refuses others'."""

from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest

from fer_utils import cli, models, search
from fer_utils.errors import ConfigError, RunBusy, RunError
from fer_utils.files import locked
from fer_utils.search import SearchPlan, SearchSpace, fold_parts, run_search
from fer_utils.search import study as study_module
from fer_utils.search.plan import describe_search, search_key
from tests.helpers import PROFILE, RECIPE, TinyNet, toy_faces

PLAN = SearchPlan(trials=5, folds=2, epochs=1, batch_size=16, startup=2)
SPACE = SearchSpace(hidden=(4, 8))
FACES = toy_faces()
SEARCHED = replace(RECIPE, name="searched", model="tiny", augmentation="none", ema_decay=0.0)


@pytest.fixture(autouse=True)
def tiny_nets(monkeypatch):
    for hidden in SPACE.hidden:
        monkeypatch.setitem(models.MODELS, f"tiny_{hidden}", TinyNet)


def run(folder, recipe=SEARCHED, plan=PLAN, dataset=FACES, **options):
    return run_search(
        recipe, dataset, PROFILE, plan=plan, space=SPACE, folders=[folder], progress=False,
        **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for hidden in SPACE.hidden:
            patch.setitem(models.MODELS, f"tiny_{hidden}", TinyNet)
        return run(tmp_path_factory.mktemp("whole"))


def test_trials_are_within_the_space_and_the_best_is_a_complete_one(whole):
    trials = whole.trials
    assert trials["trial"].tolist() == list(range(PLAN.trials))
    assert trials["hidden"].isin(SPACE.hidden).all()
    for name in ("learning_rate", "weight_decay"):
        assert trials[name].between(*getattr(SPACE, name)).all()
    complete = trials[trials["state"] == "complete"]
    assert complete[["fold_1", "fold_2"]].notna().all(axis=None)
    assert trials[trials["state"] == "pruned"]["fold_2"].isna().all()
    assert whole.best["accuracy"] == pytest.approx(complete["accuracy"].max(), rel=1e-5)
    means = complete[["fold_1", "fold_2"]].mean(axis=1)
    assert np.allclose(means, complete["accuracy"], atol=1e-5)


def test_a_stored_search_is_found_and_not_repeated(whole, monkeypatch):
    monkeypatch.setattr(study_module, "train", None)  # calling it would fail
    again = run(whole.path.parent)
    pd.testing.assert_frame_equal(again.trials, whole.trials)
    same = replace(SEARCHED, learning_rate=9.0, weight_decay=0.5)  # what is searched
    assert run(whole.path.parent, same).facts == whole.facts
    other = replace(SEARCHED, label_smoothing=0.3)
    described = describe_search(other, FACES.data_key, PLAN, SPACE)
    assert search_key(described) != whole.facts["key"]


def test_a_killed_search_goes_on_as_if_it_had_not_been(whole, tmp_path, monkeypatch):
    calls, honest = [], study_module.train

    def killed(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return honest(*arguments, **options)

    monkeypatch.setattr(study_module, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert not list(tmp_path.glob("*.json"))
    # a process that is killed outright leaves its trial running
    (path,) = tmp_path.glob("*.db")
    left = optuna.load_study(study_name="search", storage=f"sqlite:///{path}")
    left.ask()
    resumed = run(tmp_path)
    pd.testing.assert_frame_equal(
        resumed.trials.drop(columns="seconds"), whole.trials.drop(columns="seconds")
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": replace(SEARCHED, label_smoothing=0.3)}, "recipe differ"),
        ({"plan": replace(PLAN, epochs=2)}, "plan differ"),
        ({"dataset": toy_faces(seed=1)}, "data differ"),
    ],
)
def test_the_study_file_of_another_search_is_refused(whole, changed, message, tmp_path):
    (path,) = whole.path.parent.glob("*.db")
    with pytest.raises(ConfigError, match=f"study of another search: {message}.*search anew"):
        run(tmp_path, study=path, **changed)


def test_a_file_that_is_no_study_is_refused(tmp_path):
    path = tmp_path / "mine.db"
    path.write_text("not a database, by far")
    with pytest.raises(ConfigError, match=r"mine.db can't be read as a study .* delete it"):
        run(tmp_path, study=path)


def test_one_process_searches_at_a_time(tmp_path):
    path = tmp_path / "mine.db"
    with locked(path.with_suffix(".lock")), pytest.raises(RunBusy, match=r"mine\.db"):
        run(tmp_path, study=path)


def test_a_loss_that_is_not_finite_ends_the_trial_and_not_the_search(tmp_path, monkeypatch):
    honest = study_module.train

    def diverging(recipe, *arguments, **options):
        if recipe.model == "tiny_8":
            raise RunError("the loss is not finite")
        return honest(recipe, *arguments, **options)

    monkeypatch.setattr(study_module, "train", diverging)
    found = run(tmp_path).trials.set_index("hidden")
    assert (found.loc[[8], "state"] == "pruned").all()
    assert found.loc[[8], "accuracy"].isna().all()
    assert (found.loc[[4], "state"] == "complete").any()
    monkeypatch.setitem(models.MODELS, "tiny_4", models.MODELS["tiny_8"])
    with pytest.raises(RunError, match="no trial of the search was completed"):
        run_search(
            SEARCHED, FACES, PROFILE, plan=PLAN, space=SearchSpace(hidden=(8,)),
            folders=[tmp_path / "none"], progress=False,
        )  # fmt: skip


def test_published_searches_are_whole_or_refused(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(search, "PUBLISHED_SEARCHES", tmp_path)
    assert cli.main(["publish", str(whole.path)]) == 0
    assert capsys.readouterr().out == f"{whole.path.name}\n"
    copy = search.open_search(tmp_path / whole.path.name)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".json"]
    pd.testing.assert_frame_equal(copy.trials, whole.trials)
    table = copy.path.with_suffix(".csv")
    table.write_text(table.read_text().replace("complete", "finished"))
    with pytest.raises(RunError, match=r"searched-.*\.csv: the search is damaged .* delete both"):
        run(tmp_path)


def test_folds_are_of_the_subset_disjoint_and_hold_the_classes_shares():
    faces = toy_faces(210)
    train = faces.part("train")
    parts = fold_parts(train, replace(PLAN, images=105, folds=3))
    held_out = np.concatenate([part.ids for _, part in parts])
    assert len(held_out) == len(set(held_out)) == 105
    assert set(held_out) < set(train.ids)
    for rest, part in parts:
        assert not set(rest.ids) & set(part.ids)
        assert set(rest.ids) | set(part.ids) == set(held_out)
        assert (part.class_counts() == 5).all()
    assert sum(len(part) for _, part in fold_parts(train, PLAN)) == 210


def test_a_profile_without_a_plan_says_so(tmp_path):
    with pytest.raises(ConfigError, match="profile 'tiny' has no search plan"):
        run_search(SEARCHED, FACES, PROFILE, folders=[tmp_path])
