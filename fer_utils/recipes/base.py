"""A recipe: what to train, as plain data."""

from dataclasses import asdict, dataclass, fields

from fer_utils.augmentation import TTA_VIEWS
from fer_utils.profiles import Profile


@dataclass(frozen=True)
class Recipe:
    """What to train, and which published row it reproduces.

    A run's key hashes `model` and, of the fields from `dataset` on, those that differ from their
    defaults; but not `epochs`, for it hashes those of the profile.  So add a field with the
    default that means "as before", and never change a default: published runs would be trained
    again.
    """

    name: str  # unique; names the run folders
    title: str  # for tables and figures
    model: str  # a name in fer_utils.models.MODELS
    notebook: str  # the notebook that tells its story
    reproduces: str = ""  # "project/row" of published.csv
    headline: bool = False  # a main result: several random seeds in every profile
    full_only: bool = False  # a large net or a side result: `laptop` trains it only by name
    valid_only: bool = False  # an ablation: its test predictions are not even made
    # -- what is trained, with `model` hashed into the run's key (epochs: those trained) -----
    dataset: str = "fer2013"  # whose labels: see `source`; "ferplus" is FER2013 by other labels
    targets: str = "label"  # of FER+: "votes", their distribution, or "sampled_votes"
    cleaning: str = "none"  # of the train split: a name in fer_utils.cleaning.CLEANINGS
    balancing: str = "none"  # "class_weights", "sampler", or a name in balancing.METHODS
    train_images: int = 0  # how many of train are drawn, the same for all seeds; 0 for all
    initial_weights: str = "random"  # or of the backbone: a name in fer_utils.weights
    frozen: str = "none"  # what of the backbone is not trained: a name in models.transfer
    backbone_rate: float = 1.0  # learning rate of the backbone, as a part of the head's
    augmentation: str = "none"
    crop: float = 0  # side of the central square that the net sees, pixels or part; 0 for all
    resize: int = 0  # side that the image is brought to, pixels; 0 for as it is
    mixing: str = "none"  # of the images of a batch: a name in fer_utils.training.mixing.MIXINGS
    normalization: str = "dataset"  # a name in fer_utils.models.NORMALIZATIONS
    loss: str = "cross_entropy"  # or "focal", or "logit_adjustment"
    label_smoothing: float = 0.0
    cosine_share: float = 0.0  # weight of the cosine embedding loss that is added
    auxiliary_share: float = 0.4  # weight of an auxiliary head's loss, where the net has one
    optimizer: str = "sgd"  # Nesterov momentum 0.9, "adam", or "muon" (see fer_utils.training.muon)
    learning_rate: float = 0.05  # the highest of the schedule
    weight_decay: float = 5e-4  # not on biases and norms
    schedule: str = "one_cycle"  # linear-to-cosine: up in `warmup`, down to zero; or "constant"
    warmup: float = 0.25  # part of the steps
    batch_size: int = 128
    epochs: int = 100  # under `full`; profiles train a part of it
    ema_decay: float = 0.999  # exponential moving average of the weights; 0 for none
    teacher: tuple[str, ...] = ()  # recipes whose ensemble teaches: see fer_utils.distillation
    teacher_share: float = 0.7  # weight of the teacher's word in the loss, where there is one
    temperature: float = 2.0  # that softens the teacher's probabilities
    tta: tuple[str, ...] = tuple(TTA_VIEWS)  # predictions that are kept

    @property
    def source(self) -> str:
        """The data set in `fer_utils.datasets` that has the images."""
        return "fer2013" if self.dataset == "ferplus" else self.dataset

    def epochs_for(self, profile: Profile) -> int:
        """Return the number of epochs that `profile` trains, at least one."""
        return max(1, round(self.epochs * profile.epoch_fraction))

    def seeds_for(self, profile: Profile) -> tuple[int, ...]:
        """Return the random seeds that `profile` trains by itself; none if that is too much."""
        if self.full_only and not profile.all_recipes:
            return ()
        return self.all_seeds(profile)

    def all_seeds(self, profile: Profile) -> tuple[int, ...]:
        """Return the random seeds of `profile`, also if it trains this recipe only by name."""
        return tuple(range(profile.headline_seeds if self.headline else profile.variant_seeds))

    def key_fields(self) -> dict[str, object]:
        """Return the fields that a run's key hashes: those of training, unless default."""
        described = {
            "name",
            "title",
            "notebook",
            "reproduces",
            "headline",
            "full_only",
            "valid_only",
        }
        defaults = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in described | {"epochs"} and (name == "model" or value != defaults[name])
        }
