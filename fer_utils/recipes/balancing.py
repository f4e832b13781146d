"""Ways to make rare classes count, and clean train data, each against doing nothing."""

from dataclasses import replace

from fer_utils.recipes.base import Recipe

#: What is varied, trained briefly; one epoch sees each train image once, made ones included.
BASE = Recipe(
    name="balance_none",
    title="As it is",
    model="five_layer",
    notebook="02_class_balancing",
    augmentation="cs230",
    normalization="image",
    label_smoothing=0.1,
    learning_rate=0.1,
    epochs=20,
)

_BALANCED = (
    ("class_weights", "Class weights", {"balancing": "class_weights"}),
    ("random_over", "Random oversampling", {"balancing": "random_over"}),
    ("smote", "SMOTE", {"balancing": "smote"}),
    ("adasyn", "ADASYN", {"balancing": "adasyn"}),
    (
        "augmented_rare",
        "Augmented disgust and class weights",
        {"balancing": "augmented_rare"},
    ),
    ("sampler", "Balanced sampler", {"balancing": "sampler"}),
    ("focal", "Focal loss", {"loss": "focal"}),
    ("logit_adjustment", "Logit adjustment", {"loss": "logit_adjustment"}),
)

_CLEANED = (
    ("non_faces", "Non-faces removed", {"cleaning": "non_faces"}),
    ("duplicates", "Duplicates removed", {"cleaning": "duplicates"}),
    (
        "both_random_over",
        "Both removed, random oversampling",
        {"cleaning": "both", "balancing": "random_over"},
    ),
)

#: Oversampling makes an epoch up to 1.8 times as long: as many steps on the images as they are.
LONGER = replace(BASE, name="balance_none_longer", title="As it is, 1.8 times the steps", epochs=36)

FIVE_LAYER = (
    BASE,
    LONGER,
    *(replace(BASE, name=f"balance_{name}", title=title, **how) for name, title, how in _BALANCED),
    *(replace(BASE, name=f"clean_{name}", title=title, **how) for name, title, how in _CLEANED),
)

#: hust-balance's four steps on its ResNet50, which trains for real only on a GPU.
_RESNET50 = {
    "none": "before",
    "random_over": "RandomOverSampling, ResNet50",
    "smote": "SMOTE, ResNet50",
    "augmented_rare": "augmented disgust + class weights, ResNet50",
}

RESNET50 = tuple(
    replace(
        recipe,
        name=f"resnet50_{how}",
        title=f"ResNet-50, {recipe.title.lower() if how != 'smote' else recipe.title}",
        model="resnet50",
        reproduces=f"hust-balance/{_RESNET50[how]}",
        full_only=True,
        epochs=60,
    )
    for recipe in FIVE_LAYER
    if (how := recipe.name.removeprefix("balance_")) in _RESNET50
)

RECIPES = (*FIVE_LAYER, *RESNET50)
