"""Profiles: how much is run. The code path is the same for all; only these numbers differ."""

from dataclasses import dataclass

from fer_utils import hardware
from fer_utils.errors import unknown_name


@dataclass(frozen=True)
class Profile:
    """How much of everything is run.

    epoch_fraction: part of a recipe's epochs that is trained (at least one epoch).
    headline_seeds, variant_seeds: random seeds trained of headline recipes and of the others.
    all_recipes: whether recipes marked `full_only` are trained at all.
    synthetic_images: size of the synthetic data set.
    picture_side: pixels that the pictures of the eight-expression data sets are shrunk to.
    bootstrap_samples: resamples behind a 95 % interval.
    """

    name: str
    epoch_fraction: float
    headline_seeds: int
    variant_seeds: int
    all_recipes: bool
    synthetic_images: int
    picture_side: int
    bootstrap_samples: int


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("smoke", 0.0, 1, 1, False, 300, 88, 100),
        Profile("laptop", 0.3, 3, 1, False, 6_000, 110, 2_000),
        Profile("full", 1.0, 3, 1, True, 6_000, 256, 2_000),
    )
}


def get_profile(name: str) -> Profile:
    """Return the profile called `name`; raise ConfigError for an unknown one."""
    if name not in PROFILES:
        raise unknown_name("profile", name, PROFILES)
    return PROFILES[name]


def pick_profile(name: str) -> Profile:
    """Return the profile `name`, or what `auto` stands for: `full` with a GPU, else `laptop`."""
    if name == "auto":
        name = "full" if hardware.pick_device().type == "cuda" else "laptop"
    return get_profile(name)
