"""Run in a process of its own: what keras-vggface computes with random weights.

`python -m tests.keras_vggface_reference FOLDER` writes for each net its weights as HDF5 and, as
.npz, the images and what the net makes of them at several depths.
"""

import sys
from pathlib import Path

import numpy as np

from fer_utils.vggface_bridge import build_keras_vggface, layer_table

VERSIONS = {"vgg16": 1, "resnet50": 2, "senet50": 2}
SMALL, MANY, FEW = 64, 64, 4  # pixels; images compared at the end, and at every depth
#: The blocks whose outputs are compared: the last of each stage and the first of all.
BLOCKS = {"conv2_1": 0, "conv2_3": 2, "conv3_4": 6, "conv4_6": 12, "conv5_3": 15}
#: Sizes with and without something odd in them, all with maps of 7x7 at the end.
LARGE = {"vgg16": (224,), "resnet50": (224, 197), "senet50": (224, 197)}


def keras_preprocess(images: np.ndarray, version: int) -> np.ndarray:
    """Return keras-vggface's own preprocessing of RGB images, (N, H, W, 3) float32 in order BGR.

    images: (N, H, W, 3) float32, 0 to 255; left as they are.  A net must have been built before:
    `build_keras_vggface` imports keras-vggface.
    """
    from keras_vggface import utils

    return utils.preprocess_input(images, data_format="channels_last", version=version)


def randomize(net, generator, images) -> None:
    """Give every layer random weights; statistics near what `images` cause, as training does.

    Without the latter, or with large weights in the gates, the signal would grow from block to
    block and saturate the gates: then even one net differs from itself in double precision.
    """
    norms = [layer for layer in net.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in net.layers:
        arrays = []
        for weight in layer.weights:
            kind, shape = weight.name.split("/")[-1].split(":")[0], weight.shape
            if kind == "kernel":
                gate = 0.1 if layer.name.endswith(("1x1_down", "1x1_up")) else 1.0
                scale = gate * np.sqrt(2 / np.prod(shape[:-1]))
                arrays.append(generator.normal(0, scale, shape))
            elif kind == "gamma":
                arrays.append(generator.uniform(0.5, 1.5, shape))
            else:
                arrays.append(generator.normal(0, 0.2, shape))
        layer.set_weights(arrays)
    for norm in norms:
        norm.momentum = 0.0  # one batch sets the statistics
    net(images, training=True)
    for norm in norms:
        gamma, beta, mean, variance = norm.get_weights()
        mean += generator.normal(0, 0.2, mean.shape) * np.sqrt(variance)
        norm.set_weights([gamma, beta, mean, variance * generator.uniform(0.5, 1.5, mean.shape)])


def depths(model: str, net) -> dict:
    """Return some layers' outputs by the names of the twin's layers."""
    if model == "vgg16":
        return {name: net.get_layer(name).output for name in ("pool1", "pool3", "pool5")}
    kinds = [type(layer).__name__ for layer in net.layers]
    after_add = [i + 1 for i, kind in enumerate(kinds) if kind == "Add"]
    found = {name: net.layers[after_add[number]].output for name, number in BLOCKS.items()}
    return {"pool1": net.layers[kinds.index("MaxPooling2D")].output} | found


def main(folder: Path) -> None:
    for seed, (model, version) in enumerate(VERSIONS.items()):
        generator = np.random.default_rng(seed)
        net = build_keras_vggface(model, image_size=None)
        outputs = depths(model, net)
        part = type(net)(net.input, outputs)  # before keras-vggface's average, which needs 7x7
        images = generator.integers(0, 256, (MANY, SMALL, SMALL, 3)).astype(np.float32)
        randomize(part, generator, keras_preprocess(images[:16], version))
        net.save_weights(folder / f"{model}.h5")
        last = type(net)(net.input, list(outputs.values())[-1])
        maps = part(keras_preprocess(images[:FEW], version), training=False)
        results = {f"small_{name}": np.asarray(values) for name, values in maps.items()}
        results["small"] = run(last, keras_preprocess(images, version))
        results["preprocessed"] = keras_preprocess(images[:FEW], version)
        if model == "vgg16":  # the cheapest to build twice
            filled = build_keras_vggface(model, folder / f"{model}.h5", image_size=SMALL)
            results["filled"] = run(filled, keras_preprocess(images[:FEW], version))
        for size in LARGE[model]:
            pictures = generator.integers(0, 256, (2, size, size, 3)).astype(np.float32)
            results[f"images_{size}"] = pictures
            # the model as it is, with its average over 7x7
            results[f"large_{size}"] = run(net, keras_preprocess(pictures, version))
        np.savez(folder / f"{model}.npz", images=images, **results)
        layer_table(net).to_csv(folder / f"{model}.csv", index=False)


def run(net, images) -> np.ndarray:
    """Return what `net` makes of `images`, called as it is: `predict` would first trace it."""
    return np.asarray(net(images, training=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
