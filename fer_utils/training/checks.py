"""What a recipe may say: the values that the training loop implements."""

from fer_utils.augmentation import TTA_VIEWS
from fer_utils.balancing.resampling import METHODS
from fer_utils.cleaning import CLEANINGS
from fer_utils.datasets.sources import PICTURES
from fer_utils.errors import ConfigError, unknown_name
from fer_utils.initialization import INITIAL_WEIGHTS
from fer_utils.models import NORMALIZATIONS
from fer_utils.models.transfer import FREEZINGS
from fer_utils.recipes import Recipe


def refuse_unknown(recipe: Recipe) -> None:
    """Raise ConfigError for a value that this loop does not implement."""
    implemented = {
        "dataset": ("fer2013", "ferplus", "fer2013_auxiliary", *PICTURES),
        "targets": ("label", "votes", "sampled_votes"),
        "cleaning": CLEANINGS,
        "balancing": ("none", "class_weights", "sampler", *METHODS),
        "initial_weights": INITIAL_WEIGHTS,
        "frozen": FREEZINGS,
        "normalization": NORMALIZATIONS,
        "loss": ("cross_entropy", "focal", "logit_adjustment"),
        "optimizer": ("sgd", "adam", "muon"),
        "schedule": ("one_cycle", "constant"),
    }
    for name, known in implemented.items():
        if getattr(recipe, name) not in known:
            raise unknown_name(name, getattr(recipe, name), known)
    if recipe.balancing in METHODS and (recipe.teacher or recipe.targets != "label"):
        raise ConfigError(
            f"{recipe.name}: images that {recipe.balancing} makes have neither votes nor a "
            "teacher's word; balance by class_weights or sampler"
        )
    for mode in recipe.tta:  # used after training, when it is late to find that out
        if mode not in TTA_VIEWS:
            raise unknown_name("test-time augmentation", mode, TTA_VIEWS)
    if recipe.cosine_share and (recipe.targets == "votes" or recipe.mixing != "none"):
        raise ConfigError(f"{recipe.name}: the cosine embedding loss needs one label per image")
    if recipe.optimizer == "muon" and recipe.backbone_rate != 1:
        raise ConfigError(f"{recipe.name}: muon knows no backbone_rate; use sgd or adam")
    if not 0 < recipe.warmup < 1:
        raise ConfigError(f"{recipe.name}: warmup must lie between 0 and 1, not {recipe.warmup}")
