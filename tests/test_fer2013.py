"""FER2013: every accepted form, every kind of bad file, and the cache."""

import errno
import hashlib
import io
import json
import logging
import os
import sys
import tarfile
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_utils import datasets, paths
from fer_utils.datasets import cache, fer2013, load_dataset, resolve_dataset_name
from fer_utils.datasets.cache import cached_arrays
from fer_utils.datasets.fer2013 import COMPETITION, KNOWN, load_fer2013
from fer_utils.errors import ConfigError, DataError
from fer_utils.files import locked
from fer_utils.labels import FER2013_CLASSES
from fer_utils.profiles import get_profile

HEADER = "emotion,pixels,Usage"
USAGES = ("Training",) * 4 + ("PublicTest", "PrivateTest")
LABELS = (0, 3, 6, 3, 1, 5)


def make_images(count: int = len(USAGES)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def make_rows() -> list[str]:
    return [
        f"{label},{' '.join(map(str, image.ravel()))},{usage}"
        for label, image, usage in zip(LABELS, make_images(), USAGES, strict=True)
    ]


def make_csv(rows: list[str] | None = None, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(line + end for line in [header, *(rows or make_rows())]).encode()


@pytest.fixture
def raw(tmp_path, monkeypatch) -> Path:
    """Empty data/raw and data/cache of this test's own; unknown copies raise no warning."""
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    (tmp_path / "raw").mkdir()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*unknown copy")
        yield tmp_path / "raw"


def write(raw: Path, data: bytes, name: str = "fer2013.csv") -> Path:
    path = raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tar_bytes(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def check_rows(dataset) -> None:
    np.testing.assert_array_equal(dataset.images, make_images())
    assert dataset.labels.tolist() == list(LABELS)
    assert dataset.labels.dtype == np.int64
    assert dataset.split.tolist() == [0, 0, 0, 0, 1, 2]
    assert dataset.class_names == FER2013_CLASSES


# --- accepted forms ---


@pytest.mark.parametrize(
    "data",
    [
        make_csv(),
        make_csv(end="\r\n"),
        make_csv().rstrip(b"\n"),
        make_csv() + b"\n",
        b"\xef\xbb\xbf" + make_csv(),
        make_csv(
            [row.replace(",", ',"', 1)[::-1].replace(",", ',"', 1)[::-1] for row in make_rows()]
        ),
        make_csv(
            [",".join(np.array(row.split(","))[[0, 2, 1]]) for row in make_rows()],
            header="emotion, Usage, pixels",
        ),
    ],
    ids=["lf", "crlf", "no final newline", "blank line", "bom", "quoted", "other column order"],
)
def test_csv_forms_give_the_same_rows(raw, data):
    write(raw, data)
    check_rows(load_dataset("fer2013"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("fer2013.tar.gz", tar_bytes({"fer2013/README": b"x", "fer2013/fer2013.csv": make_csv()})),
        ("fer2013.tar.gz", tar_bytes({"fer2013.csv": make_csv()}, mode="w")),
        ("fer2013.zip", zip_bytes({"fer2013.csv": make_csv()})),
        ("fer2013.zip", zip_bytes({"a/b/fer2013.csv": make_csv()})),
        (
            f"{COMPETITION}.zip",
            zip_bytes({"fer2013.tar.gz": tar_bytes({"fer2013.csv": make_csv()})}),
        ),
        ("fer2013/fer2013.csv", make_csv()),
    ],
    ids=["tar.gz", "plain tar", "zip", "deep zip", "competition zip", "inner folder"],
)
def test_archives_and_inner_folder(raw, name, data):
    write(raw, data, name)
    dataset = load_dataset("fer2013")
    check_rows(dataset)
    assert dataset.source_hash == hashlib.sha256(make_csv()).hexdigest()


def test_csv_is_preferred_to_an_archive(raw):
    write(raw, b"not an archive", "fer2013.tar.gz")
    write(raw, make_csv())
    check_rows(load_dataset("fer2013"))


def test_explicit_path_to_file_or_folder(raw, tmp_path):
    path = write(tmp_path / "elsewhere", make_csv(), "faces.csv")
    check_rows(load_fer2013(path))
    write(tmp_path / "other", make_csv())
    check_rows(load_fer2013(tmp_path / "other"))
    with pytest.raises(DataError, match=r"nowhere\.csv does not exist"):
        load_fer2013(tmp_path / "nowhere.csv")


def test_known_files_share_a_data_key_and_say_which_they_are(raw, monkeypatch):
    forms = {"official": make_csv(), "official, CRLF": make_csv(end="\r\n")}
    known = {hashlib.sha256(data).hexdigest(): source for source, data in forms.items()}
    monkeypatch.setattr(fer2013, "KNOWN", known)
    for source, data in forms.items():
        write(raw, data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dataset = load_dataset("fer2013")
        assert (dataset.data_key, dataset.source) == ("fer2013", source)


def test_unknown_copy_warns_and_its_key_follows_the_content(raw):
    keys = []
    other_label = make_rows()
    other_label[0] = "1" + other_label[0][1:]
    for data in (make_csv(), make_csv(end="\r\n"), make_csv(other_label)):
        write(raw, data)
        with pytest.warns(UserWarning, match=r"unknown copy of FER2013 .* 6 rows"):
            dataset = load_dataset("fer2013")
        assert dataset.source == "unknown copy of fer2013.csv"
        keys.append(dataset.data_key)
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("fer2013-")
    assert len(keys[0]) == len("fer2013-") + 16


# --- bad files ---


def damaged(line: int, old: str, new: str) -> bytes:
    rows = make_rows()
    assert old in rows[line - 2]
    rows[line - 2] = rows[line - 2].replace(old, new, 1)
    return make_csv(rows)


def pixel_replaced(value: str) -> bytes:
    rows = make_rows()
    emotion, pixels, usage = rows[2].split(",")
    rows[2] = f"{emotion},{' '.join([*pixels.split()[:9], value, *pixels.split()[10:]])},{usage}"
    return make_csv(rows)


def pixel_dropped() -> bytes:
    rows = make_rows()
    rows[2] = rows[2].replace(" ", ",", 1).split(",", 2)[0] + "," + rows[2].split(" ", 1)[1]
    return make_csv(rows)


BAD_CSV = {
    "2303 pixels": (pixel_dropped(), "line 4: 2303 pixels, expected 2304"),
    "pixel 256": (pixel_replaced("256"), "line 4: pixel 10 is '256', expected a whole number"),
    "pixel x": (pixel_replaced("x"), "line 4: pixel 10 is 'x'"),
    "pixel -1": (pixel_replaced("-1"), "line 4: pixel 10 is '-1'"),
    "pixel 1.5": (pixel_replaced("1.5"), "line 4: pixel 10 is '1.5'"),
    "pixel huge": (pixel_replaced(str(2**64 + 5)), "line 4: pixel 10 is '18446744073709551621'"),
    "emotion 7": (damaged(5, "3,", "7,"), "line 5: emotion '7', expected 0 to 6"),
    "no emotion": (damaged(5, "3,", ","), "line 5: emotion ''"),
    "usage": (damaged(6, "PublicTest", "Test"), "line 6: Usage 'Test', expected Training"),
    "no pixels": (make_csv(["0,,Training"]), "line 2: 0 pixels, expected 2304"),
    "empty": (b"", "is empty"),
    "header only": (HEADER.encode() + b"\n", "has a header but no rows"),
    "missing column": (make_csv(header="emotion,pixels"), "line 1: no column Usage"),
    "web page": (b"<!DOCTYPE html>\n<html>", "no column emotion, pixels, Usage .*DOCTYPE html"),
    "cut in pixels": (make_csv()[:-5000], "line 7: 2 columns, expected 3 .*looks cut off"),
    "cut in usage": (make_csv()[:-5], "line 7: Usage 'Private', .*looks cut off"),
    "cut at a line": (make_csv(make_rows()[:5]), "5 rows but none with Usage PrivateTest"),
}


@pytest.mark.parametrize(("data", "message"), BAD_CSV.values(), ids=BAD_CSV.keys())
def test_bad_csv_is_named_with_its_line(raw, data, message):
    write(raw, data)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("fer2013")
    assert "fer2013.csv" in str(caught.value)
    assert "get the file again" in str(caught.value)
    assert not (paths.DATA_CACHE / "fer2013").exists()


BAD_ARCHIVE = {
    "tar, no archive": ("fer2013.tar.gz", b"hello" * 500, "damaged or cut off"),
    "zip, no archive": ("fer2013.zip", b"hello" * 500, "damaged or cut off"),
    "tar, empty": ("fer2013.tar.gz", b"", "damaged or cut off"),
    "tar, cut": ("fer2013.tar.gz", tar_bytes({"fer2013.csv": make_csv()})[:-9000], "cut off"),
    "plain tar, cut": (
        "fer2013.tar.gz",
        tar_bytes({"fer2013.csv": make_csv()}, mode="w")[:20_000],
        "cut off",
    ),
    "zip, cut": ("fer2013.zip", zip_bytes({"fer2013.csv": make_csv()})[:-9000], "cut off"),
    "tar, no csv": (
        "fer2013.tar.gz",
        tar_bytes({"train.csv": b"x"}),
        "holds no fer2013.csv .*train",
    ),
    "zip, no csv": ("fer2013.zip", zip_bytes({"test.csv": b"x"}), "holds no fer2013.csv .*test"),
}


@pytest.mark.parametrize(("name", "data", "message"), BAD_ARCHIVE.values(), ids=BAD_ARCHIVE.keys())
def test_bad_archive_is_named(raw, name, data, message):
    write(raw, data, name)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("fer2013")
    assert name in str(caught.value)
    assert "get the file again" in str(caught.value)


def test_renamed_file_lists_what_was_found_and_what_is_expected(raw):
    write(raw, make_csv(), "train.csv")
    with pytest.raises(DataError, match=r"found: train\.csv\); expected fer2013\.csv, .*kaggle"):
        load_dataset("fer2013")


# --- folder of JPEGs ---


def make_folder(root: Path, per_class: int = 10) -> None:
    images = iter(make_images(7 * (per_class + 2)))
    for part, count in (("train", per_class), ("test", 2)):
        for name in FER2013_CLASSES:
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(next(images)).save(root / part / name / f"{number}.jpg")


@pytest.mark.parametrize("inner", [".", "fer2013"])
def test_folder_of_jpegs(raw, inner):
    make_folder(raw / inner)
    dataset = load_dataset("fer2013")
    assert dataset.images.shape == (84, 48, 48)
    assert dataset.class_counts("train").tolist() == [9] * 7
    assert dataset.class_counts("valid").tolist() == [1] * 7
    assert dataset.class_counts("test").tolist() == [2] * 7
    assert "test is PublicTest and PrivateTest merged, not PrivateTest" in dataset.source
    assert dataset.data_key == f"fer2013-{dataset.source_hash[:16]}"
    fear = np.asarray(Image.open(raw / inner / "train" / "fear" / "0.jpg"))
    at_fear = dataset.images[np.flatnonzero(dataset.labels == 2)]
    np.testing.assert_array_equal(at_fear[0], fear)


def test_folder_split_is_repeatable_and_a_changed_image_is_noticed(raw, tmp_path):
    make_folder(raw)
    first = load_dataset("fer2013")
    again = load_fer2013(raw, cache=tmp_path / "second")
    np.testing.assert_array_equal(first.split, again.split)
    Image.fromarray(make_images(1)[0] // 2).save(raw / "test" / "sad" / "0.jpg")
    assert load_dataset("fer2013").data_key != first.data_key


def test_bad_folders_are_named(raw):
    make_folder(raw)
    picture = raw / "train" / "sad" / "3.jpg"
    good = picture.read_bytes()
    picture.write_bytes(good[:200])
    with pytest.raises(DataError, match=r"sad/3\.jpg is no readable image"):
        load_dataset("fer2013")
    Image.fromarray(np.zeros((50, 40), np.uint8)).save(picture)
    with pytest.raises(DataError, match=r"sad/3\.jpg has 40 x 50 pixels, expected 48 x 48"):
        load_dataset("fer2013")
    picture.write_bytes(good)
    (raw / "train" / "sad").rename(raw / "train" / "sadness")
    with pytest.raises(DataError, match=r"train holds the folders .*sadness.*; expected one per"):
        load_dataset("fer2013")


# --- cache ---


def forbid_reading(monkeypatch) -> None:
    def fail(path):
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(fer2013, "read_fer2013_csv", fail)


def test_second_load_comes_from_the_cache(raw, monkeypatch):
    write(raw, make_csv())
    first = load_dataset("fer2013")
    forbid_reading(monkeypatch)
    second = load_dataset("fer2013")
    check_rows(second)
    assert second.data_key == first.data_key


def test_large_arrays_are_mapped_read_only(raw):
    rows = make_rows() * 80
    dataset = load_fer2013(write(raw, make_csv(rows)))
    assert isinstance(dataset.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0, 0, 0] = 1


def test_changed_file_rebuilds_the_cache(raw):
    path = write(raw, make_csv())
    before = load_dataset("fer2013")
    stat = path.stat()
    changed = make_rows()
    changed[0] = "4" + changed[0][1:]  # same size
    write(raw, make_csv(changed))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    after = load_dataset("fer2013")
    assert (before.labels[0], after.labels[0]) == (0, 4)


def test_damaged_cache_is_rebuilt_with_a_logged_warning(raw, caplog):
    write(raw, make_csv())
    load_dataset("fer2013")
    folder = paths.DATA_CACHE / "fer2013"

    def cut_images():
        data = (folder / "images.npy").read_bytes()
        (folder / "images.npy").write_bytes(data[:-1])

    damages = [
        cut_images,
        (folder / "labels.npy").unlink,
        (folder / "meta.json").unlink,
        lambda: (folder / "meta.json").write_text("{"),
        lambda: (folder / "meta.json").write_text("[]"),
        lambda: (folder / "images.npy").write_bytes(b"x" * (folder / "images.npy").stat().st_size),
    ]
    for damage in damages:
        damage()
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            check_rows(load_dataset("fer2013"))
        assert "is damaged and is built anew" in caplog.text
    caplog.clear()
    load_dataset("fer2013")
    assert not caplog.text


@pytest.mark.parametrize("where", ["save", "replace"])
def test_full_disk_keeps_the_old_cache_and_leaves_nothing_half_written(raw, monkeypatch, where):
    write(raw, make_csv())
    load_dataset("fer2013")
    folder = paths.DATA_CACHE / "fer2013"
    old_meta = (folder / "meta.json").read_text()
    changed = make_rows()[::-1]
    write(raw, make_csv([*changed, changed[0]]))

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((np, "save") if where == "save" else (os, "replace")), full)
        with pytest.raises(
            DataError, match=r"cannot write the cache .*fer2013 .*No space .*0\.0 MB"
        ):
            load_dataset("fer2013")
    assert [p.name for p in paths.DATA_CACHE.iterdir()] == ["fer2013"]
    assert (folder / "meta.json").read_text() == old_meta
    assert len(load_dataset("fer2013")) == 7  # and it works again when there is room


def test_two_processes_may_build_the_same_cache_at_once(tmp_path):
    folder, signature = tmp_path / "cache", {"file": "a"}
    facts = {"repairs": ("one",), "name": "x"}

    def build():
        return {"numbers": np.arange(3)}, facts

    with locked(tmp_path / ".cache.lock"):  # another writes
        arrays, read = cached_arrays(folder, signature, build)
    assert arrays["numbers"].tolist() == [0, 1, 2]
    assert read == {"repairs": ["one"], "name": "x"}  # as from the file
    assert not folder.exists()  # the other's to write
    for other in ({"file": "a"}, {"file": "b"}):  # the second: as if the file had changed

        def build_after_another(other=other):
            cache._write(folder, other, {"numbers": np.arange(5)}, facts)
            return build()

        arrays, read = cached_arrays(folder, {"file": "c"}, build_after_another)
        assert arrays["numbers"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_cache_that_vanishes_after_it_was_written_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_read", lambda *_: None)  # another swaps it at that moment
    arrays, _ = cached_arrays(tmp_path / "cache", {}, lambda: ({"n": np.arange(3)}, {}))
    assert arrays["n"].tolist() == [0, 1, 2]


def test_leftovers_of_a_killed_writer_are_swept_but_not_those_of_a_living_one(raw):
    write(raw, make_csv())
    dead, living = (paths.DATA_CACHE / f".fer2013.{name}.tmp" for name in ("dead", "living"))
    for folder in (dead, living):
        folder.mkdir(parents=True)
    os.utime(dead, (0, 0))
    load_dataset("fer2013")
    assert not dead.exists()
    assert living.exists()


# --- registry ---


def test_auto_takes_fer2013_only_where_it_is(raw):
    assert resolve_dataset_name("auto") == "synthetic"
    write(raw, b"", "fer2013.tar.gz")
    assert resolve_dataset_name("auto") == "fer2013"
    assert resolve_dataset_name("synthetic") == "synthetic"


def test_auto_takes_the_folder_form(raw):
    make_folder(raw / "fer2013", per_class=1)
    assert resolve_dataset_name("auto") == "fer2013"


def test_profile_sets_the_size_of_the_synthetic_data_set(monkeypatch):
    stub = types.ModuleType("fer_utils.datasets.synthetic")
    stub.load_synthetic = lambda images="default": images
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    monkeypatch.setattr(datasets, "synthetic", stub, raising=False)
    assert load_dataset("synthetic") == "default"
    profile = get_profile("smoke")
    assert load_dataset("synthetic", profile=profile) == profile.synthetic_images


def test_unknown_data_set_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown data set 'fer'; known: .*ckplus.*fer2013"):
        load_dataset("fer")


# --- the real file ---


@pytest.mark.real_data
def test_real_file():
    if not (paths.DATA_RAW / "fer2013.csv").is_file():
        pytest.skip("needs data/raw/fer2013.csv")
    dataset = load_dataset("fer2013")
    assert dataset.source in KNOWN.values()
    assert dataset.data_key == "fer2013"
    assert dataset.images.shape == (35_887, 48, 48)
    assert dataset.class_counts("train").tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert dataset.class_counts("test").tolist() == [491, 55, 528, 879, 594, 416, 626]
    assert dataset.images[0].ravel()[:5].tolist() == [70, 80, 82, 72, 58]
    flat = dataset.images.reshape(len(dataset), -1)
    spread = flat.max(axis=1).astype(int) - flat.min(axis=1)
    assert (spread <= 10).sum() == 13  # constant, but for one that JPEG touched in the rebuilt copy
    meta = json.loads((paths.DATA_CACHE / "fer2013" / "meta.json").read_text())
    assert meta["facts"]["source_hash"] == dataset.source_hash
