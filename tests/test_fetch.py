"""`make data`: what it reports, what it fetches, and that it never leaves half a file."""

import hashlib
import io
import os
import sys
import urllib.error
import urllib.request

import pytest

from fer_utils import paths
from fer_utils.datasets import fer2013, fetch
from fer_utils.errors import DataError
from fer_utils.labels import SPLITS

USAGES = ("Training", "Training", "PublicTest", "PrivateTest")
VOTES = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    + "".join(f"{usage},fer{i}.png,0,10,0,0,0,0,0,0,0,0\n" for i, usage in enumerate(USAGES))
).encode()


def fer2013_csv() -> bytes:
    pixels = " ".join(["7"] * 2304)
    rows = "".join(f"{i},{pixels},{usage}\n" for i, usage in enumerate(USAGES))
    return ("emotion,pixels,Usage\n" + rows).encode()


@pytest.fixture(autouse=True)
def raw(tmp_path, monkeypatch):
    """No network, no Kaggle client, no token, an empty data/raw; four rows are the whole set."""

    def no_network(url, timeout):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(paths, "DATA_RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "DATA_CACHE", tmp_path / "cache")
    monkeypatch.setattr(fetch, "ROWS", len(USAGES))
    digest = hashlib.sha256(fer2013_csv()).hexdigest()
    monkeypatch.setattr(fer2013, "KNOWN", {digest: "official fer2013.csv"})
    monkeypatch.setattr(fetch, "FERPLUS_SHA256", hashlib.sha256(VOTES).hexdigest())
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def serve(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(data))


def kaggle_client(tmp_path, monkeypatch, script: str) -> None:
    """Put a `kaggle` command on the PATH that runs `script`; its last argument is the folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "kaggle"
    command.write_text(f"#!{sys.executable}\nimport os, sys\n{script}\n")
    command.chmod(0o755)


def test_nothing_there_explains_which_file_to_put_where(raw):
    report = fetch.data_report()
    assert "no FER2013 in" in report
    assert "expected fer2013.csv" in report
    assert "https://www.kaggle.com/c/challenges-in-representation-learning" in report
    assert "KAGGLE_USERNAME" in report
    assert "no network in tests" in report
    assert fetch.FERPLUS_URL in report
    assert list(raw.iterdir()) == []


def test_report_says_form_hash_counts_and_checks(raw):
    (raw / "fer2013.csv").write_bytes(fer2013_csv())
    (raw / "fer2013new.csv").write_bytes(VOTES)
    report = fetch.data_report()
    assert "fer2013.csv: official fer2013.csv" in report
    assert hashlib.sha256(fer2013_csv()).hexdigest() in report
    train = next(line for line in report.splitlines() if line.split()[:1] == ["train"])
    assert train.split() == ["train", "2", "1", "1", "0", "0", "0", "0", "0"]
    assert "row checks passed: 4 images" in report
    assert "class counts DIFFER from the official file's" in report
    assert "the authors' file" in report
    assert "4 rows of votes, 4 with a majority" in report


def test_equal_counts_are_called_equal(raw, monkeypatch):
    counts = {"train": [1, 1, 0, 0, 0, 0, 0], "valid": [0, 0, 1, 0, 0, 0, 0]}
    counts["test"] = [0, 0, 0, 1, 0, 0, 0]
    monkeypatch.setattr(fetch, "OFFICIAL_COUNTS", counts)
    (raw / "fer2013.csv").write_bytes(fer2013_csv())
    report = fetch.ensure_fer2013()
    assert "class counts equal the official file's" in report
    assert "without FER+ votes" in report


def test_damaged_file_is_an_error_and_not_fetched_over(raw):
    (raw / "fer2013.csv").write_bytes(fer2013_csv()[:-4])
    with pytest.raises(DataError, match="line 5: Usage"):
        fetch.data_report()
    assert (raw / "fer2013.csv").read_bytes() == fer2013_csv()[:-4]


def test_token_without_client_says_so(monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    report = fetch.ensure_fer2013()
    assert "pip install kaggle" in report
    assert "secret" not in report


def test_kaggle_client_fetches_the_archive(raw, tmp_path, monkeypatch):
    source = tmp_path / "source.csv"
    source.write_bytes(fer2013_csv())
    script = f"""import tarfile
assert sys.argv[1:4] == ["competitions", "download", "-c"], sys.argv
with tarfile.open(os.path.join(sys.argv[-1], "fer2013.tar.gz"), "w:gz") as archive:
    archive.add({str(source)!r}, "fer2013/fer2013.csv")"""
    kaggle_client(tmp_path, monkeypatch, script)
    assert "fer2013.tar.gz: official fer2013.csv" in fetch.ensure_fer2013()
    assert os.listdir(raw) == ["fer2013.tar.gz"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("sys.exit(3)", "failed with exit status 3: check the token, and accept the comp"),
        ("pass", "downloaded no file"),
        ("open(sys.argv[-1] + '/fer2013.tar.gz', 'wb').write(b'half')", "damaged or cut off"),
    ],
)
def test_failed_kaggle_download_leaves_nothing(raw, tmp_path, monkeypatch, script, message):
    kaggle_client(tmp_path, monkeypatch, script)
    report = fetch.ensure_fer2013()
    assert message in report
    assert "no FER2013 in" in report
    assert list(raw.iterdir()) == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_ferplus_is_downloaded(raw, monkeypatch, end):
    data = VOTES.replace(b"\n", end)
    serve(monkeypatch, data)
    report = fetch.ensure_ferplus()
    assert "the authors' file\n  downloaded from" in report
    assert (raw / "fer2013new.csv").read_bytes() == data
    assert os.listdir(raw) == ["fer2013new.csv"]


def test_ferplus_that_is_there_is_not_downloaded(raw):
    (raw / "fer2013new.csv").write_bytes(VOTES.replace(b",10,", b",9,", 1))
    assert "not the authors' file as known, but well formed" in fetch.ensure_ferplus()


@pytest.mark.parametrize("data", [VOTES[:-60], b"<html>sign in</html>", b""])
def test_bad_ferplus_download_leaves_nothing(raw, monkeypatch, data):
    serve(monkeypatch, data)
    report = fetch.ensure_ferplus()
    assert "the download failed (" in report
    assert "save it as" in report
    assert list(raw.iterdir()) == []


def test_official_counts_add_up_to_the_whole():
    totals = [sum(fetch.OFFICIAL_COUNTS[split]) for split in SPLITS]
    assert totals == [28_709, 3_589, 3_589]
