"""BlazeFace: a fast face detector with six landmarks, in numpy and onnxruntime.

Bazarevsky et al. 2019, of Google's MediaPipe; the ONNX files and where they come from:
`demo/vendor/blazeface/README.md`.  The page in `demo/` does the same in JavaScript; this is the
arithmetic that both follow, in float64 except for what goes into the net:

1. Letterbox: L = max(W, H); the square of side L about the picture's middle, its left at
   (W - L) / 2 and its top at (H - L) / 2, black outside the picture, is resized to S x S by
   `fer_utils.faces.resize.area_resize` (not rounded).
2. Input "input:0", (1, S, S, 3) float32, RGB: value / 127.5 - 1.
3. The graph has neither anchors, nor sigmoid, nor non-maximum suppression.  Outputs: "Identity"
   (1, 512, 1) and "Identity_1" (1, 384, 1) scores, "Identity_2" (1, 512, 16) and "Identity_3"
   (1, 384, 16) boxes.  Joined they are 896 rows: the first 512 belong to a grid of 16 x 16 cells,
   2 rows a cell, the others to one of 8 x 8, 6 rows a cell; cells go by rows, from the top left.
4. score = 1 / (1 + exp(-raw)), raw cut to -100..100.  Rows with a score of at least `min_score`
   stay.
5. The anchor is the middle of the cell, (column + 0.5) / cells and (row + 0.5) / cells.  A row of
   boxes is center x, center y, width, height, then six x, y.  Centers and landmarks are
   anchor + value / S, sizes value / S, all in parts of the square.  Rows whose width or height
   is not above 0 are dropped.
6. Weighted suppression, as MediaPipe: the best row left (the first of equals) and all rows left
   whose IoU with it is above 0.3 become one face: the mean of their corners and landmarks weighted
   by score; its score is the best row's.  Repeat until none is left.
7. Back to the picture: x = (W - L) / 2 + x * L, y = (H - L) / 2 + y * L.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import onnxruntime

from fer_utils.errors import DataError, unknown_name
from fer_utils.faces.face import Face
from fer_utils.faces.resize import area_resize
from fer_utils.files import sha256_bytes
from fer_utils.paths import ROOT, relative

FOLDER = ROOT / "demo" / "vendor" / "blazeface"
#: Side of the input -> SHA-256 of the file.  128: near faces, as before a webcam; 256: photos.
FILES = {
    128: "d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51",
    256: "427cbbe0fc41448d09e1dc9cfabe2423d997cf2faaeab91fadd09a510b63b8e2",
}
#: Left and right are those of the picture.
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth", "left_ear", "right_ear")
MIN_SCORE = 0.6  # below it, more and more things that are no faces
MAX_OVERLAP = 0.3  # IoU above which two rows are one face
INPUT = "input:0"
OUTPUTS = ("Identity:0", "Identity_1:0", "Identity_2:0", "Identity_3:0")
_GRIDS = ((16, 2), (8, 6))  # cells in a row, anchors in a cell
_LARGEST_RAW = 100.0


@dataclass(frozen=True)
class BlazeFace:
    """A loaded detector; `size` is the side of its input in pixels, 128 or 256."""

    size: int
    session: onnxruntime.InferenceSession

    def detect(self, image: np.ndarray, min_score: float = MIN_SCORE) -> list[Face]:
        """Return the faces in `image`, (H, W, 3) uint8 RGB, best first."""
        height, width = image.shape[:2]
        square = letterbox(image, self.size)
        inputs = (square / 127.5 - 1.0).astype(np.float32)[None]
        outputs = self.session.run(OUTPUTS, {INPUT: inputs})
        boxes, scores = decode(outputs, self.size, min_score)
        boxes, scores = suppress(boxes, scores)
        side = max(width, height)
        points = boxes.reshape(-1, 8, 2) * side
        points += ((width - side) / 2, (height - side) / 2)
        return [_face(corners, score) for corners, score in zip(points, scores, strict=True)]


@cache
def load_blazeface(size: int = 256, threads: int = 1) -> BlazeFace:
    """Return the detector for inputs of `size` x `size` pixels: 128 for a webcam, 256 for photos.

    128 misses faces of less than about a seventh of the picture's longer side, 256 those of less
    than about a fifteenth (`fer_utils.faces.tiles` finds smaller ones).  threads: of onnxruntime.
    Raises ConfigError for another size, DataError when the file is missing or is not the one.
    """
    if size not in FILES:
        raise unknown_name("size of BlazeFace", size, FILES)
    path = FOLDER / f"blazeface_{size}.onnx"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{relative(path)} is missing ({error.strerror}); it is part of this repository: "
            "restore it with `git checkout`"
        ) from error
    if sha256_bytes(data) != FILES[size]:
        raise DataError(
            f"{relative(path)}: its SHA-256 is not the expected {FILES[size]}; restore it with "
            "`git checkout`"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # it complains of constants that the files leave unused
    return BlazeFace(
        size, onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    )


def letterbox(image: np.ndarray, size: int) -> np.ndarray:
    """Return `image` (H, W, 3) in the middle of a black square, (size, size, 3) float64."""
    height, width = image.shape[:2]
    side = max(width, height)
    box = ((width - side) / 2, (height - side) / 2, side, side)
    return area_resize(image, box, (size, size))


def anchors() -> np.ndarray:
    """Return the middles of the cells, (896, 2) float64, x and y in parts of the square."""
    parts = []
    for cells, each in _GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        parts.append(np.repeat(grid, each, axis=0))
    return np.concatenate(parts)


def decode(
    outputs: list[np.ndarray], size: int, min_score: float = MIN_SCORE
) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes (n, 16) and scores (n,), float64, of the rows that reach `min_score`.

    Rows without a positive width and height are left out.
    outputs: the net's four, in the order of `OUTPUTS`.  A box is left, top, right, bottom, then
    x and y of the six `LANDMARKS`, in parts of the square.
    """
    raw = np.concatenate([part.reshape(-1) for part in outputs[:2]]).astype(np.float64)
    scores = 1 / (1 + np.exp(-np.clip(raw, -_LARGEST_RAW, _LARGEST_RAW)))
    values = np.concatenate([part.reshape(-1, 16) for part in outputs[2:]])
    kept = np.flatnonzero((scores >= min_score) & (values[:, 2:4] > 0).all(axis=1))
    values = values[kept] / float(size)
    anchor = anchors()[kept]
    center, extent = anchor + values[:, :2], values[:, 2:4]
    points = np.tile(anchor, 6) + values[:, 4:]
    return np.hstack((center - extent / 2, center + extent / 2, points)), scores[kept]


def suppress(
    boxes: np.ndarray, scores: np.ndarray, max_overlap: float = MAX_OVERLAP
) -> tuple[np.ndarray, np.ndarray]:
    """Return one row for each face, (m, 16) and (m,), best first: see 6. in the module's text.

    boxes: (n, 16) as `decode` gives them; scores: (n,).
    """
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    merged, best = [], []
    while len(scores):
        same = overlap(boxes[0], boxes) > max_overlap
        same[0] = True  # even a box without area is itself
        weights = scores[same]
        merged.append((weights[:, None] * boxes[same]).sum(axis=0) / weights.sum())
        best.append(scores[0])
        boxes, scores = boxes[~same], scores[~same]
    return np.array(merged).reshape(-1, 16), np.array(best)


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the intersection over union of `box` with each of `boxes` (n, 4 or more), (n,)."""
    inner = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    common = np.maximum(inner, 0).prod(axis=1)
    area = (box[2:4] - box[:2]).prod() + (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1) - common
    return np.divide(common, area, out=np.zeros(len(boxes)), where=area > 0)


def _face(points: np.ndarray, score: float) -> Face:
    """Return the face of (8, 2) points: two corners of the box, six landmarks."""
    (left, top), (right, bottom) = points[:2].tolist()
    return Face(
        left, top, right - left, bottom - top, float(score), points[2:], LANDMARKS, "blazeface"
    )
