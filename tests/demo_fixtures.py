"""A running server and pictures of a face, for the tests of the demo."""

import contextlib
import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import skimage.data
from flask import Flask
from PIL import Image
from waitress import create_server


def astronaut() -> Image.Image:
    """Return 512 x 512 pixels with one smiling face (NASA, public domain)."""
    return Image.fromarray(skimage.data.astronaut())


def collage(width: int = 1000, height: int = 600) -> Image.Image:
    """Return a picture with three faces: one large, one small, one mirrored."""
    face = astronaut().crop((100, 20, 360, 300))
    picture = Image.new("RGB", (width, height), (200, 190, 180))
    picture.paste(face, (40, 40))
    picture.paste(face.resize((182, 196)), (400, 200))
    picture.paste(face.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (700, 250))
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    """Return the bytes of `picture` as a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def write_webcam(path: Path, pictures: Sequence[Image.Image]) -> Path:
    """Write what Chromium's fake camera plays, again and again: JPEG files in a row."""
    path.write_bytes(b"".join(encoded(p, "JPEG", quality=92) for p in pictures))
    return path


@contextlib.contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve `app` on a free port while the block runs; yield its address."""
    server = create_server(app, host="127.0.0.1", port=0, threads=8)

    def run() -> None:
        with contextlib.suppress(OSError):  # of its closed socket
            server.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        thread.join(5)
