"""The key of a run: what it trained, hashed."""

from fer_utils.datasets.sources import PICTURES
from fer_utils.files import sha256_json
from fer_utils.profiles import Profile
from fer_utils.recipes import Recipe, get_recipe


def run_key(recipe: Recipe, profile: Profile, data_key: str, seed: int) -> str:
    """Return what names a run for good: the hash of recipe, epochs, data and random seed.

    It does not depend on host, package versions, paths or the profile's name.  That of a net
    with a teacher depends on the keys of the teacher's runs.
    """
    described = {
        "recipe": recipe.key_fields(),
        "epochs": recipe.epochs_for(profile),
        "data": data_key,
        "seed": seed,
    }
    if recipe.source in PICTURES:
        described["picture_side"] = profile.picture_side
    if recipe.teacher:
        described["teacher_runs"] = sorted(teacher_runs(recipe, profile, data_key).values())
    return sha256_json(described)[:16]


def teacher_runs(recipe: Recipe, profile: Profile, data_key: str) -> dict[tuple[str, int], str]:
    """Return the keys of the runs that teach `recipe`, by recipe name and random seed."""
    members = [get_recipe(name) for name in recipe.teacher]
    return {
        (member.name, seed): run_key(member, profile, data_key, seed)
        for member in members
        for seed in member.all_seeds(profile)
    }
