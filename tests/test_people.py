"""People from file names, and splits in which nobody is on two sides."""

import numpy as np
import pytest

from fer_utils.datasets.people import join_people, people_of_names, split_by_person
from fer_utils.errors import DataError

SHARES = (0.7, 0.15, 0.15)


def many_people(people=400, seed=0):
    """Return people and labels with a few large people and four classes, two of them rare."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.zipf(1.8, people), 60)
    who = np.repeat(np.arange(people), sizes)
    labels = rng.choice(4, len(who), p=[0.6, 0.36, 0.03, 0.01])
    return who, labels


def test_numbered_names_are_of_one_person():
    names = ["Tony_Blair_0001.jpg", "Tony_Blair_0144.jpg", "tony-blair_3.png", "Li_Na_0001.jpg"]
    assert people_of_names(names).tolist() == [1, 1, 1, 0]


def test_other_names_are_people_of_their_own():
    names = ["portrait.jpg", "portrait2.jpg", "IMG-3.jpg", "shot_2868588k.jpg", "shot_2868582k.jpg"]
    people = people_of_names(names)
    assert len(set(people)) == 4
    assert people[3] == people[4]


def test_numbers_of_people_do_not_depend_on_the_order():
    names = np.array(["b_1.jpg", "a_1.jpg", "c.jpg", "b_2.jpg"])
    order = np.array([3, 1, 0, 2])
    assert (people_of_names(names)[order] == people_of_names(names[order])).all()
    assert people_of_names([]).shape == (0,)


def test_equal_pictures_join_people():
    people = np.array([7, 3, 3, 9, 5, 8])
    same = np.array(["x", "x", "y", "y", "z", "w"])
    assert join_people(people, same).tolist() == [3, 3, 3, 3, 5, 8]
    assert join_people(people, np.arange(6)).tolist() == people.tolist()


def test_nobody_is_in_two_splits_and_shares_are_close():
    people, labels = many_people()
    split = split_by_person(people, labels, SHARES, seed=0)
    assert split.dtype == np.uint8
    for person in np.unique(people):
        assert len(set(split[people == person])) == 1
    for label in range(4):
        counts = np.bincount(split[labels == label], minlength=3)
        total = counts.sum()
        assert np.abs(counts - np.array(SHARES) * total).max() <= max(2, 0.05 * total)


def test_rare_classes_occur_in_every_split():
    people, labels = np.arange(103), np.zeros(103, int)
    labels[50:53] = 1  # three people for three splits
    split = split_by_person(people, labels, SHARES, seed=3)
    assert set(split[labels == 1]) == {0, 1, 2}


def test_the_order_of_the_rows_plays_no_part_and_the_seed_does():
    people, labels = many_people()
    split = split_by_person(people, labels, SHARES, seed=0)
    order = np.random.default_rng(1).permutation(len(people))
    assert (split_by_person(people[order], labels[order], SHARES, seed=0) == split[order]).all()
    assert (split_by_person(people, labels, SHARES, seed=1) != split).any()


@pytest.mark.parametrize("shares", [(0.7, 0.2), (0.5, 0.5, 0.0), (1.2, -0.1, -0.1), ()])
def test_shares_must_be_shares(shares):
    with pytest.raises(DataError, match="shares"):
        split_by_person(np.arange(9), np.zeros(9, int), shares, seed=0)


def test_fewer_people_than_splits():
    with pytest.raises(DataError, match="2 people can't be split into 3 parts"):
        split_by_person(np.array([0, 0, 1]), np.zeros(3, int), SHARES, seed=0)
