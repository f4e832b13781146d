"""FER+: the file of votes, its fit to FER2013's rows, and the authors' majority protocol."""

from dataclasses import replace

import numpy as np
import pytest

from fer_utils import paths
from fer_utils.datasets import fer2013, load_dataset
from fer_utils.datasets.base import FaceDataset
from fer_utils.datasets.fer2013 import load_fer2013
from fer_utils.datasets.ferplus import (
    as_ferplus,
    attach_votes,
    load_votes,
    majority,
    vote_distribution,
)
from fer_utils.errors import DataError
from fer_utils.files import sha256_file
from fer_utils.labels import FER2013_CLASSES, FERPLUS_VOTES, SPLITS

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
ROWS = [
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
    "Training,,0,0,0,0,0,0,0,0,0,10",
    "PublicTest,fer0000002.png,0,10,0,0,0,0,0,0,0,0",
    "PrivateTest,fer0000003.png,0,0,6,0,0,0,4,0,0,0",
]
SPLIT = np.array([0, 0, 1, 2], dtype=np.uint8)


def write(folder, rows=ROWS, header=HEADER, end="\n"):
    path = folder / "fer2013new.csv"
    path.write_bytes("".join(line + end for line in [header, *rows]).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_votes_follow_the_file(tmp_path, end):
    votes = load_votes(write(tmp_path, end=end), 4, SPLIT)
    assert votes.dtype == np.uint8
    assert votes.tolist() == [
        [4, 0, 0, 1, 3, 2, 0, 0, 0, 0],
        [0] * 9 + [10],
        [0, 10] + [0] * 8,
        [0, 0, 6, 0, 0, 0, 4, 0, 0, 0],
    ]


def changed(row: int, old: str, new: str) -> list[str]:
    rows = list(ROWS)
    assert old in rows[row]
    rows[row] = rows[row].replace(old, new, 1)
    return rows


BAD = {
    "row missing": ({"rows": ROWS[:3]}, "has 3 rows, but there are 4 images"),
    "order": ({"rows": [ROWS[i] for i in (0, 2, 1, 3)]}, "line 3: Usage 'PublicTest', .* in train"),
    "usage": ({"rows": changed(2, "PublicTest", "Test")}, "line 4: Usage 'Test', .* in valid"),
    "columns": ({"header": HEADER.replace(",NF", "")}, "line 1: columns .*expected 'Usage"),
    "vote order": ({"header": HEADER.replace("fear,contempt", "contempt,fear")}, "line 1: columns"),
    "short row": ({"rows": changed(3, ",0,0,0", "")}, "line 5: 9 columns, expected 12"),
    "no number": ({"rows": changed(1, ",10", ",x")}, "line 3: votes .*,x, expected whole numbers"),
    "11 votes": ({"rows": changed(1, ",10", ",11")}, "line 3: votes"),
    "negative": ({"rows": changed(0, ",4,", ",-4,")}, "line 2: votes -4,0"),
    "empty": ({"rows": [], "header": ""}, "line 1: columns"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_bad_file_is_named_with_its_line(tmp_path, content, message):
    path = write(tmp_path, **content)
    with pytest.raises(DataError, match=message) as caught:
        load_votes(path, 4, SPLIT)
    assert "fer2013new.csv" in str(caught.value)
    assert "github.com/microsoft/FERPlus" in str(caught.value)


def test_binary_or_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"fer2013new\.csv cannot be read"):
        load_votes(tmp_path / "fer2013new.csv", 4)
    (tmp_path / "fer2013new.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"fer2013new\.csv cannot be read"):
        load_votes(tmp_path / "fer2013new.csv", 4)


def test_attach_votes_keeps_the_rest_and_checks_the_length():
    images = np.zeros((4, 48, 48), np.uint8)
    labels = np.arange(4)
    dataset = FaceDataset("fer2013", "s", "h", "k", images, labels, SPLIT, FER2013_CLASSES)
    votes = np.arange(40, dtype=np.uint8).reshape(4, 10) % 10
    attached = attach_votes(dataset, votes)
    np.testing.assert_array_equal(attached.votes, votes)
    assert attached.images is images
    assert attached.part("test").votes.tolist() == votes[3:].tolist()
    with pytest.raises(DataError, match="4 images but votes"):
        attach_votes(dataset, votes[:3])


def votes_of(**named: int) -> list[int]:
    return [named.get(name, 0) for name in FERPLUS_VOTES]


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        (votes_of(happiness=10), "happiness"),
        (votes_of(neutral=5, sadness=5), None),  # exactly half is not more than half
        (votes_of(neutral=5, sadness=4, fear=1), "neutral"),  # the single vote does not count
        (votes_of(neutral=4, sadness=3, fear=3), None),
        (votes_of(neutral=4, sadness=2, fear=1, anger=1, disgust=1, contempt=1), "neutral"),
        (votes_of(neutral=5, unknown=5), None),
        (votes_of(neutral=4, unknown=3, NF=3), None),  # unknown and NF count in the total
        (votes_of(unknown=9, neutral=1), None),
        (votes_of(NF=10), None),
        (votes_of(contempt=7, neutral=3), "contempt"),
        (votes_of(**dict.fromkeys(FERPLUS_VOTES, 1)), None),  # nothing is left
    ],
)
def test_majority_protocol(votes, label):
    expected = -1 if label is None else FERPLUS_VOTES.index(label)
    result = majority(np.array([votes], dtype=np.uint8))
    assert result.dtype == np.int64
    assert result.tolist() == [expected]


def write_fer2013(folder, usages):
    pixels = " ".join(["7"] * 2304)
    rows = "".join(f"{i % 7},{pixels},{usage}\n" for i, usage in enumerate(usages))
    (folder / "fer2013.csv").write_text("emotion,pixels,Usage\n" + rows)


@pytest.mark.filterwarnings("ignore:.*unknown copy")
def test_votes_are_attached_when_the_file_lies_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path)
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    write_fer2013(tmp_path, ["Training", "Training", "PublicTest", "PrivateTest"])
    assert load_dataset("fer2013").votes is None
    path = write(tmp_path)
    assert load_dataset("fer2013").votes.tolist() == load_votes(path, 4).tolist()


@pytest.mark.filterwarnings("ignore:.*unknown copy")
def test_votes_beside_the_file_that_is_read_come_first(tmp_path, monkeypatch):
    raw, own = tmp_path / "raw", tmp_path / "own"
    raw.mkdir()
    own.mkdir()
    monkeypatch.setattr(paths, "DATA_RAW", raw)
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    write_fer2013(own, ["Training", "Training", "PublicTest", "PrivateTest"])
    here = write(raw)
    assert load_fer2013(own / "fer2013.csv").votes.tolist() == load_votes(here, 4).tolist()
    beside = write(own, [row.replace(",6,", ",5,") for row in ROWS])
    found = load_fer2013(own / "fer2013.csv").votes
    assert found.tolist() == load_votes(beside, 4).tolist() != load_votes(here, 4).tolist()


@pytest.mark.filterwarnings("ignore:.*unknown copy")
def test_votes_that_do_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path)
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    write_fer2013(tmp_path, ["Training", "PublicTest", "PrivateTest"])
    write(tmp_path)
    with pytest.warns(UserWarning, match="FER\\+ votes left out: .*4 rows, but there are 3 images"):
        assert load_dataset("fer2013").votes is None
    digest = sha256_file(tmp_path / "fer2013.csv")
    monkeypatch.setattr(fer2013, "KNOWN", {digest: "official fer2013.csv"})
    with pytest.raises(DataError, match="4 rows, but there are 3 images"):
        load_fer2013(cache=tmp_path / "other")


@pytest.mark.real_data
def test_real_votes_keep_what_the_authors_keep():
    for name in ("fer2013.csv", "fer2013new.csv"):
        if not (paths.DATA_RAW / name).is_file():
            pytest.skip(f"needs data/raw/{name}")
    dataset = load_dataset("fer2013")
    labels = majority(dataset.votes)
    kept = {split: int((labels[dataset.indices(split)] >= 0).sum()) for split in SPLITS}
    assert kept == {"train": 25_060, "valid": 3_199, "test": 3_153}
    test = labels[dataset.indices("test")]
    assert np.bincount(test[test >= 0]).tolist() == [1090, 893, 396, 384, 273, 18, 83, 16]
    no_face = dataset.votes[:, FERPLUS_VOTES.index("NF")] == 10
    # 173 rows without a file name (148, 10, 15), and three more that all ten called no face
    assert [int(no_face[dataset.indices(split)].sum()) for split in SPLITS] == [150, 10, 16]


def test_ferplus_keeps_the_authors_rows_and_the_source_ids():
    votes = np.zeros((4, 10), np.uint8)
    votes[0, 1] = 10  # happiness
    votes[1, 9] = 10  # not a face
    votes[2, :2] = 5  # no majority
    votes[3, 7], votes[3, 0] = 8, 2  # contempt
    dataset = FaceDataset(
        name="fer2013",
        source="made up",
        source_hash="0" * 64,
        data_key="made-up",
        images=np.zeros((4, 2, 2), np.uint8),
        labels=np.zeros(4, np.int64),
        split=np.array([0, 0, 1, 2], np.uint8),
        class_names=("angry", "disgust"),
        ids=np.arange(10, 14),
        votes=votes,
    )
    kept = as_ferplus(dataset)
    assert kept.ids.tolist() == [10, 13]
    assert [kept.class_names[label] for label in kept.labels] == ["happiness", "contempt"]
    assert kept.split.tolist() == [0, 2]
    assert kept.data_key == "made-up"
    with pytest.raises(DataError, match="no FER\\+ votes"):
        as_ferplus(replace(dataset, votes=None))


def test_vote_distribution_drops_single_votes_and_what_is_no_expression():
    votes = np.array([[6, 2, 1, 0, 0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0, 0, 0, 5, 4]], np.uint8)
    shares = vote_distribution(votes)
    np.testing.assert_allclose(shares[0], [0.75, 0.25, 0, 0, 0, 0, 0, 0])
    assert not shares[1].any()
