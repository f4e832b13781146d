"""The data sets by name. To add one: write its module, add one entry to `DATASETS`."""

from collections.abc import Callable

from fer_utils.datasets.base import FaceDataset
from fer_utils.errors import unknown_name
from fer_utils.profiles import Profile


def _fer2013(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.fer2013 import load_fer2013

    return load_fer2013()


def _synthetic(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.synthetic import load_synthetic

    return load_synthetic(images=profile.synthetic_images) if profile else load_synthetic()


def _facial_expressions(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.facial_expressions import load_facial_expressions

    return load_facial_expressions(side=_side(profile))


def _affectnet(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.affectnet import load_affectnet

    return load_affectnet(side=_side(profile))


def _ckplus(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.ckplus import load_ckplus

    return load_ckplus()


def _jaffe(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.jaffe import load_jaffe

    return load_jaffe()


def _captures(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.captures import load_captures

    return load_captures().as_dataset()


def _fer2013_auxiliary(profile: Profile | None) -> FaceDataset:
    from fer_utils.datasets.auxiliary import with_auxiliary

    return with_auxiliary(_fer2013(profile), (_ckplus(profile), _jaffe(profile)))


def _side(profile: Profile | None) -> int:
    """Return the side of the pictures of the eight-expression data sets, in pixels."""
    return profile.picture_side if profile else 110


#: Registry: name -> function that loads the data set (and imports its module only then).
DATASETS: dict[str, Callable[[Profile | None], FaceDataset]] = {
    "fer2013": _fer2013,
    "facial_expressions": _facial_expressions,
    "affectnet": _affectnet,
    "ckplus": _ckplus,
    "jaffe": _jaffe,
    "captures": _captures,
    "fer2013_auxiliary": _fer2013_auxiliary,
    "synthetic": _synthetic,
}


#: What a report can be about; the other sets are what single recipes need.
MAIN = ("fer2013", "synthetic")


def resolve_dataset_name(name: str = "auto") -> str:
    """Return the registry name of `name`; ``auto`` is fer2013 where it is there, else synthetic.

    Looks only whether data/raw holds FER2013 in one of its accepted forms; reads nothing.
    Raises ConfigError for an unknown name.
    """
    if name == "auto":
        from fer_utils.datasets.fer2013 import find_fer2013

        return "fer2013" if find_fer2013() else "synthetic"
    if name not in DATASETS:
        raise unknown_name("data set", name, ["auto", *DATASETS])
    return name


def pick_dataset(name: str, profile: Profile) -> str:
    """Return the main data set that `name` stands for: `smoke` takes the synthetic for ``auto``.

    Raises ConfigError for a name that is neither ``auto`` nor of `MAIN`.
    """
    if name not in ("auto", *MAIN):
        raise unknown_name("data set", name, ["auto", *MAIN])
    if profile.name == "smoke" and name == "auto":
        return "synthetic"
    return resolve_dataset_name(name)


def load_dataset(name: str = "auto", *, profile: Profile | None = None) -> FaceDataset:
    """Return the data set called `name` (see `resolve_dataset_name`).

    `profile` sets the number of synthetic images, and the side in pixels of the pictures of
    facial_expressions and affectnet; it changes no other data set.
    Raises ConfigError for an unknown name, DataError when the files are missing or damaged.
    """
    return DATASETS[resolve_dataset_name(name)](profile)
