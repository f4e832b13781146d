"""Small faces in large photos: the detector looks at overlapping parts as well."""

from collections.abc import Iterator

import numpy as np

from fer_utils.faces.blazeface import BlazeFace
from fer_utils.faces.face import Face

#: Tiles of this part of the longer side are looked at from this longer side on, in pixels.
LEVELS = ((1 / 2, 600), (1 / 4, 1200))
#: By which tiles overlap at least, in sides; larger faces were seen whole one level above.
OVERLAP = 0.25
#: A small face in a tile must be surer: there are many tiles in which to see things.
TILE_SCORE = 0.7
#: And its eyes this level, in degrees: most of what is no face looks like a face on its side.
TILE_TILT = 30.0
SAME = 0.3  # IoU above which two boxes are one face
INSIDE = 0.6  # part of the smaller box inside the other above which they are one face
RIM = 2 / 256  # a box that comes so near to a tile's edge, in sides, is cut off by it


def detect_in_tiles(image: np.ndarray, detector: BlazeFace, min_score: float) -> list[Face]:
    """Return the faces in a photo and in its tiles, (H, W, 3) uint8 RGB, best first.

    Each face once: of boxes that are about the same, that of the largest view.
    """
    faces = detector.detect(image, min_score)
    height, width = image.shape[:2]
    for part, smallest in LEVELS:
        if max(width, height) < smallest:
            break
        side = round(max(width, height) * part)
        for left, top in _tiles(width, height, side):
            tile = image[top : top + side, left : left + side]
            for face in detector.detect(tile, max(min_score, TILE_SCORE)):
                found = _moved(face, left, top)
                if (
                    abs(face.eye_angle) <= TILE_TILT
                    and not _cut(found, (left, top, side), (width, height))
                    and not any(_same(found, other) for other in faces)
                ):
                    faces.append(found)
    return sorted(faces, key=lambda face: -face.score)


def _tiles(width: int, height: int, side: int) -> Iterator[tuple[int, int]]:
    """Yield left and top of tiles that cover the picture and overlap."""
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / ((1 - OVERLAP) * side))) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _moved(face: Face, left: int, top: int) -> Face:
    return Face(
        face.x + left, face.y + top, face.width, face.height, face.score,
        face.landmarks + np.array((left, top)), face.names, face.detector,
    )  # fmt: skip


def _cut(face: Face, tile: tuple[int, int, int], size: tuple[int, int]) -> bool:
    """Tell whether an edge of the tile, which is none of the picture, goes through the face."""
    left, top, side = tile
    rim = RIM * side
    return (
        (left > 0 and face.x < left + rim)
        or (top > 0 and face.y < top + rim)
        or (left + side < size[0] and face.x + face.width > left + side - rim)
        or (top + side < size[1] and face.y + face.height > top + side - rim)
    )


def _same(one: Face, other: Face) -> bool:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return False
    common, areas = width * height, (one.width * one.height, other.width * other.height)
    return common > SAME * (sum(areas) - common) or common > INSIDE * min(areas)
