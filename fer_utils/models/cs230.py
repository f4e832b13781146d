"""The two nets that cs230-fer trains from scratch, built as its poster describes them."""

from torch import nn

from fer_utils.models.plain import num_features


def baseline(num_classes: int, image_size: int = 48) -> nn.Sequential:
    """Build cs230-fer's baseline: four 3x3x32 convolutions, two 2x2 max-pools, FC 1024.

    "Two pools between them" is read as one pool after each pair of convolutions, batch
    norm as one after the last, and dropout (50 %) as before the output.  With 48x48
    images this is 4.8 M parameters; the project's table says 37.8 M, which its text
    does not give.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """

    def conv(channels: int) -> nn.Conv2d:
        return nn.Conv2d(channels, 32, 3, padding="same")

    def relu() -> nn.ReLU:
        return nn.ReLU(inplace=True)

    # Each second ReLU comes after the pool: the same numbers, a quarter of the work.
    features = nn.Sequential(
        *(conv(1), relu(), conv(32), nn.MaxPool2d(2), relu()),
        *(conv(32), relu(), conv(32), nn.MaxPool2d(2), relu()),
        nn.BatchNorm2d(32),
    )
    return nn.Sequential(
        *features,
        nn.Flatten(),
        nn.Linear(num_features(features, image_size), 1024),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(1024, num_classes),
    )


def five_layer(num_classes: int, image_size: int = 48) -> nn.Sequential:
    """Build cs230-fer's five-layer net: three convolutions and two dense layers.

    Convolutions 32@5x5, 32@4x4 and 64@5x5, each with batch norm, ReLU and a 3x3 max-pool of
    stride 2; FC 1024 with batch norm and 30 % dropout; softmax (in the loss).  2.4 M
    parameters, as the project says.

    (N, 1, image_size, image_size) float -> (N, num_classes) logits.
    """

    def block(channels_in: int, channels: int, size: int) -> list:
        before, after = (size - 1) // 2, size // 2  # "same", also for the even size
        return [
            nn.ZeroPad2d((before, after, before, after)),
            nn.Conv2d(channels_in, channels, size, bias=False),
            nn.BatchNorm2d(channels),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.ReLU(inplace=True),  # after the pool: the same numbers, a quarter of the work
        ]

    features = nn.Sequential(*block(1, 32, 5), *block(32, 32, 4), *block(32, 64, 5))
    return nn.Sequential(
        *features,
        nn.Flatten(),
        nn.Linear(num_features(features, image_size), 1024, bias=False),
        nn.BatchNorm1d(1024),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Linear(1024, num_classes),
    )
