"""Nets that begin from weights learned on faces or on ImageNet, as the projects trained them."""

from dataclasses import replace
from itertools import product

from fer_utils.recipes import cs230
from fer_utils.recipes.base import Recipe

NOTEBOOK = "04_transfer_learning"

#: cs230-fer's way: 197 pixels, Nesterov momentum.  Its head's rate is not published.
CS230_VGG16 = Recipe(
    name="cs230_vgg16",
    title="VGG16",
    model="cs230_vgg16",
    notebook=NOTEBOOK,
    full_only=True,
    initial_weights="vggface_vgg16",
    frozen="backbone",
    augmentation="flip",
    resize=197,
    normalization="vggface1",
    learning_rate=0.01,
    epochs=30,
)
_RESIDUAL = replace(
    CS230_VGG16,
    frozen="all_but_last_five",
    augmentation="cs230",
    normalization="vggface2",
    epochs=40,
)
_CS230 = (
    CS230_VGG16,
    replace(_RESIDUAL, name="cs230_senet50", title="SeNet50", model="cs230_senet50",
            initial_weights="vggface2_senet50"),
    replace(_RESIDUAL, name="cs230_resnet50", title="ResNet50", model="cs230_resnet50",
            initial_weights="vggface2_resnet50"),
)  # fmt: skip


def _cs230_variants() -> list[Recipe]:
    """Return cs230-fer's table: each net without and with class weights and auxiliary data."""
    recipes = []
    for net, auxiliary, weighted in product(_CS230, (False, True), (False, True)):
        words = ["class weights"] * weighted + ["CK+ and JAFFE"] * auxiliary
        data = "FER2013 + auxiliary" if auxiliary else "FER2013"
        known = "VGGFace2" if net.initial_weights.startswith("vggface2") else "VGGFace"
        recipes.append(
            replace(
                net,
                name=net.name + "_weighted" * weighted + "_auxiliary" * auxiliary,
                title=", ".join([f"{net.title} ({known})", *words]),
                dataset="fer2013_auxiliary" if auxiliary else "fer2013",
                balancing="class_weights" if weighted else "none",
                reproduces=f"cs230-fer/{net.title} {'WCW' if weighted else 'NCW'}, {data}",
            )
        )
    return recipes


#: cs230-fer's five-layer net with auxiliary data, as one of its ensembles has it.
_FIVE_LAYER = tuple(
    replace(
        recipe,
        name=f"{recipe.name}_auxiliary",
        title=f"{recipe.title}, CK+ and JAFFE",
        notebook=NOTEBOOK,
        reproduces="",
        headline=False,
        full_only=True,
        dataset="fer2013_auxiliary",
    )
    for recipe in cs230.RECIPES
    if recipe.name in ("cs230_five_layer", "cs230_five_layer_weighted")
)

#: hust-balance: Adam at 1e-4, 15 epochs, cleaned data with copies of the rarer classes.
HUST_VGGFACE1 = Recipe(
    name="hust_vggface1",
    title="VGGFace 1, cleaned, random oversampling",
    model="hust_vggface1",
    notebook=NOTEBOOK,
    reproduces="hust-balance/cleaned, RandomOverSampling, VGGFace1",
    full_only=True,
    cleaning="non_faces",
    balancing="random_over",
    initial_weights="vggface_vgg16",
    frozen="backbone",
    augmentation="flip",
    resize=224,
    normalization="vggface1",
    optimizer="adam",
    schedule="constant",
    learning_rate=1e-4,
    weight_decay=0.0,
    epochs=15,
)
_HUST_VGGFACE2 = replace(
    HUST_VGGFACE1,
    name="hust_vggface2",
    title="VGGFace 2, cleaned, random oversampling",
    model="hust_vggface2",
    reproduces="hust-balance/cleaned, RandomOverSampling, VGGFace2",
    initial_weights="vggface2_resnet50",
    normalization="vggface2",
)
_HUST = (
    HUST_VGGFACE1,
    _HUST_VGGFACE2,
    replace(
        _HUST_VGGFACE2,
        name="hust_vggface2_adasyn",
        title="VGGFace 2, cleaned, ADASYN",
        reproduces="hust-balance/cleaned, ADASYN, VGGFace2",
        balancing="adasyn",
    ),
    replace(
        _HUST_VGGFACE2,
        name="kilean_vggface2",
        title="VGGFace 2 (kilean notebook)",
        reproduces="hust-balance/VGGFace2 (kilean notebook)",
        cleaning="none",
        balancing="none",
    ),
    *(
        replace(
            HUST_VGGFACE1,
            name=f"hust_efficientnet_{size}",
            title=f"EfficientNet-{size.upper()}, cleaned, random oversampling",
            model=f"efficientnet_{size}",
            reproduces=f"hust-balance/cleaned, RandomOverSampling, EfficientNet{size.upper()}",
            initial_weights=f"efficientnet_{size}_imagenet",
            normalization="imagenet",
        )
        for size in ("b4", "b3")
    ),
)

#: The same two nets on FER+.
_HUST_FERPLUS = tuple(
    replace(
        recipe,
        name=recipe.name.replace("hust_", "hust_ferplus_"),
        title=f"FER+, {recipe.title}",
        notebook="08_ferplus_labels",
        reproduces=f"hust-balance/FER+, VGGFace{number}",
        dataset="ferplus",
    )
    for number, recipe in ((1, HUST_VGGFACE1), (2, _HUST_VGGFACE2))
)

#: What needs no file from elsewhere: EfficientNet-Lite0, whose ImageNet weights are a package.
LITE0_FINE_TUNED = Recipe(
    name="lite0_fine_tuned",
    title="EfficientNet-Lite0, fine-tuned from ImageNet",
    model="efficientnet_lite0",
    notebook=NOTEBOOK,
    initial_weights="efficientnet_lite0_imagenet",
    backbone_rate=0.5,
    augmentation="cs230",
    resize=80,
    normalization="efficientnet_lite",
    label_smoothing=0.1,
    optimizer="adam",
    learning_rate=1e-3,
    weight_decay=0.02,
    batch_size=64,
    epochs=27,
)
LITE0 = (
    LITE0_FINE_TUNED,
    replace(
        LITE0_FINE_TUNED,
        name="lite0_random",
        title="EfficientNet-Lite0, from random weights",
        initial_weights="random",
        backbone_rate=1.0,
    ),
    replace(
        LITE0_FINE_TUNED,
        name="lite0_frozen",
        title="EfficientNet-Lite0, frozen ImageNet features",
        frozen="backbone",
        backbone_rate=1.0,
        augmentation="flip",
        epochs=100,
    ),
    # the plain one knows its train images better and better while valid stands still
    replace(
        LITE0_FINE_TUNED,
        name="lite0_erasing",
        title="EfficientNet-Lite0, fine-tuned, with random erasing",
        full_only=True,
        augmentation="erasing",
    ),
)

#: The same with a net that has learned to tell people apart.  At 112 pixels FER2013's faces are
#: as large as dlib's, whose pictures of 150 have a wide border.
DLIB_FINE_TUNED = replace(
    LITE0_FINE_TUNED,
    name="dlib_fine_tuned",
    title="dlib's face recognition net, fine-tuned",
    model="dlib_resnet",
    initial_weights="dlib_face_recognition",
    resize=112,
    normalization="dlib",
    epochs=33,
)
DLIB = (
    DLIB_FINE_TUNED,
    replace(
        DLIB_FINE_TUNED,
        name="dlib_random",
        title="dlib's face recognition net, from random weights",
        full_only=True,
        initial_weights="random",
        backbone_rate=1.0,
    ),
    replace(
        DLIB_FINE_TUNED,
        name="dlib_frozen",
        title="dlib's face recognition net, frozen features",
        frozen="backbone",
        backbone_rate=1.0,
        augmentation="flip",
        epochs=100,
    ),
)

RECIPES = (*LITE0, *DLIB, *_cs230_variants(), *_FIVE_LAYER, *_HUST, *_HUST_FERPLUS)
