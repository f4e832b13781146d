"""What a notebook opens with: its data sets, its runs, and what it can do here."""

from dataclasses import replace

import pytest
from helpers import PROFILE, RECIPE, toy_faces

from fer_utils.errors import DataMissing, RunBusy
from fer_utils.reporting import notebook as module
from fer_utils.reporting.notebook import Notebook
from fer_utils.reporting.outputs import Outputs
from fer_utils.runs import RunStore

FACES = toy_faces()


@pytest.fixture
def nb(tmp_path, monkeypatch):
    """A notebook on FER2013 without AffectNet, with an empty run store."""
    read = []

    def load_source(source, main, profile):
        read.append(source)
        if source == "affectnet":
            raise DataMissing("no affectnet here")
        return replace(FACES, name=source)

    monkeypatch.setattr(module, "load_source", load_source)
    monkeypatch.setattr(module, "store_for", lambda profile: RunStore(tmp_path))
    monkeypatch.setattr(module, "has_initial_weights", lambda name: name == "random")
    monkeypatch.setattr(module, "profiles_searched", lambda name: ("laptop",))
    notebook = Notebook("09_eight_expressions", PROFILE, "fer2013", 0, Outputs(tmp_path))
    object.__setattr__(notebook, "read", read)
    return notebook


def test_a_notebook_is_about_the_data_set_of_its_recipes_and_reads_it_once(nb):
    assert nb.data.name == "facial_expressions"
    assert nb.data is nb.data_of("facial_expressions")
    assert nb.data_of("fer2013").name == "fer2013"
    assert nb.read == ["facial_expressions", "fer2013"]


def test_what_is_not_here_cannot_run_and_has_no_runs(nb):
    absent = replace(RECIPE, dataset="affectnet")
    assert nb.stored(absent) == ()
    assert not nb.can_run(absent)
    assert not nb.can_run(replace(RECIPE, initial_weights="resnet18_imagenet"))
    assert nb.can_run(RECIPE)
    small = replace(PROFILE, all_recipes=False)
    assert not replace(nb, profile=small).can_run(replace(RECIPE, full_only=True))


def test_stored_runs_are_those_of_the_profile_that_is_asked_for(nb, monkeypatch):
    def stored(searched, **asked):
        monkeypatch.setattr(module, "profiles_searched", lambda name: searched)
        nb.stored(RECIPE, **asked)
        return looked.pop()

    looked = []
    monkeypatch.setattr(module, "find_runs", lambda *arguments: looked.append(arguments[-1]))
    assert stored(("full", "laptop")) == ("full", "laptop")
    assert stored(("full", "laptop"), profile="laptop") == ("laptop",)
    assert stored(("smoke",), profile="laptop") == ("smoke",)


def test_a_run_that_another_process_trains_is_waited_for(nb, monkeypatch):
    answers = [RunBusy("busy"), RunBusy("busy"), ("a run",)]

    def train_seeds(*arguments, **options):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    waited = []
    monkeypatch.setattr(module, "train_seeds", train_seeds)
    monkeypatch.setattr(module.time, "sleep", waited.append)
    assert nb.runs(RECIPE) == ("a run",)
    assert len(waited) == 2
