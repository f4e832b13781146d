"""Files and folders appear whole or not at all."""

import hashlib
import os
import stat

import pytest

from fer_utils import files
from fer_utils.files import atomic_folder, atomic_path, sha256_file, sha256_json, write_json


class Stop(Exception):  # noqa: N818
    pass


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_atomic_path_makes_the_folder_and_replaces_whole(tmp_path):
    target = tmp_path / "new" / "a.txt"
    for text in ("first, a long text", "2nd"):
        with atomic_path(target) as temporary:
            assert temporary.parent == target.parent  # else the move might cross file systems
            temporary.write_text(text)
        assert target.read_text() == text
    assert names(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("existed", [True, False])
def test_atomic_path_leaves_the_old_state_on_errors(tmp_path, error, existed):
    target = tmp_path / "a.txt"
    if existed:
        target.write_text("old")
    with pytest.raises(error), atomic_path(target) as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise error
    assert names(tmp_path) == (["a.txt"] if existed else [])
    assert not existed or target.read_text() == "old"


def test_the_old_file_is_there_until_the_new_one_is_complete(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_permissions_follow_the_umask(tmp_path, umask):
    files.write_text(tmp_path / "a.txt", "text")
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "b.txt").touch()
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~umask
    assert os.umask(umask) == umask  # left as it was


def test_atomic_folder_replaces_the_whole_folder(tmp_path):
    target = tmp_path / "run"
    for file in ("old", "new"):
        with atomic_folder(target) as temporary:
            (temporary / file).write_text(file)
    assert names(target) == ["new"]
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
@pytest.mark.parametrize("existed", [True, False])
def test_atomic_folder_leaves_the_old_state_on_errors(tmp_path, error, existed):
    target = tmp_path / "run"
    if existed:
        target.mkdir()
        (target / "old").touch()
    with pytest.raises(error), atomic_folder(target) as temporary:  # noqa: PT012
        (temporary / "new").touch()
        raise error
    assert names(tmp_path) == (["run"] if existed else [])
    assert not existed or names(target) == ["old"]


def test_atomic_folder_puts_the_old_one_back_when_the_move_fails(tmp_path, monkeypatch):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()
    replace = os.replace

    def fail(source, destination):
        if str(source).endswith(".tmp"):
            raise OSError("no")
        replace(source, destination)

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="no"), atomic_folder(target) as temporary:
        (temporary / "new").touch()
    assert names(tmp_path) == ["run"]
    assert names(target) == ["old"]


def test_json_is_utf8_with_unix_line_ends_whatever_the_host(tmp_path):
    write_json(tmp_path / "a.json", {"b": "±", "a": [1]})
    assert (tmp_path / "a.json").read_bytes() == '{\n "b": "±",\n "a": [\n  1\n ]\n}\n'.encode()


def test_hashes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert sha256_json({"a": 1, "b": [2, "é"]}) == sha256_json({"b": [2, "é"], "a": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 2})
    expected = hashlib.sha256(b'{"a":"\\u00e9","b":(1)}'.replace(b"(1)", b"[1]")).hexdigest()
    assert sha256_json({"b": (1,), "a": "é"}) == expected
