"""Images that features find alike."""

import numpy as np

from fer_utils.interpretation.alike import most_alike


def test_the_nearest_direction_comes_first_and_copies_are_left_out():
    angles = np.deg2rad([0, 10, 30, 180, 200, 0])
    features = 5 + np.stack((np.cos(angles), np.sin(angles)), axis=1)
    features -= features.mean(axis=0)  # the directions below are meant from the mean
    found = most_alike(features + 100, 2)  # what all share plays no part
    assert found[0].tolist() == [1, 2]  # not 5, its copy
    assert found[3].tolist()[0] == 4
    assert found.shape == (6, 2)
    np.testing.assert_array_equal(found, most_alike(3 * features, 2))  # nor does length
