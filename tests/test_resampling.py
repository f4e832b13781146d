"""Resampling adds images for the classes that have few, to train alone, the same every time."""

from dataclasses import replace

import numpy as np
import pytest

from fer_utils.balancing import resampling
from fer_utils.balancing.neighbors import PixelNeighbors, highest_correlation, nearest_real
from fer_utils.balancing.resampling import METHODS, is_made, resample
from fer_utils.errors import ConfigError, DataError
from tests.helpers import toy_faces

COUNTS = np.array([20, 8, 9, 30, 12, 14, 16])


@pytest.fixture
def part(request):
    """A train part with `COUNTS` images per class: noise, so that classes lie mixed.

    Where a tenth of the largest class is asked for, the largest is larger.
    """
    generator = np.random.default_rng(0)
    counts = COUNTS.copy()
    if "augmented_small" in request.node.name:
        counts[3] = 130
    n = counts.sum()
    return replace(
        toy_faces(train=n).part("train"),
        images=generator.integers(0, 256, (n, 8, 8), dtype=np.uint8),
        labels=generator.permutation(np.repeat(np.arange(7), counts)),
        votes=np.zeros((n, 10), np.uint8),
    )


def bits(dataset) -> bytes:
    return dataset.images.tobytes() + dataset.labels.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_originals_come_first_and_made_images_are_marked(part, method, tmp_path):
    made = resample(part, method, 0, cache=tmp_path)
    n = len(part)
    np.testing.assert_array_equal(made.images[:n], part.images)
    np.testing.assert_array_equal(made.labels[:n], part.labels)
    np.testing.assert_array_equal(made.ids[:n], part.ids)
    np.testing.assert_array_equal(is_made(made), np.arange(len(made)) >= n)
    assert len(made) > n
    assert len(np.unique(made.ids)) == len(made)
    assert made.votes is None
    assert set(made.split) == {0}


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides(part, method, tmp_path):
    first = resample(part, method, 1, cache=tmp_path / "a")
    assert bits(resample(part, method, 1, cache=tmp_path / "b")) == bits(first)
    assert bits(resample(part, method, 2, cache=tmp_path / "a")) != bits(first)


@pytest.mark.parametrize("method", ["random_over", "smote"])
def test_all_classes_become_as_large_as_the_largest(part, method, tmp_path):
    made = resample(part, method, 0, cache=tmp_path)
    assert (made.class_counts() == COUNTS.max()).all()


def test_adasyn_makes_no_image_of_the_largest_class(part, tmp_path):
    counts = resample(part, "adasyn", 0, cache=tmp_path).class_counts()
    assert counts[3] == COUNTS[3]
    assert (np.delete(counts, 3) > np.delete(COUNTS, 3)).all()


def test_random_over_copies_images_of_the_same_class(part):
    made = resample(part, "random_over", 0)
    label_of = {
        image.tobytes(): label for image, label in zip(part.images, part.labels, strict=True)
    }
    for position in np.flatnonzero(is_made(made)):
        assert label_of[made.images[position].tobytes()] == made.labels[position]


def test_smote_images_lie_between_two_of_their_class(part, tmp_path):
    made = resample(part, "smote", 0, cache=tmp_path)
    rare = is_made(made) & (made.labels == 1)
    own = part.images[part.labels == 1].astype(float)
    for image in made.images[rare].astype(float):
        # the shortest way over two images of the class leads straight through it
        to = np.sqrt(((own - image) ** 2).sum((1, 2)))
        between = np.sqrt(((own[:, None] - own[None]) ** 2).sum((2, 3)))
        detour = to[:, None] + to[None] - between
        np.fill_diagonal(detour, np.inf if to.min() > 1 else 0)
        assert detour.min() < 0.05 * between.max()


def test_augmented_rare_changes_the_rarest_class_alone(part):
    made = resample(part, "augmented_rare", 0)
    assert made.class_counts().tolist() == [20, 9, 9, 30, 12, 14, 16]
    many = replace(part, labels=np.where(part.labels == 2, 0, part.labels))
    many = many.take(np.flatnonzero(many.labels != 2))
    with pytest.raises(DataError, match="class 'fear' has 0 train images"):
        resample(many, "augmented_rare", 0)


def test_augmented_copies_are_of_bytes_and_differ(part):
    few = part.take(np.flatnonzero((part.labels != 1) | (np.cumsum(part.labels == 1) <= 2)))
    made = resample(few, "augmented_rare", 0)
    new = made.images[is_made(made)]
    assert new.dtype == np.uint8
    assert len(new) == 7
    assert len({image.tobytes() for image in new}) == 7
    originals = few.images[few.labels == 1]
    assert not {image.tobytes() for image in new} & {image.tobytes() for image in originals}


@pytest.mark.parametrize("split", ["valid", "test"])
def test_other_splits_are_refused(part, split, tmp_path):
    whole = toy_faces()
    mixed = whole.take(np.concatenate([whole.indices("train"), whole.indices(split)]))
    with pytest.raises(DataError, match=f"images of {split} must not be resampled"):
        resample(mixed, "smote", 0, cache=tmp_path)


@pytest.mark.parametrize(("method", "need"), [("smote", 9), ("adasyn", 9), ("random_over", 1)])
def test_too_few_images_are_named_with_count_and_need(part, method, need, tmp_path):
    if need == 1:
        part = part.take(np.flatnonzero(part.labels != 1))
    has = 0 if need == 1 else 8
    with pytest.raises(DataError, match=f"class 'disgust' has {has} .*{method} needs {need}"):
        resample(part, method, 0, neighbors=8, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_method_lists_the_known_ones(part):
    with pytest.raises(ConfigError, match="'smoot'; known: adasyn, augmented_rare"):
        resample(part, "smoot", 0)


def test_adasyn_without_other_classes_near_says_so(part, tmp_path):
    images = (30 * part.labels[:, None, None] + np.zeros((8, 8))).astype(np.uint8)
    with pytest.raises(DataError, match="adasyn makes nothing of these"):
        resample(replace(part, images=images), "adasyn", 0, cache=tmp_path)


def test_results_are_kept_by_content(part, tmp_path, monkeypatch):
    calls = []
    build = resampling._by_neighbors
    monkeypatch.setattr(
        resampling, "_by_neighbors", lambda *given: (calls.append(given), build(*given))[1]
    )
    first = resample(part, "smote", 0, cache=tmp_path)
    assert bits(resample(part, "smote", 0, cache=tmp_path)) == bits(first)
    assert len(calls) == 1
    changed = part.images.copy()
    changed[0, 0, 0] ^= 1
    resample(replace(part, images=changed), "smote", 0, cache=tmp_path)
    resample(replace(part, labels=np.roll(part.labels, 1)), "smote", 0, cache=tmp_path)
    resample(part, "smote", 0, neighbors=3, cache=tmp_path)
    assert len(calls) == 4


def test_a_damaged_result_is_made_again(part, tmp_path):
    first = resample(part, "smote", 0, cache=tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / "images.npy").write_bytes(b"half")
    assert bits(resample(part, "smote", 0, cache=tmp_path)) == bits(first)


def test_nearest_real_are_the_nearest_in_order(part):
    made = np.clip(part.images[[5, 9]].astype(int) + 1, 0, 255).astype(np.uint8)
    found = nearest_real(made, part.images, 3)
    assert found[:, 0].tolist() == [5, 9]
    gaps = ((part.images[None].astype(float) - made[:, None]) ** 2).sum((2, 3))
    np.testing.assert_array_equal(found, np.argsort(gaps, axis=1)[:, :3])


def test_correlation_knows_copies_and_relit_copies(part):
    real = part.images
    relit = (real[3] // 2 + 40).astype(np.uint8)
    flat = np.full_like(real[0], 90)
    found = highest_correlation(np.stack([real[5], relit, 255 - real[5], flat]), real)
    np.testing.assert_allclose(found[:2], 1, atol=1e-3)
    assert found[2] < 0.9
    assert found[3] == 0


def test_a_search_in_chunks_is_the_same(monkeypatch):
    rows = np.random.default_rng(0).random((50, 9)).astype(np.float32)
    search = PixelNeighbors(4).fit(rows)
    whole = search.kneighbors(rows)
    monkeypatch.setattr("fer_utils.balancing.neighbors._CHUNK", 7)
    for ours, theirs in zip(search.kneighbors(rows), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_array_equal(search.kneighbors(rows, return_distance=False), whole[1])


def test_augmented_small_brings_each_class_to_a_tenth_of_the_largest(part):
    counts = part.class_counts()
    assert counts.min() < counts.max() // 10
    made = resample(part, "augmented_small", 0).class_counts()
    assert made.tolist() == np.maximum(counts, counts.max() // 10).tolist()
