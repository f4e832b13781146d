"""Eight expressions in larger pictures: cs230-facenet's nets, and jhu-affectnet's."""

from dataclasses import replace

from fer_utils.recipes.base import Recipe

NOTEBOOK = "09_eight_expressions"

#: cs230-facenet's way: random crops, class weights in the loss, made faces of the rare classes.
RESNET18 = Recipe(
    name="eight_resnet18",
    title="ResNet-18, eight expressions",
    model="resnet18",
    notebook=NOTEBOOK,
    dataset="facial_expressions",
    balancing="augmented_small",
    augmentation="random_crop",
    crop=7 / 8,
    normalization="imagenet",
    label_smoothing=0.1,
    learning_rate=0.05,
    batch_size=64,
    epochs=20,
    tta=("none", "flip"),
)

#: For nets that SGD at that rate throws off (InceptionV3's train loss was 4.9, 6.9, 6.6, ... 4.1).
ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.02}

#: Beyond the projects: a net that has seen ImageNet, by weights that come in a package.
LITE0 = replace(
    RESNET18,
    name="eight_lite0",
    title="EfficientNet-Lite0 from ImageNet, eight expressions",
    full_only=True,
    model="efficientnet_lite0",
    initial_weights="efficientnet_lite0_imagenet",
    backbone_rate=0.5,
    normalization="efficientnet_lite",
    **ADAM,
)

_FACENET = (
    ("mobilenet", "MobileNet", {}),
    ("inception_v3", "InceptionV3", {"full_only": True, **ADAM}),
    ("nasnet", "NASNet", {"full_only": True, **ADAM}),
)

FACENET = tuple(
    replace(
        RESNET18,
        name=f"facenet_{model}",
        title=f"{title}, eight expressions",
        model=model,
        reproduces=f"cs230-facenet/{title}",
        cosine_share=0.5,
        **how,
    )
    for model, title, how in _FACENET
)

#: What the parts of cs230-facenet's loss and data do, on the cheapest of its nets.
PARTS = tuple(
    replace(FACENET[0], name=f"facenet_mobilenet_{name}", title=title, reproduces="",
            full_only=True, **how)
    for name, title, how in (
        ("no_cosine", "MobileNet without the cosine loss", {"cosine_share": 0.0}),
        ("weights", "MobileNet, class weights alone", {"balancing": "class_weights"}),
        ("plain", "MobileNet, neither weights nor made faces", {"balancing": "none"}),
    )
)  # fmt: skip

#: jhu-affectnet's way: a small draw, ImageNet weights, Adam, nothing against overfitting.
JHU_RESNET18 = Recipe(
    name="jhu_resnet18",
    title="ResNet-18 on a draw of AffectNet",
    model="resnet18",
    notebook=NOTEBOOK,
    reproduces="jhu-affectnet/ResNet-18",
    full_only=True,
    dataset="affectnet",
    initial_weights="resnet18_imagenet",
    crop=7 / 8,
    normalization="imagenet",
    optimizer="adam",
    schedule="constant",
    learning_rate=1e-4,
    weight_decay=0.0,
    batch_size=32,
    epochs=20,
    ema_decay=0.0,
    tta=("none", "flip"),
)

JHU = (
    JHU_RESNET18,
    replace(
        JHU_RESNET18,
        name="jhu_vgg16",
        title="VGG-16 on a draw of AffectNet",
        model="vgg16",
        reproduces="jhu-affectnet/VGG-16",
        initial_weights="vgg16_imagenet",
    ),
    replace(
        JHU_RESNET18,
        name="jhu_resnet18_facial",
        title="ResNet-18 from random weights on a draw of facial_expressions",
        reproduces="",
        full_only=False,
        dataset="facial_expressions",
        initial_weights="random",
        learning_rate=1e-3,
        train_images=1_600,
        epochs=40,
    ),
)

RECIPES = (RESNET18, LITE0, *FACENET, *PARTS, *JHU)
