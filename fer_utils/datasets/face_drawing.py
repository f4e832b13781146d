"""Draw whole faces from their parameters: head, hair, features, light, and the camera's faults."""

import numpy as np

from fer_utils.datasets.face_features import (
    blob,
    cover,
    draw_brows,
    draw_eyes,
    draw_mouth,
    draw_nose,
    ellipse,
    paint,
    wave,
)
from fer_utils.datasets.face_parameters import FaceParameters

_BATCH = 128  # faces drawn at once: their arrays stay in the processor's cache


def draw_faces(
    faces: FaceParameters, size: int = 48, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return the pictures of `faces`, (N, size, size) uint8.

    rng: draws the camera's noise; without it there is none.
    """
    pictures = np.empty((len(faces), size, size), np.uint8)
    for start in range(0, len(faces), _BATCH):
        part = faces.take(slice(start, start + _BATCH))
        canvas = _photograph(_draw(part, size), part, size, rng)
        pictures[start : start + _BATCH] = np.clip(canvas * 255 + 0.5, 0, 255)
    return pictures


def _draw(faces: FaceParameters, size: int) -> np.ndarray:
    """Return the ideal picture, (N, size, size) float32, before the camera."""
    grid = (np.arange(size, dtype=np.float32) * 2 + 1) / size - 1
    x, y = grid[None, None, :] - faces["center_x"], grid[None, :, None] - faces["center_y"]
    scale = faces["scale"]
    sine, cosine = _sine_cosine(faces["roll"])
    head_x, head_y = (x * cosine + y * sine) / scale, (y * cosine - x * sine) / scale
    edge = np.float32(2.4 / size) / scale

    width = faces["head_width"]
    height = faces["head_height"] * (1 + 0.07 * np.minimum(faces.unit(26), 1) * (head_y > 0))
    slim = 1 - faces["jaw"] * np.clip(head_y, 0, 1) ** 2
    nx, ny = head_x / (width * slim), head_y / height
    radius2 = nx * nx + ny * ny
    depth = np.sqrt(np.maximum(1 - radius2, 0))
    outline = (np.sqrt(radius2) - 1) * width
    # Features are painted on the ellipsoid of the head: turning it moves and foreshortens them.
    yaw_sine, yaw_cosine = _sine_cosine(faces["yaw"])
    pitch_sine, pitch_cosine = _sine_cosine(faces["pitch"])
    u = head_x * yaw_cosine - width * depth * yaw_sine
    v = head_y * pitch_cosine - 0.8 * height * depth * pitch_sine

    canvas = _background(x, y, faces)
    _draw_body(canvas, head_x, head_y, faces, edge)
    head = cover(outline, edge)
    shade = _shade(nx, ny, depth, faces)
    face = np.broadcast_to(faces["skin"], head.shape).astype(np.float32)
    _draw_beard(face, u, v, faces, edge)
    draw_nose(face, u, v, faces, edge)
    draw_mouth(face, u, v, faces, edge)
    draw_eyes(face, u, v, faces, edge)
    draw_brows(face, u, v, faces, edge)
    _draw_glasses(face, u, v, faces, edge)
    paint(canvas, face * shade, head)
    _draw_hair(canvas, u, v, head_y, outline, shade, faces, edge)
    _draw_occlusions(canvas, head_x, head_y, faces, edge)
    return canvas


def _sine_cosine(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sine and cosine of small angles by series: the same bits on every processor."""
    square = angle * angle
    sine = angle * (1 - square / 6 * (1 - square / 20))
    return sine, 1 - square / 2 * (1 - square / 12 * (1 - square / 30))


def _background(x, y, faces: FaceParameters) -> np.ndarray:
    place = faces["variation"]
    tone = faces["background"] + faces["slope"] * (x * (2 * place - 1) + y * (1 - place))
    stripes = np.floor((x + 0.3 * y) * (2 + 4 * place) + 7 * place)
    tone = tone + 0.13 * (place > 0.88) * (stripes - 2 * np.floor(stripes / 2) - 0.5)
    tone = tone + 0.3 * blob(x - 3 * place + 1.5, y + 0.7, 0.6, 0.8) * (place < 0.45)
    return np.clip(tone, 0, 1).astype(np.float32)


def _shade(nx, ny, depth, faces: FaceParameters) -> np.ndarray:
    """Return Lambert's shading of the head's ellipsoid under one lamp and ambient light."""
    lx, ly = faces["light_x"], faces["light_y"]
    length = np.sqrt(lx * lx + ly * ly + 1)
    lambert = np.maximum((nx * lx + ny * ly + depth) / length, 0)
    return faces["ambient"] + (1.12 - faces["ambient"]) * lambert


def _draw_body(canvas, x, y, faces: FaceParameters, edge) -> None:
    """Draw what is behind the head: neck, clothes, long hair and ears."""
    skin, width = faces["skin"], faces["head_width"]
    paint(canvas, faces["clothes"], cover(ellipse(x, y - 1.75, 1.25, 0.85), edge))
    neck = np.maximum(np.abs(x) - 0.42 * width / 0.7, 0.3 - y)
    neck = np.maximum(neck, ellipse(x, y - 0.7, 0.7, 0.55))
    paint(canvas, 0.62 * skin, cover(neck, edge))
    rows = faces["hair"] * (0.72 + 0.28 * _strands(x, 0.5 * y, faces))
    fall = np.maximum(np.abs(x) - width - faces["volume"] - 0.05 * y, -0.2 - y)
    paint(canvas, rows, faces["long_hair"] * (1 - faces["bald"]) * cover(fall, edge))
    ear_x = np.abs(x + 0.25 * width * faces["yaw"]) - width - 0.02
    ears = 1 - faces["long_hair"] * (1 - faces["bald"])
    paint(canvas, 0.8 * skin, ears * cover(ellipse(ear_x, y - 0.02, 0.085, 0.2), edge))
    paint(canvas, 0.5 * skin, 0.7 * ears * blob(ear_x - 0.02, y - 0.02, 0.06, 0.13))


def _draw_hair(canvas, u, v, head_y, outline, shade, faces: FaceParameters, edge) -> None:
    """Draw the hair on and above the head."""
    width, curly, fringe = faces["head_width"], faces["curly"], faces["fringe"]
    t2 = (u / width) ** 2
    line = faces["hairline"] + 0.24 * fringe + faces["parting"] * u * (1 - fringe)
    line = line + (0.46 - 0.2 * fringe) * t2 * t2 + 0.30 * faces["long_hair"] * t2 * t2 * t2
    line = line + (0.03 + 0.04 * curly) * wave(u * faces["strands"] * 0.5) * (0.4 + fringe)
    volume = (
        faces["volume"]
        * (1 + 0.7 * curly)
        * np.clip(0.9 * faces["long_hair"] - 1.7 * head_y - 0.15, 0, 1.1)
    )
    bumps = 0.05 * curly * wave((u + 0.6 * v) * 5) * wave((u - 0.6 * v) * 5)
    hair = cover(np.maximum(outline - volume - bumps, v - line), 1.4 * edge)
    rows = 0.78 + 0.32 * _strands(u, v, faces)
    bend = 0.12 * wave(u * 3.1 + v)
    curls = 0.76 + 0.34 * wave((u + v + bend) * 6) * wave((u - v - bend) * 5)
    tone = faces["hair"] * (rows + curly * (curls - rows)) * (0.55 + 0.45 * shade)
    tone = tone + 0.10 * blob(u - 0.3 * faces["light_x"], v + 0.85, 0.5, 0.25)
    shadow = cover(np.maximum(outline, v - line - 0.06), 3 * edge)
    paint(canvas, canvas * 0.72, 0.7 * shadow * (1 - faces["bald"]))
    paint(canvas, np.clip(tone, 0, 1), hair * (1 - faces["bald"]))


def _strands(u, v, faces: FaceParameters) -> np.ndarray:
    """Return the brightness of strands that fan out from the parting, 0 to 1, not periodic."""
    fan = (u - faces["parting"]) / (1.35 + v)
    many = faces["strands"]
    return 0.5 * wave(fan * many + 0.2 * v) + 0.5 * wave(fan * many * 0.37 - 0.3 * v + 0.3)


def _draw_beard(face, u, v, faces: FaceParameters, edge) -> None:
    side = (u / faces["head_width"]) ** 2
    region = cover(0.70 - 0.75 * side - v, 5 * edge)
    around = 1 - 0.75 * blob(u, v - faces["mouth_y"], 0.3, 0.16)
    tone = np.minimum(0.9 * faces["hair"] + 0.03, 0.7 * faces["skin"])
    grain = 0.75 + 0.5 * wave(u * 13 + v * 5) * wave(v * 9)
    full, short = 0.88 * faces["beard"], 0.30 * faces["stubble"]
    paint(face, tone * grain, np.maximum(full, short) * region * around)
    lip = (faces["nose_y"] + faces["mouth_y"]) / 2 + 0.01 - 0.03 * faces.unit(10)
    bar = np.maximum(np.abs(v - lip - 0.6 * u * u) - 0.052 + 0.4 * u * u, np.abs(u) - 0.26)
    hairs = np.maximum(faces["mustache"], faces["beard"])
    paint(face, tone * (0.8 + 0.3 * wave(u * 12)), 0.9 * hairs * cover(bar, 1.5 * edge))


def _draw_glasses(face, u, v, faces: FaceParameters, edge) -> None:
    worn = np.maximum(faces["glasses"], faces["sunglasses"])
    if not worn.any():
        return
    side = np.abs(u)
    lens = ellipse(side - faces["eye_x"], v - faces["eye_y"] - 0.02, 0.235, 0.185)
    frame = 0.05 + 0.25 * (faces["variation"] > 0.6)
    paint(face, 0.08, 0.93 * faces["sunglasses"] * cover(lens, edge))
    shine = cover(np.abs(u - v * 0.6 - 0.35) - 0.04, edge) * cover(lens, edge)
    paint(face, 0.95, 0.25 * worn * shine)
    paint(face, frame, 0.9 * worn * cover(np.abs(lens) - 0.016, edge))
    bridge = np.maximum(np.abs(v - faces["eye_y"] + 0.02) - 0.018, side - faces["eye_x"] + 0.225)
    arms = np.maximum(np.abs(v - faces["eye_y"]) - 0.018, faces["eye_x"] + 0.235 - side)
    paint(face, frame, 0.9 * worn * cover(np.minimum(bridge, arms), edge))


def _draw_occlusions(canvas, x, y, faces: FaceParameters, edge) -> None:
    """Draw a hand before the cheek or a strand of hair before an eye on the few that have one."""
    for kind in ("hand", "strand"):
        chosen = np.flatnonzero(faces.traits[kind])
        if not len(chosen):
            continue
        few = faces.take(chosen)
        place, turn = few["variation"], np.where(few["light_x"] > 0, 1.0, -1.0).astype(np.float32)
        part, px, py, soft = canvas[chosen], x[chosen] * turn, y[chosen], edge[chosen]
        if kind == "strand":
            bend = 0.15 + 0.5 * (py + 0.9) * (0.6 + 0.4 * place)
            lock = np.maximum(np.abs(px - bend) - 0.09 * (1.2 - 0.6 * py), py - 0.35)
            tone = few["hair"] * (0.75 + 0.4 * wave((px - bend) * 14))
            paint(part, tone, 0.95 * cover(lock, soft))
        else:
            skin = 0.95 * few["skin"]
            hx, hy = px - 0.55 + 0.3 * (py - 0.6), py - 0.55 - 0.3 * place
            palm = ellipse(hx, hy - 0.38, 0.36, 0.42)
            paint(part, 0.5 * skin, cover(palm - 0.03, soft))
            for finger in range(4):
                fx, fy = hx + 0.255 - 0.17 * finger, hy + 0.02 + 0.06 * abs(finger - 1.4)
                shape = np.sqrt(fx * fx + np.maximum(np.abs(fy) - 0.3, 0) ** 2) - 0.082
                paint(part, 0.5 * skin, cover(shape - 0.025, soft))
                paint(part, skin * (1.06 - 6 * fx * fx), cover(shape, soft))
            paint(part, skin, cover(palm, 3 * soft))
        canvas[chosen] = part


def _photograph(canvas, faces: FaceParameters, size: int, rng) -> np.ndarray:
    """Return the picture as a camera sees it: blur, contrast, brightness, noise."""
    side = faces["blur"].astype(np.float32)
    for _ in range(max(1, round(size / 24))):
        for axis in (1, 2):
            before, after = np.roll(canvas, 1, axis), np.roll(canvas, -1, axis)
            index = [slice(None)] * 3
            for position, neighbor in ((0, before), (-1, after)):
                index[axis] = position  # the edge has no neighbor outside: it is its own
                neighbor[tuple(index)] = canvas[tuple(index)]
            canvas = canvas + side * (before + after - 2 * canvas)
    canvas = 0.5 + (canvas - 0.5) * faces["contrast"] + faces["brightness"]
    if rng is not None:
        canvas = canvas + faces["noise"] * rng.standard_normal(canvas.shape, dtype=np.float32)
    return canvas
