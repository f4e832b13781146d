"""Draw the parts of a face: eyes, brows, nose, mouth, hair, glasses, all faces of a batch at once.

Every function paints on `canvas`, a float32 array (N, H, W) of gray tones 0 to 1, in face
coordinates `u` (right) and `v` (down), both (N, H, W); `edge` is the width of a soft edge.
Only + - * / and square roots are used on pixels, which every processor rounds alike, so that
the same seed gives the same bytes everywhere.
"""

import numpy as np

from fer_utils.datasets.face_parameters import FaceParameters

DARK = np.float32(0.07)


def cover(distance: np.ndarray, edge) -> np.ndarray:
    """Return how much of each pixel a shape covers, 0 to 1, from its signed distance."""
    return np.clip(0.5 - distance / edge, 0, 1)


def paint(canvas: np.ndarray, tone, alpha: np.ndarray) -> None:
    """Lay a gray tone over the canvas in place; alpha 0 leaves a pixel, 1 covers it."""
    canvas += alpha * (tone - canvas)


def ellipse(x, y, width, height) -> np.ndarray:
    """Return the signed distance (about) to an ellipse at the origin with these half axes."""
    radius = np.sqrt((x / width) ** 2 + (y / height) ** 2)
    return (radius - 1) * np.minimum(width, height)


def blob(x, y, width, height) -> np.ndarray:
    """Return a soft bump: 1 at the origin, 0 from an ellipse with these half axes on."""
    return np.maximum(1 - (x / width) ** 2 - (y / height) ** 2, 0) ** 2


def wave(x: np.ndarray) -> np.ndarray:
    """Return a triangle wave with period 1 between 0 and 1."""
    return np.abs(x - np.floor(x) - 0.5) * 2


def mouth_shape(faces: FaceParameters) -> dict[str, np.ndarray]:
    """Return the mouth's measures, each (N, 1, 1): half width, corners, openings, lips.

    corner: how far the corners lie below the middle of the lip line (negative in a smile);
    upper, lower: how far the inner edges of the lips part from the lip line.
    """
    au = faces.unit
    smile, jaw, part = au(12), au(26), au(25)
    width = faces["mouth_width"] * (
        1 + 0.36 * smile + 0.30 * au(20) - 0.16 * au(23) - 0.24 * jaw * (1 - np.minimum(smile, 1))
    )
    squeeze = 1 - 0.45 * np.minimum(au(23), 1) - 0.35 * np.minimum(au(24), 1)
    return {
        "width": width,
        "center": faces["mouth_y"] + 0.03 * smile - 0.035 * au(17) - 0.03 * au(10) + 0.03 * jaw,
        "corner": -0.17 * smile + 0.125 * au(15) + 0.03 * au(20) + 0.03 * au(17),
        "upper": (0.025 * part + 0.07 * jaw + 0.05 * au(10) * part) * (1 - 0.6 * smile),
        "lower": 0.055 * part + 0.20 * jaw + 0.10 * smile * part + 0.06 * au(16) * part,
        "round": np.minimum(0.9 * au(20) + 0.7 * au(16) + 0.5 * au(10) + jaw, 1)
        * (1 - 0.5 * smile),
        "lips": faces["lips"] * squeeze * (1 - 0.25 * np.minimum(smile, 1)),
    }


def draw_mouth(canvas, u, v, faces: FaceParameters, edge) -> None:
    """Draw lips, teeth, tongue and the shadows around them."""
    m = mouth_shape(faces)
    au = faces.unit
    t = np.clip(u / m["width"], -1, 1)
    t2 = t * t
    round_ = np.sqrt(1 - t2)  # fuller towards the corners than a parabola
    bow = (1 - t2) + m["round"] * (round_ - (1 - t2))
    line = m["center"] + m["corner"] * t2 + faces["mouth_skew"] * t
    top, bottom = line - m["upper"] * bow, line + m["lower"] * bow
    ends = np.abs(u) - m["width"]
    skin = faces["skin"]
    dip = 1 - 0.30 * np.maximum(1 - 25 * t2, 0)  # cupid's bow
    lip_top = top - m["lips"] * 0.85 * (1 - t2 * t2) * dip
    lip_bottom = bottom + m["lips"] * 1.1 * (1 - t2)

    below = m["center"] + m["lower"] + m["lips"] + 0.07
    paint(canvas, skin * 0.6, 0.5 * blob(u, v - below, 0.22, 0.09))
    lips = cover(np.maximum(np.maximum(lip_top - v, v - lip_bottom), ends), edge)
    paint(canvas, skin * faces["lip_tone"], lips)
    paint(canvas, skin, 0.25 * lips * blob(u, v - bottom - m["lips"] * 0.5, 0.16, 0.05))

    inside = cover(np.maximum(np.maximum(top - v, v - bottom), ends), edge)
    paint(canvas, DARK, inside)
    tongue = np.clip(4 * m["lower"] - 0.5, 0, 0.6)
    paint(canvas, 0.36 * skin + 0.1, inside * tongue * blob(u, v - bottom, 0.2, 0.14) * 1.4)
    teeth = np.minimum(0.02 + 0.075 * (au(12) + au(10) + 0.8 * au(20)), 0.115)
    paint(canvas, 1.0, inside * cover(v - top - teeth, edge) * np.clip(25 * teeth - 0.5, 0, 1))
    low_teeth = 0.045 * np.minimum(au(16) + 0.7 * au(20), 1)
    paint(
        canvas, 0.85, inside * cover(bottom - low_teeth - v, edge) * np.minimum(20 * low_teeth, 1)
    )
    gap = np.maximum(np.abs(v - (top + bottom) / 2) - 0.015, ends - 0.015)
    closed = np.clip(1 - 25 * (m["upper"] + m["lower"]), 0, 1)
    paint(canvas, 0.3 * skin, 0.9 * closed * cover(gap, edge))

    side = np.abs(u)
    corner_y = v - m["center"] - m["corner"]
    pull = np.minimum(0.25 + 0.4 * au(12) + 0.5 * au(15) + 0.3 * au(20), 0.8)
    paint(canvas, 0.45 * skin, pull * blob(side - m["width"] - 0.02, corner_y, 0.06, 0.07))
    chin = blob(u, v - 0.83, 0.2, 0.11) * wave(u * 11) * wave(v * 13 + 0.3)
    paint(canvas, 0.5 * skin, 0.7 * np.minimum(au(17), 1) * chin)


def draw_nose(canvas, u, v, faces: FaceParameters, edge) -> None:
    """Draw the nose, the folds beside it and the wrinkles of its bridge."""
    au, skin = faces.unit, faces["skin"]
    wrinkled = np.minimum(au(9), 1.2)
    y = faces["nose_y"] - 0.05 * wrinkled
    width = faces["nose_width"] * (1 + 0.14 * wrinkled + 0.1 * au(12))
    x = u - 0.2 * faces["yaw"]  # the tip stands out towards where the face looks
    light = faces["light_x"]
    shaded = np.where(light > 0, -1.0, 1.0).astype(np.float32)
    strength = 0.25 + 0.35 * np.abs(light)
    top = faces["eye_y"]
    down = np.clip((v - top) / (y - top), 0, 1)
    flank = np.abs(x * shaded - 0.045 - 0.055 * down) - 0.03
    flank = np.maximum(flank, np.maximum(top - v, v - y))
    paint(canvas, 0.62 * skin, strength * cover(flank, 2.2 * edge))
    paint(canvas, np.minimum(skin * 1.3, 1), 0.55 * blob(x, v - (top + y) / 2, 0.05, 0.3))
    paint(canvas, np.minimum(skin * 1.35, 1), 0.6 * blob(x, v - y + 0.05, 0.1, 0.09))
    paint(canvas, 0.55 * skin, 0.55 * blob(x, v - y - 0.06, 1.25 * width, 0.06))
    side = np.abs(x)
    paint(canvas, 0.2 * skin, cover(ellipse(side - 0.5 * width, v - y - 0.025, 0.042, 0.026), edge))
    wing = np.abs(ellipse(side - 0.72 * width, v - y + 0.005, 0.055, 0.06)) - 0.012
    wing = np.maximum(wing, 0.75 * width - side)
    paint(canvas, 0.5 * skin, 0.8 * cover(wing, edge))

    mouth = mouth_shape(faces)
    foot = mouth["center"] + mouth["corner"] + 0.02
    along = np.clip((v - y + 0.04) / (foot - y + 0.04), 0, 1)
    reach = mouth["width"] + 0.07 - width
    fold = np.abs(np.abs(u) - width - 0.01 - reach * along * (1.5 - 0.5 * along)) - 0.013
    fold = np.maximum(fold, np.maximum(y - 0.04 - v, v - foot))
    deep = 0.35 * faces["age"] + 0.6 * au(12) + 0.8 * au(9) + 0.35 * au(10)
    deep = np.minimum(deep, 0.8) * (1 - 0.75 * along)
    paint(canvas, 0.5 * skin, deep * cover(fold, 1.5 * edge))
    lines = blob(x, v - top - 0.1, 0.17, 0.16) * wave((v + np.abs(x) * 0.6) * 11)
    paint(canvas, 0.35 * skin, np.minimum(1.1 * wrinkled, 1) * lines)


def draw_brows(canvas, u, v, faces: FaceParameters, edge) -> None:
    """Draw both brows, the furrows between them and those of the forehead."""
    au, skin = faces.unit, faces["skin"]
    inner_up, outer_up, low = au(1), au(2), au(4)
    start = 0.115 - 0.05 * low
    t = (np.abs(u) - start) / (0.43 + 0.05 * low)
    inside = np.clip(t, 0, 1)
    base = faces["eye_y"] - faces["brow_gap"] * faces["eye_size"]
    base = base + 0.075 * low * (1 - 0.6 * np.minimum(inner_up, 1)) + 0.03 * au(9)
    inner = -0.13 * inner_up + 0.085 * low * (1 - 0.8 * np.minimum(inner_up, 1)) + 0.04 * au(9)
    outer = -0.13 * outer_up - 0.02 * low
    arch = faces["brow_arch"] + 0.05 * outer_up
    y = base + inner * (1 - inside) + outer * inside
    y = y - 4 * arch * inside * (1 - inside) + 0.05 * inside * inside
    thick = faces["brow_thick"] * (1.15 - 0.75 * inside)
    stroke = np.maximum(np.abs(v - y) - thick, (np.abs(t - 0.5) - 0.5) * 0.45)
    tone = np.minimum(0.75 * faces["hair"] + 0.02, 0.62 * skin)
    paint(canvas, tone, 0.92 * cover(stroke, edge))
    furrow = blob(np.abs(u) - 0.045, v - base - 0.02, 0.04, 0.14)
    paint(canvas, 0.35 * skin, np.minimum(0.75 * low, 0.9) * furrow)
    forehead = blob(u, v - base + 0.26, 0.5, 0.17) * wave((v + 0.25 * u * u) * 12)
    deep = 0.3 * faces["age"] + 0.55 * np.minimum(inner_up, outer_up) + 0.25 * inner_up
    paint(canvas, 0.5 * skin, np.minimum(deep, 0.8) * forehead)


def draw_eyes(canvas, u, v, faces: FaceParameters, edge) -> None:
    """Draw both eyes: sockets, whites, irises, pupils, lids and lashes."""
    au, skin, size = faces.unit, faces["skin"], faces["eye_size"]
    shut = np.clip(1 - 1.1 * au(43), 0, 1)
    upper = 0.082 * size * (1 + 0.62 * au(5) - 0.34 * au(7) - 0.25 * au(6) - 0.25 * au(9))
    upper = np.maximum(upper - 0.012 * au(4), 0.008) * shut
    lower = 0.052 * size * (1 + 0.25 * au(5) - 0.5 * au(7) - 0.75 * au(6) - 0.4 * au(9))
    lower = lower * (0.4 + 0.6 * shut)
    width = 0.165 * size
    slant = faces["eye_slant"] + 0.05 * np.minimum(au(1), 1) * (1 - np.minimum(au(5), 1))
    for side in (-1, 1):
        x = side * u - faces["eye_x"]  # grows outwards
        y = v - faces["eye_y"] - slant * x / width
        t2 = np.minimum((x / width) ** 2, 1)
        ends = (np.abs(x) - width) * 0.6
        paint(canvas, 0.6 * skin, 0.5 * blob(x, y + 0.03, 0.28, 0.2))
        top, bottom = -upper * (1 - t2), lower * (1 - t2)
        white = cover(np.maximum(np.maximum(top - y, y - bottom), ends), edge)
        paint(canvas, np.minimum(0.62 + 0.38 * skin, 0.95), white)
        gx, gy = x - side * faces["gaze_x"], y - faces["gaze_y"] + 0.008
        paint(canvas, faces["iris"], white * cover(ellipse(gx, gy, 0.078, 0.078), edge))
        paint(canvas, 0.03, white * cover(ellipse(gx, gy, 0.036, 0.036), edge))
        paint(
            canvas,
            0.98,
            0.9 * white * cover(ellipse(gx + side * 0.028, gy + 0.03, 0.021, 0.021), edge),
        )
        lash = np.maximum(np.abs(y - top + 0.008) - 0.013 - 0.012 * faces["lashes"], ends)
        paint(canvas, 0.3 * skin * (1 - 0.6 * faces["lashes"]), 0.95 * cover(lash, edge))
        rim = np.maximum(np.abs(y - bottom) - 0.006, ends + 0.02)
        paint(canvas, 0.5 * skin, np.minimum(0.45 + 0.4 * au(7), 0.9) * cover(rim, edge))
        crease = np.maximum(np.abs(y - top + 0.06) - 0.006, ends + 0.03)
        paint(canvas, 0.5 * skin, 0.5 * cover(crease, edge))
        bag = np.maximum(np.abs(y - bottom - 0.055) - 0.008, ends + 0.02)
        deep = 0.3 * faces["age"] + 0.6 * au(6) + 0.3 * au(9)
        paint(canvas, 0.5 * skin, np.minimum(deep, 0.75) * cover(bag, 1.3 * edge))
        feet = blob(x - 0.23, y - 0.02, 0.1, 0.13) * wave(
            (y - 0.02) / (0.09 + 0.4 * np.abs(x)) * 0.9
        )
        paint(canvas, 0.45 * skin, np.minimum(0.2 * faces["age"] + 0.7 * au(6), 0.9) * feet)
        cheek = np.minimum(0.12 + 0.35 * (au(6) + 0.5 * au(12)), 0.6)
        paint(canvas, np.minimum(1.25 * skin, 1), cheek * blob(x - 0.1, v - 0.2, 0.2, 0.17))
