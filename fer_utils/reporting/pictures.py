"""Pictures for the pages: each in its smallest form, so that the report stays small."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

#: A picture in the report's Markdown, by its path beside the report.
_PICTURE = re.compile(r"\]\((figures/\w+)\.png\)")
_QUALITY = 85  # of JPEG; faces and text look the same at the size of a page


@contextmanager
def light_pictures(text: str, folder: Path, *, drawings: bool = False) -> Iterator[str]:
    """Yield `text` with its PNG figures replaced by what is smaller, the PNG or a JPEG of it.

    folder: where the report lies; the copies are in a hidden folder there while the block runs.
    drawings: take a figure's SVG where it has one.  It needs the font that it names, which a
    reader of the HTML page may lack; and a PDF stores a PNG's pixels without its palette.
    A chart with few colors stays a PNG, faces become JPEGs.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pictures-") as temporary:
        place = Path(temporary)

        def lighter(match: re.Match) -> str:
            if drawings and (folder / f"{match[1]}.svg").exists():
                return f"]({match[1]}.svg)"
            png = (folder / f"{match[1]}.png").read_bytes()
            jpeg = BytesIO()
            with Image.open(BytesIO(png)) as picture:
                picture.convert("RGB").save(
                    jpeg, "JPEG", quality=_QUALITY, subsampling=0, optimize=True
                )
            suffix, data = min((("jpg", jpeg.getvalue()), ("png", png)), key=lambda it: len(it[1]))
            copy = place / f"{Path(match[1]).name}.{suffix}"
            copy.write_bytes(data)
            return f"]({place.name}/{copy.name})"

        yield _PICTURE.sub(lighter, text)
