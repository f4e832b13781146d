"""Pictures on the pages are the smaller of PNG and JPEG, or drawings, whose SVG alone is kept."""

import numpy as np
import pandas as pd
from PIL import Image

from fer_utils.figures.style import new_figure
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.pictures import light_pictures


def save(folder, name, pixels):
    (folder / "figures").mkdir(exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(folder / "figures" / f"{name}.png")


def test_each_picture_is_taken_in_its_smaller_form(tmp_path):
    steps = np.linspace(0, 255, 200)
    noise = np.random.default_rng(0).integers(0, 40, (200, 200))
    save(tmp_path, "face", steps[:, None] * 0.8 + noise)
    save(tmp_path, "chart", np.where(np.eye(200), 0, 255))
    text = "![A.](figures/face.png)\n\n![B.](figures/chart.png) [c](figures/none.txt)"
    with light_pictures(text, tmp_path) as light:
        (place,) = tmp_path.glob(".pictures-*")
        assert light == (
            f"![A.]({place.name}/face.jpg)\n\n![B.]({place.name}/chart.png) [c](figures/none.txt)"
        )
        png = tmp_path / "figures" / "face.png"
        assert (place / "face.jpg").stat().st_size < png.stat().st_size
        with Image.open(place / "face.jpg") as one, Image.open(png) as other:
            apart = np.abs(np.asarray(one.convert("L"), float) - np.asarray(other.convert("L")))
        assert apart.mean() < 5
    assert not place.exists()


def test_a_drawing_is_taken_where_there_is_one(tmp_path):
    for name in ("face", "chart"):
        save(tmp_path, name, np.where(np.eye(200), 0, 255))
    (tmp_path / "figures" / "chart.svg").write_text("<svg/>")
    text = "![A.](figures/face.png) ![B.](figures/chart.png)"
    with light_pictures(text, tmp_path, drawings=True) as light:
        (place,) = tmp_path.glob(".pictures-*")
        assert light == f"![A.]({place.name}/face.png) ![B.](figures/chart.svg)"
    with light_pictures(text, tmp_path) as light:
        assert "chart.png" in light


def test_an_svg_is_kept_of_a_drawing_alone(tmp_path):
    outputs, table = Outputs(tmp_path), pd.DataFrame({"a": [1]})
    line = new_figure(4, 3)
    line.subplots().plot([0, 1], [0, 1])
    dots = new_figure(4, 3)
    dots.subplots().plot(*np.random.default_rng(0).normal(size=(2, 20_000)), ".")
    face = new_figure(4, 3)
    face.subplots().imshow(np.eye(4))
    for name, figure in (("line", line), ("dots", dots), ("face", face)):
        assert outputs.save_figure(name, figure, table).exists()
    assert [path.name for path in outputs.figures.glob("*.svg")] == ["line.svg"]
