"""What a histogram of oriented gradients is made of, shared by scikit-image's way and the net's."""

from dataclasses import dataclass

from fer_utils.errors import ConfigError


@dataclass(frozen=True)
class HogSpec:
    """A histogram of oriented gradients (HOG; Dalal and Triggs 2005), in scikit-image's terms.

    orientations: bins over 180 degrees.  cell: side of the square whose pixels vote into one
    histogram, pixels.  block: side of the square of cells that are normalized together
    (L2-Hys), cells; blocks overlap and move by one cell.  Gray levels count from 0 to 255.

    With 48x48 images the default is 25 blocks of 4 cells of 8 bins: 800 features.
    """

    orientations: int = 8
    cell: int = 8
    block: int = 2

    def __post_init__(self) -> None:
        for name in ("orientations", "cell", "block"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"HOG: {name} must be a whole number from 1, not {value!r}")

    def blocks(self, image_size: int) -> int:
        """Return how many blocks fit along the side of an image; ConfigError if none does."""
        blocks = image_size // self.cell - self.block + 1
        if blocks < 1:
            raise ConfigError(
                f"HOG: a block of {self.block} cells of {self.cell} pixels does not fit into an "
                f"image of {image_size} pixels; make cell or block smaller"
            )
        return blocks

    def features(self, image_size: int) -> int:
        """Return the number of features of a square image."""
        return self.blocks(image_size) ** 2 * self.block**2 * self.orientations
