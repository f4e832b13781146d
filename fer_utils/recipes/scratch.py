"""Strong nets from scratch: the small one for phones, larger ones, and ablations of its recipe."""

from dataclasses import replace

from fer_utils.recipes.base import Recipe

NOTEBOOK = "07_ensembles"

#: Muon's settings; chosen on valid among four, with the ablations' net and 8 epochs.
MUON = {"optimizer": "muon", "learning_rate": 0.1, "weight_decay": 0.025, "batch_size": 256}

#: What the ablations vary: a net of a quarter of the small one's work, trained briefly.
ABLATION_BASE = Recipe(
    name="ablation_base",
    title="as it is",
    valid_only=True,
    model="mini",
    notebook=NOTEBOOK,
    augmentation="cs230",
    crop=44,
    normalization="image",
    label_smoothing=0.1,
    learning_rate=0.1,
    epochs=60,
)


def _ablation(name: str, title: str, **changes: object) -> Recipe:
    return replace(ABLATION_BASE, name=f"ablation_{name}", title=title, **changes)


ABLATIONS = (
    ABLATION_BASE,
    _ablation("whole_image", "no crop (48 pixels)", crop=0),
    _ablation("crop_40", "crop of 40 pixels", crop=40),
    _ablation("erasing", "with random erasing", augmentation="erasing"),
    _ablation("cutmix", "with cutmix", mixing="cutmix"),
    _ablation("mixup", "with mixup", mixing="mixup", full_only=True),
    _ablation("squeeze", "with squeeze-and-excitation", model="mini_squeeze"),
    _ablation("average", "average instead of dense layer", model="mini_average", full_only=True),
    _ablation("no_augmentation", "no augmentation", augmentation="none", full_only=True),
    _ablation("no_ema", "no averaged weights", ema_decay=0.0),
    _ablation("no_smoothing", "no label smoothing", label_smoothing=0.0),
    _ablation("dataset_norm", "normalized by the data set", normalization="dataset"),
    _ablation("muon", "with Muon instead of SGD", **MUON),
)

#: The net for phones and laptops; its recipe is what the ablations speak for.
SMALL = replace(
    ABLATION_BASE,
    name="small",
    title="Small net",
    valid_only=False,
    headline=True,
    model="small",
    augmentation="erasing",
    epochs=130,
)

_BY_NAME = replace(SMALL, headline=False, full_only=True)

#: Brief trainings underfit with random erasing (see the ablations); this one does without.
SMALL_MILD = replace(
    _BY_NAME,
    name="small_mild",
    title="Small net, without random erasing",
    augmentation="cs230",
    epochs=120,
)

#: An hour or more of two processor cores under `laptop`; `small` takes two thirds of that.
SMALL_LONG = replace(
    _BY_NAME,
    name="small_long",
    title="Small net, trained longer",
    headline=True,
    epochs=190,
)

#: Half an hour to an hour of two processor cores with bfloat16 tiles (AMX), under `laptop`.
SMALL_HOUR = replace(
    _BY_NAME,
    name="small_hour",
    title="Small net, trained within an hour",
    epochs=250,
)

#: Over two hours of two processor cores under `laptop`: what patience alone brings.
SMALL_LONGEST = replace(
    _BY_NAME,
    name="small_longest",
    title="Small net, trained longest",
    epochs=350,
)

#: Muon fits the train images in half the epochs; cutmix is to keep it from learning them by heart.
SMALL_CUTMIX = replace(
    SMALL_MILD,
    name="small_cutmix",
    title="Small net, with cutmix and Muon",
    mixing="cutmix",
    epochs=100,
    **MUON,
)

VGG8 = replace(
    _BY_NAME,
    name="vgg8",
    title="VGG-8",
    headline=True,
    model="vgg8",
    learning_rate=0.2,
    batch_size=256,
    epochs=120,
)

VGG8_CUTMIX = replace(
    VGG8,
    name="vgg8_cutmix",
    title="VGG-8, with cutmix",
    headline=False,
    augmentation="strong",
    mixing="cutmix",
    epochs=160,
)

LARGER = (
    replace(_BY_NAME, name="medium", title="Medium net", model="medium", epochs=200),
    VGG8,
    VGG8_CUTMIX,
    *(
        replace(
            _BY_NAME,
            name=name,
            title=title,
            model=name,
            augmentation="strong",
            mixing="cutmix",
            batch_size=256,
            warmup=0.1,
            epochs=120,
        )
        for name, title in (
            ("se_resnet18", "SE-ResNet-18"),
            ("se_resnet34", "SE-ResNet-34"),
            ("wide_resnet", "Wide residual net (16-8)"),
        )
    ),
)

DISTILLED = (
    # by a net as large as itself, of which one run is published with its weights
    replace(
        _BY_NAME,
        name="small_taught",
        title="Small net, taught by one of its kind, with Muon",
        teacher=("small_mild",),
        epochs=80,
        **MUON,
    ),
    # by a net as large as itself that was trained for three times as long, published likewise
    replace(
        _BY_NAME,
        name="small_taught_by_longest",
        title="Small net, taught by its longest training, with Muon",
        headline=True,
        teacher=("small_longest",),
        epochs=120,
        **MUON,
    ),
    # by a net that has seen three million faces before: not from scratch any more
    replace(
        _BY_NAME,
        name="small_taught_by_dlib",
        title="Small net, taught by dlib's, fine-tuned",
        teacher=("dlib_fine_tuned",),
    ),
    replace(
        _BY_NAME,
        name="small_distilled",
        title="Small net, distilled",
        teacher=("small", "medium"),
    ),
    *(
        replace(
            pupil,
            name=name,
            title=title,
            headline=True,
            teacher=("vgg8", "vgg8_cutmix", "se_resnet18"),
        )
        for pupil, name, title in (
            (_BY_NAME, "small_distilled_strong", "Small net, distilled from larger nets"),
            (VGG8, "vgg8_distilled", "VGG-8, distilled from itself and others"),
        )
    ),
)

RECIPES = (
    SMALL,
    SMALL_LONG,
    SMALL_HOUR,
    SMALL_LONGEST,
    SMALL_MILD,
    SMALL_CUTMIX,
    *LARGER,
    *DISTILLED,
    *ABLATIONS,
)
