"""JAFFE: person and expression from the file names, the split by person."""

import numpy as np
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.datasets import load_dataset
from fer_utils.datasets.jaffe import CODES, load_jaffe
from fer_utils.errors import DataError
from fer_utils.labels import FER2013_CLASSES, SPLITS

WOMEN = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Three pictures per woman and expression; the gray value tells the expression."""
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    folder = tmp_path / "raw" / "jaffe"
    folder.mkdir(parents=True)
    count = 0
    for woman in WOMEN:
        for code, name in CODES.items():
            for take in (1, 2, 3):
                count += 1
                gray = FER2013_CLASSES.index(name) * 30
                picture = np.full((64, 64), gray, np.uint8)
                picture[0, :2] = divmod(count, 256)  # no two files are equal
                Image.fromarray(picture).save(folder / f"{woman}.{code}{take}.{count}.tiff")
    return folder


def test_names_tell_person_and_expression(root):
    dataset = load_dataset("jaffe")
    assert dataset.images.shape == (210, 48, 48)
    assert dataset.class_counts().tolist() == [30] * 7
    assert (dataset.images[:, 24, 24] == dataset.labels * 30).all()
    assert len(set(dataset.people)) == 10
    assert dataset.repairs == ()


def test_every_split_has_people_of_its_own_and_all_classes(root):
    dataset = load_jaffe(side=8)
    people = [set(dataset.people[dataset.indices(split)]) for split in SPLITS]
    assert sorted(map(len, people)) == [1, 2, 7]
    assert len(people[0]) == 7
    assert all((dataset.class_counts(split) > 0).all() for split in SPLITS)


def test_deeper_folder_gives_the_same_data(root):
    key = load_jaffe(side=8).data_key
    (root / "jaffedbase").mkdir()
    for path in root.glob("*.tiff"):
        path.rename(root / "jaffedbase" / path.name)
    assert load_jaffe(side=8).data_key == key


def test_other_names_and_unreadable_files(root):
    Image.new("L", (8, 8)).save(root / "KA.XX1.9.tiff")
    (root / "KA.AN1.1.tiff").write_bytes(b"II*")
    assert load_jaffe(side=8).repairs == (
        "1 image whose name is none of JAFFE's left out: KA.XX1.9.tiff",
        "1 unreadable image left out: KA.AN1.1.tiff",
    )
    with pytest.raises(DataError, match=r"KA\.XX1\.9\.tiff; refused because of strict"):
        load_jaffe(side=8, strict=True)
    (root / "KA.XX1.9.tiff").unlink()
    with pytest.raises(DataError, match=r"KA\.AN1\.1\.tiff"):
        load_jaffe(side=8, strict=True)


def test_empty_class(root):
    for path in root.glob("*.FE*"):
        path.unlink()
    with pytest.raises(DataError, match="no image of fear among 180"):
        load_jaffe()


def test_missing_says_what_to_put_where(root, tmp_path):
    with pytest.raises(DataError, match=r"no JAFFE in .*zenodo.*KA\.AN1\.39\.tiff.*data/raw/jaffe"):
        load_jaffe(tmp_path / "nowhere")
