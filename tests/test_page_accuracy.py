"""The benchmark that puts images through the page: it says what Python says, and would notice."""

import shutil

import numpy as np
import pytest

from demo import vendor
from fer_utils.datasets.synthetic import load_synthetic
from fer_utils.paths import ROOT

pytest.importorskip("playwright.sync_api")

if not (shutil.which("chromium") or shutil.which("chromium-browser")):
    pytest.skip("no chromium on this machine", allow_module_level=True)
if vendor.missing():
    pytest.skip("no onnxruntime-web: run `make vendor`", allow_module_level=True)


@pytest.fixture
def page_accuracy(monkeypatch):
    """Return the script as a module."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import page_accuracy

    return page_accuracy


def test_page_and_python_agree_and_a_crop_that_is_off_shows(page_accuracy, monkeypatch):
    images = load_synthetic(240).images[:64]
    expected = page_accuracy.shipped_classifier().predict(images)
    photo_of = page_accuracy.photo_of
    with page_accuracy.demo_page() as page:
        found, others = page_accuracy.in_page(page, images, batch=40)  # the last is smaller
        monkeypatch.setattr(  # one pixel lower than the page thinks
            page_accuracy, "photo_of", lambda images: photo_of(np.roll(images, 1, axis=1))
        )
        moved, others_of_moved = page_accuracy.in_page(page, images[:8])
    assert set(found) == {"net", "photo"}
    for y_prob in found.values():
        np.testing.assert_allclose(y_prob, expected, atol=1e-4)
        np.testing.assert_array_equal(y_prob.argmax(1), expected.argmax(1))
    assert others == 0
    np.testing.assert_allclose(moved["net"], expected[:8], atol=1e-4)
    assert np.abs(moved["photo"] - expected[:8]).max() > 1e-4
    assert others_of_moved > 1000


def test_what_differs_is_counted_and_misses_its_target(page_accuracy):
    python = np.eye(7, dtype=np.float32)[[0, 1, 2, 3]]
    page = np.eye(7, dtype=np.float32)[[0, 1, 2, 4]]
    row = page_accuracy.compared(page, python, np.array([0, 1, 5, 3]))
    assert row == {
        "images": 4,
        "page_accuracy": 50.0,
        "python_accuracy": 75.0,
        "difference": -25.0,
        "largest_difference": 1.0,
        "other_answers": 1,
    }
    table = page_accuracy.pd.DataFrame([row | {"above fer 25.10.3": 2.9}])
    missed = page_accuracy.verdicts(table)
    assert len(missed) == 2
    assert all(line.startswith("target missed") for line in missed)
    table = table.assign(difference=0.2, **{"above fer 25.10.3": 3.0})
    assert all(line.startswith("target met") for line in page_accuracy.verdicts(table))
