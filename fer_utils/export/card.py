"""The part of a model card that is about its ONNX files."""

from collections.abc import Mapping

_EXAMPLE = """```python
import onnxruntime

session = onnxruntime.InferenceSession("{file}")
probabilities = session.run(None, {{"images": images}})[0]  # images: (n, {side}, {side}) uint8
```
"""

_MIRROR = (
    " Ask it of the image and of its mirror image, and average the two answers: that is what "
    "the table measures."
)


def onnx_section(facts: Mapping) -> str:
    """Return the section as Markdown; `facts` are those of `fer_utils.export.export_run`."""
    side = facts["input"]["shape"][1]
    rows = "".join(_row(part) for part in facts["variants"])
    return (
        "## As ONNX\n\n"
        f"Run `{facts['run']}` of recipe `{facts['recipe']}`, for any ONNX runtime. Input "
        f"`images`: uint8, any number of {side} x {side} gray faces. Output `probabilities`: "
        f"float32, {', '.join(facts['classes'])}. Nothing else is to be done to the pixels."
        f"{_MIRROR if facts['mirror'] else ''}\n\n"
        "| File | Bytes | Largest difference to PyTorch | Other answers | Accuracy (%) "
        "| Change (points) | ms per image |\n|:--|--:|--:|--:|--:|--:|--:|\n"
        f"{rows}\n"
        f"Checked on {facts['checked_on']} ({facts['checked_images']:,} images); times are "
        "medians of single images on one thread of the machine that exported.\n\n"
        + _EXAMPLE.format(file=facts["variants"][0]["file"], side=side)
    )


def _row(part: Mapping) -> str:
    known = part["accuracy"] is not None
    accuracy = f"{100 * part['accuracy']:.2f}" if known else "not measured"
    change = f"{100 * part['accuracy_change']:+.2f}" if known else "not measured"
    return (
        f"| `{part['file']}`: {part['about']} | {part['bytes']:,} | "
        f"{part['largest_difference']:.1e} | {part['other_answers']} | "
        f"{accuracy} | {change} | {part['ms_per_image']:.2f} |\n"
    )
