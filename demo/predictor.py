"""The nets on this machine: the same files and arithmetic as the page's js/engine.js."""

from collections.abc import Sequence

import numpy as np

from fer_utils.faces.classifier import shipped_classifier
from fer_utils.faces.crops import crop_face
from fer_utils.faces.detection import detect_faces
from fer_utils.faces.face import Face


class Predictor:
    """Finds faces and tells expressions; several threads may use one.

    facts: the content of the shipped net's model.json.
    """

    def __init__(self) -> None:
        self._classifier = shipped_classifier()
        self.facts = self._classifier.facts

    def detect(self, image: np.ndarray) -> list[Face]:
        """Return the faces in `image`, (H, W, 3) uint8 RGB, best first."""
        return detect_faces(image)

    def classify(self, image: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
        """Return class probabilities, (len(faces), C) float32."""
        side = self._classifier.side
        crops = [crop_face(image, face, side) for face in faces]
        return self._classifier.predict(np.array(crops, np.uint8).reshape(-1, side, side))
