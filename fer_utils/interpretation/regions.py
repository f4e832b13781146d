"""Which region of the face carries which emotion: ours beside what cs230-fer says."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from torch import nn

from fer_utils.evaluation import interval, resample_weights
from fer_utils.interpretation.occlusion import Box, occlusion_falls

#: Regions of FER2013's mean face, which is 48 x 48 pixels: top, left, bottom, right.  All have
#: the same area, so that none matters more because it is larger.
REGIONS: dict[str, Box] = {
    "brows": (9, 8, 15, 40),
    "eyes": (15, 8, 21, 40),
    "nose": (21, 16, 33, 32),
    "mouth": (34, 12, 42, 36),
}

#: cs230-fer's statements, read off its own occlusion maps; it says nothing of the others.
PUBLISHED = {
    "disgust": ("nose", "mouth"),
    "happy": ("mouth",),
    "surprise": ("eyes", "nose"),
    "neutral": ("brows", "eyes", "mouth"),  # "all but the nose"
}


def region_table(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    regions: Mapping[str, Box] = REGIONS,
    *,
    samples: int = 1_000,
) -> pd.DataFrame:
    """Return how far each class's probability falls when a region is covered, mean over faces.

    images: (N, 48, 48), faces that the model gets right; labels: (N,).  Columns class, region,
    faces, fall, ci_low, ci_high (95 % bootstrap interval over the faces), fractions of one.
    A class without faces has NaN.
    """
    falls = occlusion_falls(model, images, labels, list(regions.values()))
    rows = []
    for label, name in enumerate(class_names):
        mine = falls[labels == label].astype(np.float64)
        n = len(mine)
        means = low = high = np.full(len(regions), np.nan)
        if n:
            means = mine.mean(axis=0)
            low, high = interval(resample_weights(n, samples) @ mine / n)
        for number, region in enumerate(regions):
            row = {"class": name, "region": region, "faces": n, "fall": means[number]}
            rows.append(row | {"ci_low": low[number], "ci_high": high[number]})
    return pd.DataFrame(rows)


def carriers(falls: Mapping[str, float]) -> tuple[str, ...]:
    """Return the regions that carry an emotion: at least half the fall of the strongest one.

    falls: region -> fall of the class's probability.  None where no region's fall is above zero.
    """
    highest = max(falls.values(), default=0.0)
    if not highest > 0:
        return ()
    return tuple(region for region, fall in falls.items() if fall >= highest / 2)


def compare_with_published(
    table: pd.DataFrame, published: Mapping[str, Sequence[str]] = PUBLISHED
) -> pd.DataFrame:
    """Return one row per class: class, faces, ours, published, agrees, texts for a table.

    table: see `region_table`.  ours: see `carriers`; agrees: "yes", "partly" (some of the
    regions are the same), "no", or "" where nothing was published or measured.
    """
    rows = []
    for name, part in table.groupby("class", sort=False):
        ours = carriers(part.set_index("region")["fall"].dropna().to_dict())
        theirs = tuple(published.get(name, ()))
        agrees = ""
        if ours and theirs:
            common = set(ours) & set(theirs)
            agrees = "yes" if set(ours) == set(theirs) else "partly" if common else "no"
        rows.append(
            {
                "class": name,
                "faces": int(part["faces"].iloc[0]),
                "ours": ", ".join(ours),
                "published": ", ".join(theirs),
                "agrees": agrees,
            }
        )
    return pd.DataFrame(rows)
