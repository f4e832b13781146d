"""The net's HOG, the cached HOG and scikit-image's agree; the SVM on them chooses by valid."""

import joblib
import numpy as np
import pytest
import torch
from skimage.feature import hog
from skimage.filters import gaussian

from fer_utils.errors import ConfigError, DataError
from fer_utils.features import hog_svm as hog_svm_module
from fer_utils.features.hog import hog_features, hog_picture
from fer_utils.features.hog_spec import HogSpec
from fer_utils.features.hog_svm import hog_svm
from fer_utils.models.hog_layer import HogLayer
from tests.helpers import toy_faces


def images(n: int = 6, size: int = 48) -> np.ndarray:
    """Return noise and smooth gray-level images: flat places, edges on bin borders and all."""
    noise = np.random.default_rng(0).integers(0, 256, (n, size, size))
    smooth = [255 * gaussian(image / 255, sigma=2) for image in noise[: n // 2]]
    few_levels = noise // 128 * 200  # many gradients of exactly 0, 45, 90 and 135 degrees
    return np.concatenate((noise, np.array(smooth), few_levels)).astype(np.uint8)


def reference(stack: np.ndarray, spec: HogSpec) -> np.ndarray:
    return np.array(
        [
            hog(
                image.astype(np.float64),
                orientations=spec.orientations,
                pixels_per_cell=(spec.cell, spec.cell),
                cells_per_block=(spec.block, spec.block),
                block_norm="L2-Hys",
            )
            for image in stack
        ]
    )


@pytest.mark.parametrize("spec", [HogSpec(), HogSpec(9, 6, 3), HogSpec(4, 5, 1)])
@pytest.mark.parametrize("size", [48, 44])
@pytest.mark.parametrize("subtracted", [0.0, 0.5077423])
def test_the_layer_is_scikit_images_hog(spec, size, subtracted):
    stack = images(size=size)
    given = torch.from_numpy(stack)[:, None].float() / 255 - subtracted
    features = HogLayer(spec)(given)
    assert features.shape == (len(stack), spec.features(size))
    assert np.abs(features.numpy() - reference(stack, spec)).max() < 1e-5


def test_the_layer_stays_in_float32_under_autocast():
    given = torch.from_numpy(images())[:, None] / 255
    with torch.autocast("cpu", torch.bfloat16):
        features = HogLayer()(given)
    assert features.dtype == torch.float32
    assert torch.equal(features, HogLayer()(given))


def test_the_layer_has_nothing_to_learn_and_nothing_to_save():
    layer = HogLayer()
    assert not list(layer.parameters())
    assert not layer.state_dict()
    given = torch.rand(1, 1, 48, 48, requires_grad=True)
    assert not layer(given).requires_grad


def test_a_constant_image_has_no_gradients():
    assert torch.equal(HogLayer()(torch.full((1, 1, 48, 48), 0.3)), torch.zeros(1, 800))


def test_features_are_scikit_images_and_come_from_the_cache_again(tmp_path, monkeypatch):
    stack = images()
    features = hog_features(stack, cache=tmp_path, progress=False)
    assert features.dtype == np.float32
    assert np.abs(features - reference(stack, HogSpec())).max() < 1e-6
    monkeypatch.setattr("fer_utils.features.hog._computed", None)  # calling it would fail
    assert np.array_equal(hog_features(stack, cache=tmp_path), features)
    changed = stack.copy()
    changed[0, 0, 0] ^= 1
    with pytest.raises(TypeError):
        hog_features(changed, cache=tmp_path)
    with pytest.raises(TypeError):
        hog_features(stack, HogSpec(9), cache=tmp_path)


def test_several_workers_return_the_images_order(monkeypatch):
    monkeypatch.setattr("fer_utils.features.hog._CHUNK", 3)
    stack = images()
    with joblib.parallel_config(backend="threading"):  # processes take seconds to start
        both = hog_features(stack, jobs=2, cache=None, progress=False)
    assert np.array_equal(both, hog_features(stack, jobs=1, cache=None, progress=False))


def test_bad_images_and_specs_are_refused():
    with pytest.raises(DataError, match=r"square uint8 images .* not float64 \(15, 48, 48\)"):
        hog_features(images() / 255, cache=None)
    with pytest.raises(DataError, match="square"):
        hog_features(images()[:, :40], cache=None)
    with pytest.raises(ConfigError, match="does not fit into an image of 12 pixels"):
        hog_features(images(size=12), cache=None)
    with pytest.raises(ConfigError, match="orientations must be a whole number from 1, not 0"):
        HogSpec(orientations=0)


def test_the_picture_has_the_images_shape():
    picture = hog_picture(images()[0])
    assert picture.shape == (48, 48)
    assert 0 <= picture.min() < picture.max() <= 1


SMALL = HogSpec(cell=4)


def test_the_svm_learns_and_chooses_by_valid(tmp_path, monkeypatch):
    faces = toy_faces(140, 70, 70)
    found = hog_svm(faces, SMALL, grid=(1e-9, 1.0), cache=None, progress=False)
    assert found.cost == max(found.valid_accuracy, key=found.valid_accuracy.get)
    y_valid, y_test = faces.part("valid").labels, faces.part("test").labels
    shown = (found.valid_scores.argmax(1) == y_valid).mean()
    assert shown == max(found.valid_accuracy.values())
    assert (found.test_scores.argmax(1) == y_test).mean() > 0.5  # chance is 1 in 7

    kept = hog_svm(faces, SMALL, grid=(1.0,), cache=tmp_path, progress=False)
    monkeypatch.setattr(hog_svm_module, "_fitted", None)
    again = hog_svm(faces, SMALL, grid=(1.0,), cache=tmp_path)
    assert np.array_equal(again.test_scores, kept.test_scores)


def test_the_svm_never_predicts_a_class_that_train_lacks():
    faces = toy_faces(70, 28, 28)
    two = faces.take(np.flatnonzero((faces.split > 0) | np.isin(faces.labels, (2, 5))))
    found = hog_svm(two, SMALL, grid=(1.0,), cache=None, progress=False)
    assert found.test_scores.shape == (28, 7)
    assert set(found.test_scores.argmax(1)) <= {2, 5}
    one = faces.take(np.flatnonzero((faces.split > 0) | (faces.labels == 2)))
    with pytest.raises(DataError, match="one class only"):
        hog_svm(one, SMALL, cache=None, progress=False)
    without = faces.take(np.flatnonzero(faces.split != 2))
    with pytest.raises(DataError, match="no test images"):
        hog_svm(without, SMALL, cache=None, progress=False)
    with pytest.raises(ConfigError, match="at least one cost"):
        hog_svm(faces, SMALL, grid=())
