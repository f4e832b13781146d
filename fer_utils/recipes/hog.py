"""cs231n-hog's nets: shallow and deep, each with and without HOG; and one to look inside."""

from dataclasses import replace

from fer_utils.recipes.base import Recipe

SHALLOW = Recipe(
    name="hog_shallow",
    title="Shallow net",
    model="shallow",
    notebook="05_hog_hybrids",
    headline=True,
    augmentation="flip",
    normalization="mean",
    label_smoothing=0.1,
    epochs=60,
)

DEEP = replace(SHALLOW, name="hog_deep", title="Deep net", model="deep")

RECIPES = (
    DEEP,
    SHALLOW,
    replace(DEEP, name="hog_deep_hog", title="Deep net with HOG", model="deep_hog"),
    replace(SHALLOW, name="hog_shallow_hog", title="Shallow net with HOG", model="shallow_hog"),
    replace(
        DEEP,
        name="filters_30",
        title="Net with 30 filters of 7x7",
        model="filters_30",
        notebook="06_model_visualization",
        headline=False,
        augmentation="cs230",
        normalization="image",
        epochs=40,
    ),
)
