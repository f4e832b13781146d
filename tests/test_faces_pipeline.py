"""Photos of all kinds go in; tables, pictures and a list of what could not be read come out."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import TinyNet, save_run, toy_faces
from PIL import Image
from skimage.data import astronaut

from fer_utils import models
from fer_utils.cli import main
from fer_utils.errors import ConfigError, DataError, RunBusy, RunError
from fer_utils.faces import classifier as classifiers
from fer_utils.faces import pipeline
from fer_utils.faces.classifier import (
    Classifier,
    best_run,
    find_run,
    open_classifier,
    shipped_classifier,
)
from fer_utils.faces.detection import detect_faces
from fer_utils.faces.drawing import draw_faces, shrink
from fer_utils.faces.photos import find_photos, read_photo
from fer_utils.faces.pipeline import Options, predict_photos
from fer_utils.files import locked
from fer_utils.labels import FER2013_CLASSES
from fer_utils.paths import PUBLISHED_RUNS, ROOT
from fer_utils.runs import RunStore

ROTATED = 6  # EXIF: turn a quarter to the right to see it upright


def toy_predict(crops):
    """Bright crops are happy, dark ones sad."""
    y_prob = np.full((len(crops), 7), 0.05, np.float32)
    y_prob[np.arange(len(crops)), np.where(crops.mean((1, 2)) > 80, 3, 4)] = 0.7
    return y_prob


TOY = Classifier("toy", "sha256:0", FER2013_CLASSES, 48, toy_predict)


@pytest.fixture
def one_photo(tmp_path):
    """Return a folder with the astronaut."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(astronaut()).save(folder / "astronaut.png")
    return folder


@pytest.fixture
def photos(one_photo):
    """Return a folder with photos of many kinds."""
    picture = Image.fromarray(astronaut())
    turned = Image.Exif()
    turned[0x112] = ROTATED
    on_its_side = picture.transpose(Image.Transpose.ROTATE_90)
    on_its_side.save(one_photo / "rotated.JPG", exif=turned, quality=95)
    whole = (one_photo / "rotated.JPG").read_bytes()
    (one_photo / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (one_photo / "text.jpg").write_text("no picture")
    (one_photo / "empty.png").write_bytes(b"")
    (one_photo / "notes.txt").write_text("not looked at")
    Image.new("RGB", (1, 1)).save(one_photo / "dot.png")
    Image.new("RGB", (300, 200), "gray").save(one_photo / "nobody.webp")
    picture.convert("CMYK").save(one_photo / "cmyk.jpg", quality=95)
    picture.convert("RGBA").save(one_photo / "rgba.png")
    picture.quantize(64).save(one_photo / "palette.gif")
    gray = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    Image.fromarray(gray).save(one_photo / "sixteen.png")
    (one_photo / "sub").mkdir()
    picture.save(one_photo / "sub" / "astronaut.jpg", quality=95)
    return one_photo


def table(out):
    return pd.read_csv(out / "faces.csv")


def predict_folder(folder, out, options=None, classifier=TOY):
    return predict_photos(find_photos([folder], without=out), out, classifier, options)


def test_photos_of_all_kinds(photos, tmp_path):
    out = tmp_path / "out"
    counts = predict_folder(photos, out)
    assert counts == {"photos": 12, "faces": 7, "unreadable": 3, "skipped": 0}
    faces = table(out)
    names = [file.removeprefix(f"{photos.as_posix()}/") for file in faces.file]
    assert names == ["astronaut.png", "cmyk.jpg", "palette.gif", "rgba.png", "rotated.JPG",
                     "sixteen.png", "sub/astronaut.jpg"]  # fmt: skip
    assert (faces.face == 1).all()
    boxes = faces[["x", "y", "width", "height"]].to_numpy()
    assert np.abs(boxes - (173, 74, 104, 104)).max() < 4
    assert np.abs(faces[["left_eye_x", "left_eye_y"]].to_numpy() - (203, 102)).max() < 4
    assert set(faces.label) == {"happy"}
    assert np.allclose(faces[list(FER2013_CLASSES)].sum(axis=1), 1)
    assert np.allclose(faces.probability, faces.happy)
    assert set(faces.model + faces.version + faces.detector) == {"toysha256:0blazeface"}

    with open(out / "unreadable.csv", encoding="utf-8") as file:
        bad = {row["file"].rsplit("/")[-1]: row["error"] for row in csv.DictReader(file)}
    assert set(bad) == {"cut.jpg", "text.jpg", "empty.png"}
    assert "truncated" in bad["cut.jpg"]
    assert "not a picture" in bad["text.jpg"]

    results = json.loads((out / "faces.json").read_text(encoding="utf-8"))
    assert results["model"] == "toy"
    assert results["classes"] == list(FER2013_CLASSES)
    by_name = {photo["file"].rsplit("/")[-1]: photo for photo in results["photos"]}
    assert by_name["nobody.webp"]["faces"] == by_name["dot.png"]["faces"] == []
    assert by_name["rotated.JPG"]["width"] == 512
    assert set(by_name["rotated.JPG"]["faces"][0]) == {
        *("box", "score", "label", "probabilities", "landmarks")
    }
    assert "error" in by_name["cut.jpg"]

    saved = sorted(path.name for path in (out / "happy").iterdir())
    assert saved == ["astronaut-2_1.png", "astronaut_1.png", "cmyk_1.png", "palette_1.png",
                     "rgba_1.png", "rotated_1.png", "sixteen_1.png"]  # fmt: skip
    with Image.open(out / "happy" / "rotated_1.png") as face:
        assert face.size[0] == face.size[1]
        assert abs(face.size[0] - 122) <= 2  # the frame, 1.17 sides of the box
    with Image.open(out / "pictures" / "rotated.jpg") as labeled:
        assert labeled.size == (512, 512)
        green = np.asarray(labeled).astype(int)[74:180, 171:175]
    assert ((green[..., 1] - green[..., 0]) > 80).mean() > 0.3  # the left side of the box
    assert not (out / "pictures" / "nobody.jpg").exists()


def test_a_second_call_goes_on(one_photo, tmp_path):
    out = tmp_path / "out"
    predict_folder(one_photo, out)
    first = (out / "faces.csv").read_bytes()
    shutil.copy(one_photo / "astronaut.png", one_photo / "b.png")
    (one_photo / "c.jpg").write_text("no picture")
    counts = predict_folder(one_photo, out)
    assert counts == {"photos": 3, "faces": 2, "unreadable": 1, "skipped": 1}
    assert (out / "faces.csv").read_bytes().startswith(first)

    Image.fromarray(255 - astronaut()).save(one_photo / "b.png")  # no longer the same file
    Image.fromarray(astronaut()).save(one_photo / "c.jpg")  # mended
    counts = predict_folder(one_photo, out)
    assert counts["skipped"] == 1
    assert counts["unreadable"] == 0
    assert counts["photos"] == 3
    assert "c.jpg" in table(out).file.iloc[-1]


def test_what_was_found_survives_a_kill(one_photo, tmp_path, monkeypatch):
    for number in range(5):
        shutil.copy(one_photo / "astronaut.png", one_photo / f"{number}.png")
    monkeypatch.setattr(pipeline, "CHUNK", 2)
    out, calls = tmp_path / "out", []

    def dies(crops):
        calls.append(len(crops))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return toy_predict(crops)

    with pytest.raises(KeyboardInterrupt):
        predict_folder(one_photo, out, classifier=replace(TOY, predict=dies))
    assert calls == [2, 2, 2]  # the faces of a chunk are classified at once
    assert len(table(out)) == 4
    with open(out / "progress.jsonl", "ab") as journal:  # as if killed while writing a line
        journal.write(b'{"file": "photos/4.png", "pa')
    counts = predict_folder(one_photo, out)
    assert counts == {"photos": 6, "faces": 6, "unreadable": 0, "skipped": 4}
    assert table(out).file.is_unique


def test_results_of_other_settings_are_not_mixed(one_photo, tmp_path):
    out = tmp_path / "out"
    predict_folder(one_photo, out)
    with pytest.raises(ConfigError, match="version 'sha256:0', not '1'"):
        predict_folder(one_photo, out, classifier=replace(TOY, version="1"))
    with pytest.raises(ConfigError, match=r"min_score None, not 0\.7"):
        predict_folder(one_photo, out, Options(min_score=0.7))
    with pytest.raises(ConfigError, match="pictures True, not False"):
        predict_folder(one_photo, out, Options(pictures=False))
    (out / "progress.jsonl").write_text("{}\nnot json\n")
    with pytest.raises(ConfigError, match=r"progress\.jsonl is damaged"):
        predict_folder(one_photo, out)
    with locked(out / ".lock"), pytest.raises(RunBusy, match="another process"):
        predict_folder(one_photo, out)
    with pytest.raises(ConfigError, match="unknown detector"):
        predict_folder(one_photo, out, Options(detector="dlib"))


def test_without_pictures_only_tables_are_written(one_photo, tmp_path):
    predict_folder(one_photo, tmp_path / "out", Options(pictures=False, align=True))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "faces.csv",
        "faces.json",
        "progress.jsonl",
        "unreadable.csv",
    ]


def test_a_changed_photo_leaves_no_old_pictures(one_photo, tmp_path):
    out, photo = tmp_path / "out", one_photo / "a.png"
    other = Image.open(one_photo / "astronaut.png")
    other.save(one_photo / "a_1.png")  # its pictures begin as those of a.png do
    pair = Image.new("RGB", (1024, 512))
    pair.paste(other, (0, 0))
    pair.paste(other, (512, 0))
    pair.save(photo)

    def saved():
        return sorted(
            path.relative_to(out).as_posix()
            for path in out.glob("*/a*")
            if not path.name.startswith("astronaut")
        )

    others = ["happy/a_1_1.png", "pictures/a_1.jpg"]
    predict_folder(one_photo, out)
    assert saved() == sorted([*others, "happy/a_1.png", "happy/a_2.png", "pictures/a.jpg"])
    Image.fromarray(astronaut() // 4).save(photo)  # dark, which is sad
    predict_folder(one_photo, out)
    assert saved() == sorted([*others, "sad/a_1.png", "pictures/a.jpg"])
    before = photo.read_bytes(), photo.stat()
    photo.write_text("no picture any more")
    predict_folder(one_photo, out)
    assert saved() == others
    photo.write_bytes(before[0])
    os.utime(photo, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    predict_folder(one_photo, out)  # its last result was an error
    assert saved() == sorted([*others, "sad/a_1.png", "pictures/a.jpg"])


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux")
def test_a_name_that_is_not_utf8_is_written_with_escapes(one_photo, tmp_path):
    shutil.copy(one_photo / "astronaut.png", os.fsencode(one_photo) + b"/\xff.png")
    with open(os.fsencode(one_photo) + b"/bad\xff.png", "w"):
        pass
    for _ in range(2):
        counts = predict_folder(one_photo, tmp_path / "out")
        assert (counts["faces"], counts["unreadable"]) == (2, 1)
    named = f"{one_photo.as_posix()}/\\udcff.png"
    assert named in table(tmp_path / "out").file.tolist()
    results = json.loads((tmp_path / "out" / "faces.json").read_text(encoding="utf-8"))
    assert named in [photo["file"] for photo in results["photos"]]
    errors = pd.read_csv(tmp_path / "out" / "unreadable.csv")
    assert errors.file.str.endswith("bad\\udcff.png").all()


def test_photos_inside_the_results_are_not_looked_at(one_photo):
    out = one_photo / "out"
    assert predict_folder(one_photo, out)["photos"] == 1
    assert predict_folder(one_photo, out) == {
        **{"photos": 1, "faces": 1, "unreadable": 0, "skipped": 1}
    }


def test_results_among_the_paths_are_no_photos(one_photo, monkeypatch, capsys):
    """As in `predict photos/* --out photos/out`, called twice."""
    monkeypatch.setattr("fer_utils.faces.command.open_classifier", lambda *_, **__: TOY)
    for printed in ("1 faces in 1 photos", "1 photos had been looked at before"):
        paths = [str(path) for path in one_photo.iterdir()]
        assert main(["predict", *paths, "--out", str(one_photo / "out")]) == 0
        assert printed in capsys.readouterr().out


def test_finding_photos(photos):
    (photos / ".hidden.jpg").write_bytes(b"")
    found = find_photos([photos / "notes.txt", photos, photos / "cut.jpg"])
    assert found[0].name == "notes.txt"  # named, so it is tried
    assert len(found) == len(set(found)) == 13
    with pytest.raises(DataError, match="does not exist"):
        find_photos([photos / "gone.jpg"])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: Image.new("1", (60_000, 500)).save(path), "30.0 megapixels, more than 25"),
        (lambda path: Image.new("1", (20_000, 20_000)).save(path), "pixels|megapixels"),
        (lambda path: Image.new("F", (5, 5)).save(path, "TIFF"), "floating-point"),
        (lambda path: Image.new("RGB", (5, 5)).save(path, "PPM"), "not a picture"),
        (lambda path: None, "No such file"),
    ],
)
def test_unreadable_photos_say_why(make, expected, tmp_path):
    path = tmp_path / "photo.png"
    make(path)
    with pytest.raises(DataError, match=expected) as caught:
        read_photo(path)
    assert "photo.png" in str(caught.value)


def test_reading_turns_and_flattens(tmp_path):
    picture = np.zeros((2, 3, 4), np.uint8)
    picture[0, 0] = (200, 0, 0, 255)
    Image.fromarray(picture).save(tmp_path / "clear.png")
    read = read_photo(tmp_path / "clear.png")
    assert read[0, 0].tolist() == [200, 0, 0]
    assert (read[1] == 255).all()  # what is transparent lies on white
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moves.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert read_photo(tmp_path / "moves.webp")[0, 0].tolist() == [255, 0, 0]
    exif = Image.Exif()
    exif[0x112] = ROTATED
    Image.new("L", (30, 20)).save(tmp_path / "side.jpg", exif=exif)
    assert read_photo(tmp_path / "side.jpg").shape == (30, 20, 3)


def test_labels_stay_inside_the_picture():
    (face,) = detect_faces(astronaut())
    at_the_corner = replace(face, x=-20.0, y=-30.0, width=60.0, height=70.0)
    small = shrink(astronaut(), 128)
    drawn = draw_faces(small, [at_the_corner], ["surprise 100 %"], 0.25)
    assert drawn.size == small.size == (128, 128)
    assert np.any(np.asarray(drawn)[:4, :4] != np.asarray(small)[:4, :4])


@pytest.fixture
def toy_store(tmp_path, monkeypatch):
    """Return a run store in a temporary folder that is the only one."""
    monkeypatch.setitem(models.MODELS, "tiny", lambda num_classes, image_size=16: TinyNet(
        num_classes, image_size))  # fmt: skip
    monkeypatch.setattr(classifiers, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(classifiers, "PUBLISHED_RUNS", tmp_path / "published")
    monkeypatch.setattr(classifiers, "SHIPPED", tmp_path / "nothing")
    return RunStore(tmp_path / "runs")


def test_runs_are_chosen_by_name_or_by_accuracy(toy_store, monkeypatch):
    with pytest.raises(RunError, match="no run with weights"):
        open_classifier()
    one = save_run(toy_store, "0" * 16, toy_faces())
    two = save_run(toy_store, "1" * 16, toy_faces())
    assert classifiers.valid_accuracy(one) == 0.5
    monkeypatch.setattr(classifiers, "valid_accuracy", lambda run: int(run.key[0]))
    assert best_run(toy_store).key == find_run("toy").key == two.key
    assert find_run(one.folder).key == find_run(one.folder.name).key == one.key
    net = open_classifier(one.folder)
    assert net.side == 16
    y_prob = net.predict(toy_faces().images[:5])
    assert np.allclose(y_prob.sum(1), 1, atol=1e-5)
    (two.folder / "weights.safetensors").unlink()
    assert best_run(toy_store).key == find_run("toy").key == one.key
    with pytest.raises(RunError, match=r"has no weights\.safetensors"):
        open_classifier(two.folder)
    with pytest.raises(RunError, match="no run 'vgg99'"):
        open_classifier("vgg99")


def test_a_damaged_exported_net_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(RunError, match="the exported net is damaged"):
        classifiers.shipped_classifier(tmp_path)


def test_the_shipped_net_is_asked_of_the_mirror_image_too_unless_told_otherwise():
    both, one = (shipped_classifier(one_view=one_view) for one_view in (False, True))
    crops = np.random.default_rng(0).integers(0, 256, (3, both.side, both.side), np.uint8)
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    mean = (one.predict(crops) + one.predict(mirrored)) / 2
    assert both.predict(crops) == pytest.approx(mean, abs=1e-6)
    assert np.abs(one.predict(crops) - one.predict(mirrored)).max() > 1e-3
    assert one.version == f"{both.version}, one view"  # told apart in a table of results


def test_the_command_calls_the_astronaut_happy(photos, tmp_path, capsys):
    run = next(PUBLISHED_RUNS.glob("filters_30-*"))
    torch.set_num_threads(1)
    call = ["predict", str(photos), "--out", str(tmp_path / "out"), "--run", str(run)]
    assert main(call) == 0
    printed = capsys.readouterr().out
    assert f"7 faces in 12 photos, by {run.name}: " in printed
    assert "3 files could not be read: " in printed
    assert set(table(tmp_path / "out").label) == {"happy"}
    assert main(call) == 0
    assert "9 photos had been looked at before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gone"], "gone does not exist"),
        (["empty"], "no photos in empty"),
        (["photos", "--max-megapixels", "0"], "--max-megapixels is 0"),
        (["photos", "--run", "vgg99"], "no run 'vgg99'"),
        (["photos", "--detector", "dlib"], "unknown detector 'dlib'"),
        (["photos", "--out", "file"], "--out file is a file"),
        (["photos", "--out", "photos"], "--out photos holds the photos (photos)"),
        (["photos/astronaut.png", "--out", "."], "--out . holds the photos (photos/astronaut.png)"),
        (["photos", "empty", "--out", "photos"], "--out photos holds the photos"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, expected, one_photo, capsys, monkeypatch):
    monkeypatch.chdir(one_photo.parent)
    os.mkdir("empty")
    (one_photo.parent / "file").write_text("")
    assert main(["predict", "--out", "out", *arguments]) == 1
    assert expected in capsys.readouterr().err


def test_the_benchmark_writes_its_table(tmp_path):
    output = tmp_path / "faces.csv"
    script = [sys.executable, ROOT / "benchmarks" / "faces.py", "--rounds", "1"]
    done = subprocess.run(
        [*script, "--without-mtcnn", "--output", output],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(output)
    assert {"find faces", "crop", "classify"} == set(rows.stage)
    assert rows[rows.source == "quoted"].ms.tolist() == [20, 0.45]
    assert (rows.ms > 0).all()
    wanted = rows.dropna(subset="target")
    assert wanted.target.tolist() == [10] * len(wanted)
    assert wanted.what.str.contains("one view").tolist() == [False, True]  # of the demo's net
    assert "target m" in done.stdout
