"""Who is in a picture, and splits in which nobody is on two sides.

A net that has seen a face in training knows it again in the test; a test of new people is the
honest one.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fer_utils.errors import DataError

#: A name with a number behind it, as in LFW: First_Last_0001.jpg (or shot_2868588k.jpg).
_NUMBERED = re.compile(r"(.+)_\d+[a-z]?", re.IGNORECASE)


def people_of_names(names: Sequence[str]) -> np.ndarray:
    """Return the person behind each file name, (N,) int64, equal for equal people.

    A name that ends in an underscore and a number (LFW's First_Last_0001.jpg) is of the person
    before the number, whatever the letters' case and the separators; any other name is a person
    of its own.  People are numbered in alphabetical order, so row order plays no part.
    """
    keys = []
    for name in names:
        stem = PurePath(name).stem
        match = _NUMBERED.fullmatch(stem)
        keys.append(re.sub(r"[-_. ]", "", match[1]).casefold() if match else f"/{stem}")
    return np.unique(np.array(keys, dtype=str), return_inverse=True)[1].astype(np.int64)


def join_people(people: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Return `people` with those made one who share a value of `same`, (N,) int64.

    people: (N,) integers.  same: (N,) anything, for example hashes of the files: the picture of
    two names is one person.  Joined people get the smallest of their numbers.
    """
    persons, who = np.unique(people, return_inverse=True)
    values, what = np.unique(same, return_inverse=True)
    n = len(persons) + len(values)
    links = coo_array((np.ones(len(who)), (who, len(persons) + what)), shape=(n, n))
    part = connected_components(links, directed=False)[1][: len(persons)]
    first = np.unique(part, return_index=True)[1]  # persons ascend: the first is the smallest
    return persons[first][np.unique(part, return_inverse=True)[1][who]].astype(np.int64)


def split_by_person(
    people: np.ndarray, labels: np.ndarray, shares: Sequence[float], seed: int
) -> np.ndarray:
    """Return the split of each image, (N,) uint8 index into `shares`: nobody is in two splits.

    people: (N,) integers, equal for images of one person.
    labels: (N,) class numbers from 0.
    shares: part of the images that each split shall get; all positive, together 1.
    seed: decides between equally good places.

    People are placed one by one, those with the rarest classes and the most images first, where
    they bring the class counts nearest to the shares (the greedy way of Sechidis et al. 2011,
    "On the stratification of multi-label data").  A class of as many people as there are splits,
    or more, occurs in each (unless two such classes pull one person to different splits).  The
    result depends on the people's numbers, not on the order of the rows.  Raises DataError for
    shares that are no shares, or fewer people than splits.
    """
    people, labels = np.asarray(people), np.asarray(labels)
    shares = np.asarray(shares, dtype=np.float64)
    if shares.ndim != 1 or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise DataError(f"shares {shares.tolist()}: expected positive numbers that sum to 1")
    persons, who = np.unique(people, return_inverse=True)
    if len(persons) < len(shares):
        raise DataError(
            f"{len(persons)} people can't be split into {len(shares)} parts: "
            "at least one person each is needed"
        )
    counts = np.zeros((len(persons), int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (who, labels), 1)
    place = _place(counts, shares, np.random.default_rng(seed))
    return place[who].astype(np.uint8)


def _place(counts: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the split of each person, (P,), from their images per class, (P, C)."""
    counts = counts[:, counts.any(axis=0)]
    totals = counts.sum(axis=0)
    target = shares[:, None] * totals
    filled = np.zeros_like(target)
    left = (counts > 0).sum(axis=0)  # people still to place, by class
    rarest = np.where(counts > 0, totals, totals.sum() + 1).min(axis=1)
    order = np.lexsort((rng.permutation(len(counts)), -counts.sum(axis=1), rarest))
    place = np.empty(len(counts), dtype=np.int64)
    for person in order:
        has = counts[person]
        # how much nearer to its targets each split gets, in units of the target
        cost = ((has - 2 * (target - filled)) * has / target).sum(axis=1)
        cost = np.round(cost, 9)  # ties are ties on every machine
        lacking = filled == 0
        urgent = np.flatnonzero((has > 0) & (lacking.sum(axis=0) >= left))
        urgent = urgent[lacking[:, urgent].any(axis=0)]
        if urgent.size:  # the last people of a class go where it does not occur yet
            cost[~lacking[:, urgent[totals[urgent].argmin()]]] = np.inf
        split = int(cost.argmin())
        place[person] = split
        filled[split] += has
        left -= has > 0
    return place
