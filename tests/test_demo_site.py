"""The page's files fit together, can be written as a folder, and follow the Python they repeat."""

import json
import re
import subprocess
from pathlib import PurePosixPath

import pytest
from PIL import Image

from demo import build_page as build
from demo import headers, icons, npm, site, vendor
from demo.site import PAGE, SCRIPT, precache, site_files
from fer_utils.errors import FerError
from fer_utils.faces import blazeface, tiles
from fer_utils.faces.crops import FRAMES

MARKUP = (PAGE / "index.html").read_text(encoding="utf-8")
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in (PAGE / "js").glob("*.js")}


@pytest.fixture(autouse=True)
def some_runtime(monkeypatch, tmp_path):
    """Let two small files stand for onnxruntime-web, which need not be here."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setattr(vendor, "FOLDER", folder)
    for name in vendor.FILES:
        (folder / name).write_bytes(b"stands for it")


def number(script: str, name: str) -> float:
    """Return the value of a constant or field `name` in one of the page's scripts."""
    text = SCRIPTS[script]
    return float(re.search(rf"\b{name}\b(?: =|:) (-?[\d.]+)\b", text).group(1))


def test_the_page_follows_the_numbers_of_the_python():
    frame = FRAMES["blazeface"]
    assert (number("crop.js", "scale"), number("crop.js", "shift")) == (frame.scale, frame.shift)
    assert number("blazeface.js", "MIN_SCORE") == blazeface.MIN_SCORE
    assert number("blazeface.js", "MAX_OVERLAP") == blazeface.MAX_OVERLAP
    for name in ("TILE_SCORE", "TILE_TILT", "OVERLAP", "SAME", "INSIDE"):
        assert number("tiles.js", name) == getattr(tiles, name)
    assert f"RIM = {round(tiles.RIM * 256)} / 256" in SCRIPTS["tiles.js"]
    levels = re.search(
        r"LEVELS = \[\[1 / (\d+), (\d+)\], \[1 / (\d+), (\d+)\]\]", SCRIPTS["tiles.js"]
    )
    parts, sides = [1 / int(n) for n in levels.groups()[::2]], map(int, levels.groups()[1::2])
    assert tuple(zip(parts, sides, strict=True)) == tiles.LEVELS


def test_the_page_is_written_as_a_folder(tmp_path):
    folder = tmp_path / "page"
    assert build.main(["--out", str(folder)]) == 0
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {*site_files(), SCRIPT}
    listed = json.loads(re.search(r"files: (\[.*\])", (folder / SCRIPT).read_text(), re.S)[1])
    assert set(listed) == {"./", *written} - {"sw.js", SCRIPT}


def test_only_an_earlier_page_is_replaced(tmp_path, capsys):
    folder = tmp_path / "page"
    for _ in range(2):
        build.build_page(folder)
    (folder / SCRIPT).unlink()
    assert build.main(["--out", str(folder)]) == 1
    assert f"it holds no {SCRIPT}" in capsys.readouterr().err
    assert (folder / "index.html").exists()


def test_a_missing_file_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vendor, "FOLDER", tmp_path / "nothing")
    with pytest.raises(FerError, match="is missing: run `make vendor`"):
        site_files()
    assert build.main(["--out", str(tmp_path / "page")]) == 1
    assert "make vendor" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


def test_a_changed_file_makes_another_version():
    files = site_files()
    before = precache(files)
    assert precache(files) == before
    (vendor.FOLDER / next(iter(vendor.FILES))).write_bytes(b"another")
    assert precache(files) != before


def test_the_page_names_no_other_origin_and_every_type_is_known():
    for address, path in site_files().items():
        assert PurePosixPath(address).suffix in site.TYPES, address
        if path.is_relative_to(PAGE) and path.suffix in (".html", ".js", ".css", ".webmanifest"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text), address
            assert not re.search(r"""(src|href)=["']/""", text), (
                f"{address}: use relative addresses"
            )


def test_the_markup_carries_the_policy_too():
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', MARKUP)[1]
    assert f"{policy}; frame-ancestors 'none'" == headers.CONTENT_SECURITY_POLICY
    assert not re.search(r"\son\w+=|\sstyle=", MARKUP), "the policy forbids inline code and styles"


def test_every_text_is_in_the_one_file_and_used():
    keys = set(re.findall(r"^  (\w+):", SCRIPTS["texts.js"], re.M))
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', MARKUP))
    for name, text in SCRIPTS.items():
        if name != "texts.js":
            used |= set(re.findall(r"TEXTS\.(\w+)", text))
    assert used == keys


def test_every_element_that_a_script_asks_for_is_there():
    ids = set(re.findall(r'\bid="([\w-]+)"', MARKUP))
    for name, text in SCRIPTS.items():
        asked = set(re.findall(r'\$\("([\w-]+)"\)', text))
        assert asked <= ids, f"{name}: {asked - ids}"


def test_icons_are_as_the_script_draws_them(tmp_path):
    icons.write_icons(tmp_path)
    assert (tmp_path / "icon.svg").read_text() == (icons.FOLDER / "icon.svg").read_text()
    declared = json.loads((PAGE / "manifest.webmanifest").read_text(encoding="utf-8"))["icons"]
    for icon in declared:
        path = PAGE / icon["src"]
        assert path.exists()
        if icon["sizes"] != "any":
            with Image.open(path) as committed, Image.open(tmp_path / path.name) as drawn:
                assert f"{committed.width}x{committed.height}" == icon["sizes"]
                assert committed.convert("RGBA").tobytes() == drawn.convert("RGBA").tobytes()


# -- make vendor ------------------------------------------------------------------------------


def test_wrong_content_is_missing_and_never_kept(monkeypatch, tmp_path):
    assert vendor.missing() == list(vendor.FILES)  # what stands for it is not it
    unpacked = tmp_path / "dist"
    unpacked.mkdir()
    for name in vendor.FILES:
        (unpacked / name).write_bytes(b"something else")
    monkeypatch.setattr(npm, "_pack", lambda package, target, folder: folder / "x.tgz")
    monkeypatch.setattr(npm, "_unpack", lambda package, archive, folder: unpacked)
    with pytest.raises(npm.PackageError, match=r"has another SHA-256 than demo/vendor\.py says"):
        vendor.fetch(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_not_fetched_again(monkeypatch, tmp_path):
    monkeypatch.setattr(npm, "sha256_file", lambda path: vendor.FILES[path.name])
    monkeypatch.setattr(npm, "_pack", lambda *arguments: pytest.fail("was fetched"))
    assert vendor.fetch(vendor.FOLDER) == []


def test_without_npm_or_network_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    assert vendor.main() == 1
    assert "npm was not found: install Node.js, or put" in capsys.readouterr().err

    def fail(*arguments, **options):
        raise subprocess.CalledProcessError(1, "npm", stderr="first\nno network here\n")

    monkeypatch.setattr(npm.shutil, "which", lambda name: "npm")
    monkeypatch.setattr(npm.subprocess, "run", fail)
    with pytest.raises(npm.PackageError, match=r"could not download .*: no network here"):
        vendor.fetch()
