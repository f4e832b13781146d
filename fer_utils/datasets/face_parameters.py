"""What a drawn face looks like: its facial action units and the traits of the person.

The action units and their combinations per expression follow Ekman & Friesen's Facial Action
Coding System and its emotional subset EMFACS (Ekman, Friesen & Hager 2002; Friesen & Ekman
1983).  Everything here is a number per face; `face_drawing` turns them into pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fer_utils.errors import unknown_name
from fer_utils.labels import FER2013_CLASSES

#: The facial action units that the drawing knows.
UNITS = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    43: "eye closure",
}

#: Mean intensity, 0 to 1, of the action units of each expression at its full strength.
ACTION_UNITS = {
    "angry": {4: 1.0, 5: 0.45, 7: 0.75, 17: 0.3, 23: 0.8, 24: 0.8},
    "disgust": {4: 0.5, 6: 0.3, 7: 0.6, 9: 1.0, 10: 0.9, 15: 0.5, 16: 0.5, 17: 0.4, 25: 0.3},
    "fear": {1: 0.9, 2: 0.5, 4: 0.6, 5: 0.9, 7: 0.2, 20: 1.0, 25: 0.8, 26: 0.25},
    "happy": {6: 0.8, 12: 1.0, 25: 0.8, 26: 0.15},
    "sad": {1: 0.9, 4: 0.6, 7: 0.15, 15: 1.0, 17: 0.6, 43: 0.25},
    "surprise": {1: 0.9, 2: 1.0, 5: 0.8, 25: 0.6, 26: 1.0},
    "neutral": {},
}

#: Second ways to show the same emotion: (how often, what replaces the mean intensities).
VARIANTS = {
    "angry": (0.35, {10: 0.6, 16: 0.6, 17: 0.0, 23: 0.1, 24: 0.0, 25: 1.0, 26: 0.6}),  # shouting
    "disgust": (0.3, {10: 1.0, 15: 0.3, 17: 0.0, 25: 0.8, 26: 0.35}),  # "yuck"
    "fear": (0.35, {5: 1.0, 20: 0.55, 25: 0.8, 26: 0.75}),  # screaming
    "happy": (0.35, {6: 0.6, 12: 0.95, 25: 0.0, 26: 0.0}),  # a smile with closed lips
    "sad": (0.25, {4: 0.7, 6: 0.4, 7: 0.5, 20: 0.5, 25: 0.7, 26: 0.3, 43: 0.6}),  # crying
    "surprise": (0.25, {5: 0.6, 26: 0.4}),  # mild
    "neutral": (0.3, {43: 0.1, 17: 0.15, 15: 0.12}),
}

#: Traits of person, pose, light and camera: (mean, standard deviation, lowest, highest).
#: Lengths are in half picture widths, angles in radians, gray tones run from 0 to 1.
TRAITS = {
    "head_width": (0.74, 0.045, 0.62, 0.86),
    "head_height": (0.98, 0.04, 0.88, 1.1),
    "jaw": (0.20, 0.08, 0.02, 0.36),
    "skin": (0.70, 0.15, 0.36, 0.92),
    "hair": (0.25, 0.20, 0.04, 0.90),
    "iris": (0.24, 0.10, 0.08, 0.50),
    "eye_x": (0.315, 0.018, 0.27, 0.36),
    "eye_y": (-0.13, 0.025, -0.2, -0.06),
    "eye_size": (1.0, 0.11, 0.75, 1.3),
    "eye_slant": (-0.02, 0.025, -0.08, 0.05),
    "gaze_x": (0.0, 0.022, -0.06, 0.06),
    "gaze_y": (0.0, 0.010, -0.02, 0.03),
    "brow_gap": (0.215, 0.022, 0.16, 0.28),
    "brow_thick": (0.036, 0.010, 0.018, 0.06),
    "brow_arch": (0.045, 0.020, 0.0, 0.1),
    "nose_y": (0.25, 0.03, 0.17, 0.33),
    "nose_width": (0.125, 0.018, 0.085, 0.18),
    "mouth_y": (0.54, 0.025, 0.48, 0.61),
    "mouth_width": (0.275, 0.025, 0.21, 0.34),
    "mouth_skew": (0.0, 0.018, -0.05, 0.05),
    "lips": (0.062, 0.015, 0.03, 0.1),
    "lip_tone": (0.70, 0.10, 0.40, 0.88),
    "age": (0.25, 0.25, 0.0, 1.0),
    "hairline": (-0.68, 0.07, -0.85, -0.52),
    "parting": (0.0, 0.16, -0.35, 0.35),
    "volume": (0.10, 0.06, 0.02, 0.26),
    "strands": (8.0, 2.5, 4.0, 14.0),
    "yaw": (0.0, 0.20, -0.5, 0.5),
    "pitch": (0.0, 0.09, -0.22, 0.22),
    "roll": (0.0, 0.10, -0.3, 0.3),
    "scale": (0.97, 0.06, 0.82, 1.14),
    "center_x": (0.0, 0.045, -0.12, 0.12),
    "center_y": (0.05, 0.045, -0.07, 0.17),
    "light_x": (0.0, 0.45, -0.95, 0.95),
    "light_y": (-0.3, 0.25, -0.8, 0.4),
    "ambient": (0.62, 0.12, 0.3, 0.9),
    "background": (0.5, 0.28, 0.02, 0.98),
    "slope": (0.0, 0.18, -0.4, 0.4),
    "clothes": (0.4, 0.28, 0.03, 0.95),
    "contrast": (0.97, 0.16, 0.55, 1.3),
    "brightness": (0.0, 0.075, -0.2, 0.2),
    "blur": (0.03, 0.08, 0.0, 0.2),
    "noise": (0.006, 0.008, 0.0, 0.03),
}

#: Yes or no of each face, and how often it is yes.
CHANCES = {
    "bald": 0.08,
    "long_hair": 0.40,
    "fringe": 0.25,
    "curly": 0.22,
    "beard": 0.14,
    "mustache": 0.12,
    "stubble": 0.14,
    "lashes": 0.4,
    "glasses": 0.16,
    "sunglasses": 0.012,
    "hand": 0.05,
    "strand": 0.05,
}


@dataclass(frozen=True, eq=False)
class FaceParameters:
    """All numbers of N faces: `units` and `traits` map a name to a float32 array (N,).

    `faces[name]` gives a trait and `faces.unit(number)` an action unit, shaped (N, 1, 1) so that
    they combine with pictures (N, H, W).
    """

    units: Mapping[int, np.ndarray]
    traits: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.traits["skin"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.traits[name][:, None, None]

    def unit(self, number: int) -> np.ndarray:
        """Return the intensities of one action unit as (N, 1, 1)."""
        return self.units[number][:, None, None]

    def take(self, positions: np.ndarray | slice) -> "FaceParameters":
        """Return the faces at `positions`."""
        return FaceParameters(
            {key: values[positions] for key, values in self.units.items()},
            {key: values[positions] for key, values in self.traits.items()},
        )


def _exact(values: np.ndarray) -> np.ndarray:
    """Round to four decimals: a last-bit difference between processors must not reach a pixel."""
    return np.round(values, 4).astype(np.float32)


def expression_units(expression: str, variant: bool = False) -> np.ndarray:
    """Return the mean intensity of every unit of `UNITS`, (U,) float64, of one expression."""
    if expression not in ACTION_UNITS:
        raise unknown_name("expression", expression, ACTION_UNITS)
    table = dict(ACTION_UNITS[expression])
    if variant:
        table |= VARIANTS[expression][1]
    return np.array([table.get(unit, 0.0) for unit in UNITS])


def mix_units(
    shown: np.ndarray, second: np.ndarray, intensity: np.ndarray, share: np.ndarray, rng
) -> dict[int, np.ndarray]:
    """Return the action units of N faces that show one expression with a touch of a second.

    shown, second: (N,) int, indices into `FER2013_CLASSES`; intensity: (N,) of `shown`,
    0 (a neutral face) to about 1; share: (N,) of `second`; rng: a numpy Generator.
    """
    plain = np.stack([expression_units(name) for name in FER2013_CLASSES])
    varied = np.stack([expression_units(name, variant=True) for name in FER2013_CLASSES])
    often = np.array([VARIANTS[name][0] for name in FER2013_CLASSES])
    main = np.where((rng.random(len(shown)) < often[shown])[:, None], varied[shown], plain[shown])
    mixed = intensity[:, None] * main + share[:, None] * plain[second]
    mixed *= rng.uniform(0.6, 1.35, mixed.shape)  # every person moves some muscles more
    mixed *= rng.random(mixed.shape) > 0.06  # and some not at all
    mixed += rng.normal(0, 0.05, mixed.shape)  # faces at rest differ
    mixed = np.clip(mixed, 0, 1.25)
    return {unit: _exact(mixed[:, column]) for column, unit in enumerate(UNITS)}


def sample_faces(units: Mapping[int, np.ndarray], rng: np.random.Generator) -> FaceParameters:
    """Return faces of random people, pose, light and camera that show the given action units."""
    n = len(next(iter(units.values())))
    traits = {
        name: np.clip(rng.normal(mean, deviation, n), low, high)
        for name, (mean, deviation, low, high) in TRAITS.items()
    }
    traits |= {name: (rng.random(n) < chance) * 1.0 for name, chance in CHANCES.items()}
    traits["hair"] = np.minimum(traits["hair"], traits["skin"] + 0.15)
    traits["strand"] *= 1 - traits["bald"]
    traits["variation"] = rng.random(n)  # places hands, strands and background
    return FaceParameters(units, {name: _exact(values) for name, values in traits.items()})
