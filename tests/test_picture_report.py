"""What `make data` says of the data sets of pictures."""

import numpy as np
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.datasets.jaffe import CODES
from fer_utils.datasets.picture_report import picture_report
from fer_utils.errors import DataError


@pytest.fixture(autouse=True)
def raw(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    return tmp_path / "raw"


def test_nothing_there_says_what_to_get_and_where_to_put_it(raw):
    paragraphs = picture_report().split("\n\n")
    titles = [text.split(":")[0] for text in paragraphs]
    assert titles == ["facial_expressions", "AffectNet", "CK+", "JAFFE"]
    for text, name in zip(
        paragraphs, ("facial_expressions", "affectnet", "ckplus", "jaffe"), strict=True
    ):
        assert f"data/raw/{name}" in text
        assert "http" in text
    assert all("may not be passed on" in text for text in paragraphs[1:])
    assert not raw.exists()


def test_what_is_there_is_counted(raw):
    (raw / "jaffe").mkdir(parents=True)
    for number, woman in enumerate(("KA", "KL", "KM", "KR")):
        for place, code in enumerate(CODES):
            picture = np.full((9, 9), number * 10 + place, np.uint8)
            Image.fromarray(picture).save(raw / "jaffe" / f"{woman}.{code}1.{number}.tiff")
    Image.new("L", (9, 9)).save(raw / "jaffe" / "someone.png")
    text = picture_report().split("\n\n")[-1]
    assert "28 images of 4 people, nobody in two splits" in text
    train = next(line for line in text.splitlines() if line.split()[0] == "train")
    assert train.split() == ["train", "14", *["2"] * 7]
    assert "left out or mended: 1 image whose name is none of JAFFE's left out: someone.png" in text


def test_damaged_data_is_an_error(raw):
    (raw / "jaffe").mkdir(parents=True)
    (raw / "jaffe" / "KA.AN1.39.tiff").write_bytes(b"")
    with pytest.raises(DataError, match="no image of disgust"):
        picture_report()
