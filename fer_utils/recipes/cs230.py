"""The nets that cs230-fer trains from scratch, with and without its two additions."""

from itertools import product

from fer_utils.recipes.base import Recipe


def _variants(model: str, title: str, *, epochs: int, learning_rate: float) -> list[Recipe]:
    """Return a net of cs230-fer with and without augmentation and class weights.

    Per-image normalization and the five-layer net's learning rate were chosen on valid, in short
    trainings of the five-layer net; the baseline's settings were not searched.
    """
    recipes = []
    for augmented, weighted in product((True, False), (False, True)):
        headline = augmented and not weighted
        suffix = ("" if augmented else "_plain") + ("_weighted" if weighted else "")
        words = [
            *([] if augmented else ["no augmentation"]),
            *(["class weights"] if weighted else []),
        ]
        recipes.append(
            Recipe(
                name=f"cs230_{model}{suffix}",
                title=", ".join([title, *words]),
                model=model,
                notebook="03_baseline_cnns",
                reproduces=f"cs230-fer/{model.replace('_', '-')}" if headline else "",
                headline=headline,
                full_only=weighted and (model == "baseline" or not augmented),
                augmentation="cs230" if augmented else "none",
                balancing="class_weights" if weighted else "none",
                normalization="image",
                label_smoothing=0.1,
                learning_rate=learning_rate,
                # without augmentation a net soon knows its images by heart
                epochs=epochs if augmented else 30,
            )
        )
    return recipes


RECIPES = (
    *_variants("baseline", "Baseline", epochs=80, learning_rate=0.05),
    *_variants("five_layer", "Five-layer net", epochs=100, learning_rate=0.1),
)
