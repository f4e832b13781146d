"""Draw the page's icons, the same face as SVG and PNG: `python -m demo.icons`."""

from pathlib import Path

from PIL import Image, ImageDraw

from fer_utils.files import atomic_path, write_text
from fer_utils.paths import ROOT

FOLDER = ROOT / "demo" / "page" / "icons"
BACK, FACE, INK = "#2456c9", "#ffd166", "#1d1f23"
#: In hundredths of the icon's side: middle and radius of the face, eyes and their radius.
MIDDLE, RADIUS, EYES, EYE = 50, 31, ((39, 43), (61, 43)), 4
MOUTH, MOUTH_TOP = 17, 54  # radius, where the half circle begins
SMOOTH = 8  # drawn so much larger, then shrunk


def svg() -> str:
    """Return the icon as SVG."""
    radius, left = MOUTH, MIDDLE - MOUTH
    eyes = "".join(f'<circle cx="{x}" cy="{y}" r="{EYE}" fill="{INK}"/>' for x, y in EYES)
    mouth = (
        f'<path d="M{left} {MOUTH_TOP}a{radius} {radius} 0 0 0 {2 * radius} 0" fill="none" '
        f'stroke="{INK}" stroke-width="5" stroke-linecap="round"/>'
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<rect width="100" height="100" rx="22" fill="{BACK}"/>'
        f'<circle cx="{MIDDLE}" cy="{MIDDLE}" r="{RADIUS}" fill="{FACE}"/>{eyes}{mouth}</svg>\n'
    )


def picture(side: int, *, maskable: bool = False) -> Image.Image:
    """Return the icon as RGBA of `side` pixels; a maskable one has no corners of its own."""
    unit = side * SMOOTH / 100
    image = Image.new("RGBA", (side * SMOOTH, side * SMOOTH))
    draw = ImageDraw.Draw(image)

    def circle(x: float, y: float, radius: float, color: str) -> None:
        box = [unit * (v + sign * radius) for sign in (-1, 1) for v in (x, y)]
        draw.ellipse(box, fill=color)

    corner = 0 if maskable else 22 * unit
    draw.rounded_rectangle((0, 0, *(size - 1 for size in image.size)), corner, fill=BACK)
    circle(MIDDLE, MIDDLE, RADIUS, FACE)
    for x, y in EYES:
        circle(x, y, EYE, INK)
    radius, y = MOUTH, MOUTH_TOP
    half = radius + 2.5
    box = (unit * (MIDDLE - half), unit * (y - half), unit * (MIDDLE + half), unit * (y + half))
    draw.arc(box, 0, 180, fill=INK, width=round(5 * unit))
    for side_of in (-1, 1):
        circle(MIDDLE + side_of * radius, y, 2.5, INK)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def write_icons(folder: Path = FOLDER) -> None:
    """Write all icons into `folder`."""
    write_text(folder / "icon.svg", svg())
    for name, side, maskable in (
        ("icon-192.png", 192, False),
        ("icon-512.png", 512, False),
        ("maskable-512.png", 512, True),
    ):
        with atomic_path(folder / name) as temporary:
            picture(side, maskable=maskable).save(temporary, format="png", optimize=True)


if __name__ == "__main__":
    write_icons()
