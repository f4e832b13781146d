"""facial_expressions: the list and what is mended in it, archives, the split, the real data."""

import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.datasets import load_dataset
from fer_utils.datasets.facial_expressions import (
    find_facial_expressions,
    list_facial_expressions,
    load_facial_expressions,
)
from fer_utils.datasets.ferplus import EXPRESSIONS
from fer_utils.errors import DataError
from fer_utils.labels import SPLITS
from fer_utils.profiles import get_profile

PEOPLE = 24  # three images each, of one class


def write_legend(root, rows, header="user.id,image,emotion"):
    (root / "data").mkdir(parents=True, exist_ok=True)
    (root / "data" / "legend.csv").write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture(autouse=True)
def raw(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    return tmp_path / "raw"


@pytest.fixture
def root(raw):
    """A whole little repository: every class, labels in mixed case."""
    root = raw / "facial_expressions"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for person in range(PEOPLE):
        for number in (1, 2, 3):
            picture = rng.integers(0, 256, (12, 10, 3), np.uint8)
            Image.fromarray(picture).save(root / "images" / f"Some_One{person:02}x_{number:04}.jpg")
    write_legend(root, rows(root))
    return root


def rows(root):
    names = sorted(path.name for path in (root / "images").iterdir())
    labels = [EXPRESSIONS[i // 3 % 8] for i in range(len(names))]
    mixed = [label.upper() if i % 2 else label for i, label in enumerate(labels)]
    return [
        f"u{i},{name},{label}" for i, (name, label) in enumerate(zip(names, mixed, strict=True))
    ]


def test_loads_in_every_form(root, raw):
    assert find_facial_expressions() == root
    dataset = load_dataset("facial_expressions", profile=get_profile("smoke"))
    assert dataset.images.shape == (3 * PEOPLE, 88, 88)
    assert dataset.class_names == EXPRESSIONS
    assert dataset.class_counts().tolist() == [9] * 8
    assert dataset.repairs == ()
    for split in SPLITS:
        assert (dataset.class_counts(split) > 0).all()
    assert load_facial_expressions(root, side=10, strict=True).data_key == dataset.data_key


@pytest.mark.parametrize("kind", ["facial_expressions.tar", "facial_expressions-master.zip"])
def test_archives_need_no_unpacking(root, raw, tmp_path, kind):
    key = load_facial_expressions(root, side=8).data_key
    moved = root.rename(tmp_path / "facial_expressions-master")
    files = [path for path in moved.rglob("*") if path.is_file()]
    if kind.endswith("tar"):
        with tarfile.open(raw / kind, "w") as archive:
            archive.add(moved, "facial_expressions")
    else:
        with zipfile.ZipFile(raw / kind, "w") as archive:
            for path in files:
                archive.write(path, path.relative_to(tmp_path))
            archive.writestr("facial_expressions-master/../../images/../evil.jpg", b"")
    assert find_facial_expressions() == raw / kind
    assert load_facial_expressions(side=8).data_key == key
    assert load_facial_expressions(side=8).data_key == key  # unpacked once
    assert not list(tmp_path.rglob("evil.jpg"))


def test_damaged_archive(raw):
    raw.mkdir()
    (raw / "facial_expressions.tar").write_bytes(b"half" * 200)
    with pytest.raises(DataError, match=r"facial_expressions\.tar cannot be unpacked"):
        load_facial_expressions()
    with tarfile.open(raw / "facial_expressions.tar", "w"):
        pass
    with pytest.raises(DataError, match=r"holds no data/legend\.csv"):
        load_facial_expressions()


def test_missing_says_what_to_put_where(raw):
    with pytest.raises(DataError, match=r"muxspace.*data/raw/facial_expressions.*legend\.csv"):
        load_facial_expressions()
    raw.mkdir()
    with pytest.raises(DataError, match="no facial_expressions in"):
        load_facial_expressions(raw)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[1:], "1 image without a label left out: Some_One00x_0001.jpg"),
        (
            lambda rows: [*rows, "u,Nobody_0001.jpg,fear"],
            "1 row without its image left out: Nobody_0001.jpg",
        ),
        (
            lambda rows: [rows[0].replace("neutral", "bored"), *rows[1:]],
            "1 row with an unknown label left out: Some_One00x_0001.jpg (bored)",
        ),
        (
            lambda rows: [*rows, "u,Some_One00x_0001.jpg,fear"],
            "1 image with different labels left out: Some_One00x_0001.jpg",
        ),
        (
            lambda rows: [*rows, "u,Some_One00x_0001.jpg, Neutral"],
            "1 image listed twice with one label counted once: Some_One00x_0001.jpg",
        ),
    ],
)
def test_faults_are_mended_and_told_or_refused(root, change, told):
    write_legend(root, change(rows(root)))
    dataset = load_facial_expressions(side=8)
    assert dataset.repairs == (told,)
    assert len(dataset) == 3 * PEOPLE - (not told.startswith(("1 row without", "1 image listed")))
    with pytest.raises(DataError, match="refused because of strict=True"):
        load_facial_expressions(side=8, strict=True)


def test_unreadable_image(root):
    (root / "images" / "Some_One03x_0002.jpg").write_bytes(b"no picture")
    assert load_facial_expressions(side=8).repairs == (
        "1 unreadable image left out: Some_One03x_0002.jpg",
    )
    with pytest.raises(DataError, match=r"Some_One03x_0002\.jpg"):
        load_facial_expressions(side=8, strict=True)


@pytest.mark.parametrize(
    ("header", "extra", "message"),
    [
        ("user,image,emotion", [], r"legend\.csv, line 1: columns 'user,image,emotion', expected"),
        ("user.id,image,emotion", ["u,a.jpg"], r"legend\.csv, line 74: 2 columns, expected 3"),
    ],
)
def test_damaged_list(root, header, extra, message):
    write_legend(root, rows(root) + extra, header)
    with pytest.raises(DataError, match=message):
        load_facial_expressions()


def test_empty_class_is_named(root):
    write_legend(
        root, [row.replace("contempt", "fear").replace("CONTEMPT", "fear") for row in rows(root)]
    )
    with pytest.raises(DataError, match="no image of contempt"):
        load_facial_expressions(side=8)


def test_the_order_of_the_list_plays_no_part(root):
    before = load_facial_expressions(side=8)
    write_legend(root, rows(root)[::-1])
    after = load_facial_expressions(side=8)
    assert after.data_key == before.data_key
    assert (after.split == before.split).all()


@pytest.mark.real_data
def test_the_real_data():
    from fer_utils.paths import ROOT

    place = find_facial_expressions(ROOT / "data" / "raw")
    if place is None or place.is_file():
        pytest.skip("no data/raw/facial_expressions: see data/README.md")
    listing = list_facial_expressions(place)
    assert len(list((place / "images").iterdir())) == 13_718
    assert len((place / "data" / "legend.csv").read_text().splitlines()) == 13_690 + 1
    assert np.bincount(listing.labels).tolist() == [6864, 5693, 367, 267, 252, 208, 21, 9]
    assert [text.split(" left")[0].split(" counted")[0] for text in listing.faults] == [
        "36 images without a label",
        "1 image with different labels",
        "7 images listed twice with one label",
    ]
    dataset = load_facial_expressions(place, side=8)
    assert dataset.data_key == "facial_expressions-0fb075e41284a69f"
    assert len(dataset) == 13_681
    assert len(np.unique(dataset.people)) == 5612
    sizes = [len(dataset.indices(split)) / len(dataset) for split in SPLITS]
    assert np.abs(np.array(sizes) - (0.70, 0.15, 0.15)).max() < 0.002
    assert all((dataset.class_counts(split) > 0).all() for split in SPLITS)
