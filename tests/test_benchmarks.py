"""The benchmarks run, print their tables and write their CSV files; their sums are right."""

import contextlib
import re
import subprocess
import sys
import tarfile
from dataclasses import replace

import demo_fixtures
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from demo import npm, vendor
from demo.app import create_app
from fer_utils.datasets.synthetic import MIN_IMAGES, load_synthetic
from fer_utils.paths import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def training_step(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    import training_step

    return training_step


@pytest.fixture
def data_loading(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    import data_loading

    return data_loading


@pytest.fixture
def demo_load(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    import demo_load

    if vendor.missing():
        pytest.skip("no onnxruntime-web: run `make vendor`")
    return demo_load


@pytest.fixture
def page(monkeypatch):
    """Return the script as a module."""
    pytest.importorskip("playwright.sync_api")
    monkeypatch.syspath_prepend(FOLDER)
    import page

    return page


def run_script(name: str, output, images: int, *options: str) -> tuple[str, pd.DataFrame]:
    """Run a script on synthetic images; return what it printed and its CSV."""
    tiny = ["--dataset", "synthetic", "--images", str(images), "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, FOLDER / name, *tiny, "--output", output, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=output.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, pd.read_csv(output)


def test_training_step_prints_its_table_and_writes_the_csv(tmp_path):
    printed, table = run_script("training_step.py", tmp_path / "speed.csv", 96, "--seconds", "0.1")
    names = ["usual pipeline", "ours", "ours as shipped"]
    if not torch.cuda.is_available():
        names = names[:2] + names  # without, then with freed memory kept
    assert table.pipeline.tolist() == names
    assert (table.precision[:-1] == "float32").all()
    assert table.freed_memory[0] == "returned"
    assert (table.images_per_second > 0).all()
    assert table.target.dropna().tolist() == [3.0]
    assert {"hardware", "torch", "ratio", "busy_before"} <= set(table.columns)
    assert (table.images == 96).all()
    assert (table.dataset == "synthetic").all()
    for text in ("images_per_second", "ours as shipped", "target m"):
        assert text in printed


def test_data_loading_prints_its_table_and_writes_the_csv(tmp_path):
    printed, table = run_script("data_loading.py", tmp_path / "loading.csv", MIN_IMAGES)
    assert table.task.tolist() == [
        "file to cache",
        "load from cache",
        "copy images to memory",
        "find exact duplicates",
        "draw synthetic images",
    ]
    assert (table.images == MIN_IMAGES).all()
    assert (table.seconds >= 0).all()
    assert table.target.isna().all()  # the targets are for other sizes
    assert {"hardware", "torch", "dataset"} <= set(table.columns)
    assert "file to cache" in printed
    assert "target" not in printed.split("saved:")[1]


def test_ratios_are_to_the_first_and_to_the_fastest_usual_row(training_step):
    speeds = [
        ("usual pipeline", [90.0, 100.0, 300.0]),
        ("ours", [220.0, 250.0, 240.0]),
        ("usual pipeline", [210.0, 200.0, 190.0]),
        ("ours as shipped", [590.0, 610.0, 600.0]),
    ]
    pipelines = [
        training_step.Pipeline(name, "float32", "kept", lambda: 0, values)
        for name, values in speeds
    ]
    table = training_step.as_table(pipelines)
    assert table.images_per_second.tolist() == [100.0, 240.0, 200.0, 600.0]  # medians
    assert table.ratio.tolist() == [1.0, 2.4, 2.0, 6.0]
    assert table.ratio_best_usual.tolist() == [0.5, 1.2, 1.0, 3.0]
    assert table.lowest.tolist() == [90.0, 220.0, 190.0, 590.0]
    assert table.highest.tolist() == [300.0, 250.0, 210.0, 610.0]


def test_speed_counts_whole_epochs(training_step, monkeypatch):
    clock = iter([0.0, 4.0, 8.0, 12.0])
    monkeypatch.setattr(training_step.time, "perf_counter", lambda: next(clock))
    assert training_step.speed(lambda: 100, seconds=6) == 200 / 8


def test_float32_stays_float32_under_autocast(training_step):
    plain = nn.Sequential(nn.Linear(3, 2))
    float32 = training_step.Float32(*plain)
    images = torch.rand(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert plain(images).dtype == torch.bfloat16
        assert float32(images).dtype == torch.float32
    assert list(float32.state_dict()) == list(plain.state_dict())


def test_a_net_is_compiled_where_a_training_of_the_recipe_would_be(training_step, monkeypatch):
    def compiled(model):
        calls.append(1)
        return model

    calls, asked, pays = [], [], {"benchmark": True}

    def pays_to_compile(model, size, images):
        asked.append(images)
        return pays["benchmark"]

    monkeypatch.setattr("fer_utils.training.session.pays_to_compile", lambda *_: True)
    monkeypatch.setattr(torch, "compile", lambda model: lambda images: compiled(model)(images))
    monkeypatch.setattr(training_step, "pays_to_compile", pays_to_compile)
    part, valid = training_step.load_parts("synthetic", 64)
    recipe = replace(training_step.get_recipe(training_step.RECIPE), batch_size=32)
    cpu = torch.device("cpu")
    training_step.our_epoch(part, valid, recipe, cpu, float32=True)()
    assert not calls  # the compiled net would not be in float32
    training_step.our_epoch(part, valid, recipe, cpu, float32=False)()
    assert len(calls) == 2
    pays["benchmark"] = False
    training_step.our_epoch(part, valid, recipe, cpu, float32=False)()
    assert len(calls) == 2
    assert set(asked) == {recipe.epochs * 64}


def test_both_pipelines_train_on_the_same_first_images(training_step):
    part, valid = training_step.load_parts("synthetic", 256)
    assert len(part) == 256
    assert (part.split == 0).all()
    assert (valid.split == 1).all()
    recipe = training_step.get_recipe(training_step.RECIPE)
    image, label = training_step.UsualDataset(part, recipe)[5]
    assert image.shape == (1, 48, 48)
    assert image.dtype == torch.float32
    assert label == part.labels[5]


@pytest.mark.filterwarnings("ignore:FER. votes left out")  # where data/raw holds some
def test_the_written_csv_holds_the_same_images(data_loading, tmp_path):
    faces = load_synthetic(240)
    data_loading.write_csv(faces, tmp_path / "fer2013.csv")
    with pytest.warns(UserWarning, match="unknown copy"):
        read = data_loading.load_fer2013(tmp_path / "fer2013.csv", cache=tmp_path / "cache")
    for name in ("images", "labels", "split"):
        assert np.array_equal(getattr(read, name), getattr(faces, name))


def test_the_demo_answers_two_clients_without_errors(demo_load, monkeypatch, tmp_path):
    one_face = demo_load.photos()[:1]
    monkeypatch.setattr(demo_load, "photos", lambda: one_face)
    written = tmp_path / "load.csv"
    assert demo_load.main(["--clients", "2", "--requests", "3", "--output", str(written)]) == 0
    table = pd.read_csv(written)
    assert table.clients.tolist() == [1, 2]
    assert table.requests.tolist() == [3, 6]
    assert (table.errors == 0).all()
    assert (table.per_second > 0).all()
    assert (table.median_ms > 0).all()
    assert (table.median_ms <= table.p95_ms).all()
    assert (table.p95_ms <= table.p99_ms).all()
    assert {"hardware", "net", "busy_before"} <= set(table.columns)


def test_a_wrong_answer_of_the_demo_is_an_error(demo_load, monkeypatch, tmp_path, capsys):
    one, three = demo_load.photos()
    photos = [three, replace(one, faces=2), demo_load.Photo("no picture", b"text", 1)]
    monkeypatch.setattr(demo_load, "photos", lambda: photos)

    @contextlib.contextmanager
    def serving():
        with demo_fixtures.serving(create_app()) as address:
            yield int(address.rsplit(":", 1)[1])

    monkeypatch.setattr(demo_load, "demo_server", serving)
    written = tmp_path / "load.csv"
    assert demo_load.main(["--clients", "1", "--requests", "2", "--output", str(written)]) == 1
    assert pd.read_csv(written).errors.tolist() == [0, 2, 2]
    told = capsys.readouterr().err
    assert "error, 2 times: 1 faces, not 2" in told
    assert "error, 2 times: status 415" in told


def test_the_page_is_judged_by_its_slow_frames_and_the_published_row_is_marked(page):
    slow = np.array([[1.0, 0, 10, 0, 1], [1.0, 60, 0, 1, 0], [1.0, 0, 20, 0, 1]])
    rows = page.as_rows(page.OURS, "wasm", 4, slow) + page.as_rows("another", "wasm", 4, 2 * slow)
    table = pd.DataFrame(rows + page.as_rows(page.OURS, "wasm", 1, 9 * slow) + page.quoted())
    assert table.milliseconds[:4].tolist() == [1.0, 60.0, 15.0, 20.0]
    assert table.frames[:4].tolist() == [3, 1, 2, 3]
    assert table.target.dropna().index.tolist() == [3]
    assert page.verdicts(table) == [
        "target met: 30 ms on average, median 20; wanted 40 ms",
        "another (wasm) takes 2.0 times as long",
    ]
    last = table.iloc[-1]
    assert (last.who, last.milliseconds, last.source) == ("cs230-fer", 40, "quoted: cs230-fer")
    table.loc[3, "mean"] = 40.1
    assert page.verdicts(table)[0] == "target missed: 40.1 ms on average, median 20; wanted 40 ms"


def test_face_api_that_is_not_what_it_should_be_is_left_out(page, monkeypatch, tmp_path, capsys):
    def pack(package, folder, into):
        with tarfile.open(into / "x.tgz", "w:gz") as tar:
            for name in package.files:
                tar.addfile(tarfile.TarInfo(f"package/{name}"))
        return into / "x.tgz"

    monkeypatch.setattr(npm, "_pack", pack)
    monkeypatch.setattr(page.face_api, "FOLDER", tmp_path / "new")
    assert page.beside(1) == []
    assert re.search(r"left out: face-api .* has another SHA-256", capsys.readouterr().out)
    assert not (tmp_path / "new").exists()
