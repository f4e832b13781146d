"""Eight classes by FER+: trained on its majority, on its votes, and on votes drawn at random."""

from dataclasses import replace

from fer_utils.recipes.base import Recipe

FIVE_LAYER = Recipe(
    name="ferplus_five_layer",
    title="FER+, five-layer net, majority",
    model="five_layer",
    notebook="08_ferplus_labels",
    dataset="ferplus",
    augmentation="cs230",
    normalization="image",
    label_smoothing=0.1,
    learning_rate=0.1,
    epochs=40,
)

#: Votes are soft already: no smoothing on top.
_ON_VOTES = replace(FIVE_LAYER, label_smoothing=0.0)

SMALL = replace(
    FIVE_LAYER,
    name="ferplus_small",
    title="FER+, small net, majority",
    full_only=True,
    model="small",
    crop=44,
)

VGG8_VOTES = replace(
    _ON_VOTES,
    name="ferplus_vgg8_votes",
    title="FER+, VGG-8, vote distributions",
    headline=True,
    full_only=True,
    model="vgg8",
    targets="votes",
    crop=44,
    augmentation="erasing",
    learning_rate=0.2,
    batch_size=256,
    epochs=80,
)

RECIPES = (
    FIVE_LAYER,
    SMALL,
    replace(
        _ON_VOTES,
        name="ferplus_five_layer_votes",
        title="FER+, five-layer net, vote distributions",
        targets="votes",
        full_only=True,
    ),
    replace(
        _ON_VOTES,
        name="ferplus_five_layer_sampled",
        title="FER+, five-layer net, sampled votes",
        targets="sampled_votes",
        full_only=True,
    ),
    replace(
        SMALL,
        name="ferplus_small_votes",
        title="FER+, small net, vote distributions",
        targets="votes",
        label_smoothing=0.0,
    ),
    VGG8_VOTES,
)
