"""A found face: what every detector returns."""

import math
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a picture.

    x, y, width, height: the box in pixels of the upright picture, whose top left corner is 0, 0;
        it may reach over the picture's edge.
    score: how sure the detector is, 0 to 1.
    landmarks: (n, 2) float64, x and y in the same pixels.
    names: of the landmarks; left and right are those of the picture, not of the person.
    detector: the detector's name; the crop's margins depend on it.
    """

    x: float
    y: float
    width: float
    height: float
    score: float
    landmarks: np.ndarray = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    detector: str

    def landmark(self, name: str) -> np.ndarray:
        """Return one landmark, (2,) float64; ValueError when the detector has no such one."""
        return self.landmarks[self.names.index(name)]

    @property
    def eye_angle(self) -> float:
        """How far the line through the eyes falls to the right, in degrees, -180 to 180."""
        x, y = self.landmark("right_eye") - self.landmark("left_eye")
        return math.degrees(math.atan2(y, x))
