"""From photos to faces with expressions: read, find, crop, classify, and keep what was found."""

import glob
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

import fer_utils
from fer_utils.errors import DataError, RunBusy, unknown_name
from fer_utils.faces import blazeface, mtcnn
from fer_utils.faces.classifier import Classifier
from fer_utils.faces.crops import crop_box, crop_color, crop_face
from fer_utils.faces.detection import DETECTORS, THREAD_SAFE, detect_faces
from fer_utils.faces.drawing import draw_faces, shrink
from fer_utils.faces.face import Face
from fer_utils.faces.photos import MAX_PIXELS, read_photo
from fer_utils.faces.results import Journal
from fer_utils.files import atomic_path, locked
from fer_utils.paths import relative

#: Photos that are in memory at a time, most of them shrunk already.
CHUNK = 16
#: Photos after which the tables are written anew; the journal is written after each chunk.
TABLES_EVERY = 512
PICTURES = "pictures"
_FACE_SIDES = (48, 256)  # smallest and largest side of a saved face
_WORKERS = 4
_LANDMARKS = {"blazeface": blazeface.LANDMARKS, "mtcnn": mtcnn.LANDMARKS}


@dataclass(frozen=True)
class Options:
    """How photos are looked at.

    detector: name.  min_score: of a face; the detector's default if None.  align: turn faces
    until the eyes are level.  pictures: save labeled photos and faces.  max_pixels: larger photos
    are listed as unreadable.
    """

    detector: str = "blazeface"
    min_score: float | None = None
    align: bool = False
    pictures: bool = True
    max_pixels: int = MAX_PIXELS


@dataclass(eq=False)
class Photo:
    """A photo on its way: its faces, their gray crops, and what its pictures are made of."""

    path: Path
    stamp: str
    size: tuple[int, int] = (0, 0)
    faces: list[Face] = field(default_factory=list)
    crops: list[np.ndarray] = field(default_factory=list)
    colors: list[np.ndarray] = field(default_factory=list)
    picture: Image.Image | None = None
    error: str = ""


def predict_photos(
    paths: Sequence[Path], out: Path, classifier: Classifier, options: Options | None = None
) -> dict[str, int]:
    """Look at all photos and write what was found to the folder `out`; return the counts.

    Writes `faces.csv`, `faces.json`, `unreadable.csv`; with pictures also `pictures/<photo>.jpg`
    and `<label>/<photo>_<n>.png`.  Photos that the folder has results of are skipped, unless the
    file has changed: then its old pictures are removed.  A killed process loses the chunk it was
    at.  The counts are of the whole folder: photos, faces, unreadable; and `skipped`, those of
    `paths` that were done before.
    Raises ConfigError for an unknown detector or results of other settings, RunBusy when another
    process writes to `out`.
    """
    options = options or Options()
    if options.detector not in DETECTORS:
        raise unknown_name("detector", options.detector, DETECTORS)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / ".lock") as ours:
        if not ours:
            raise RunBusy(f"another process writes to {relative(out)}; wait, or give another --out")
        journal = Journal(out, _settings(classifier, options))
        todo = [path for path in paths if not journal.has(str(path.resolve()), _stamp(path))]
        since = 0
        bar = tqdm(total=len(paths), initial=len(paths) - len(todo), desc="photos", unit="photo",
                   disable=None)  # fmt: skip
        try:
            with bar:
                for photos in _chunks(todo, classifier.side, options):
                    journal.add(_finish(photos, classifier, journal, out, options))
                    bar.update(len(photos))
                    since += len(photos)
                    if since >= TABLES_EVERY:
                        journal.write_tables()
                        since = 0
        finally:
            counts = journal.write_tables()
    return counts | {"skipped": len(paths) - len(todo)}


def _settings(classifier: Classifier, options: Options) -> dict[str, object]:
    return {
        "fer_utils": fer_utils.__version__,
        "model": classifier.name,
        "version": classifier.version,
        "detector": options.detector,
        "min_score": options.min_score,
        "align": options.align,
        "pictures": options.pictures,
        "classes": list(classifier.class_names),
        "landmarks": list(_LANDMARKS[options.detector]),
    }


def _stamp(path: Path) -> str:
    """Return what changes with the file's content: its size and time."""
    try:
        status = path.stat()
    except OSError:  # gone or forbidden: reading it says so
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def _chunks(paths: Sequence[Path], side: int, options: Options) -> Iterator[list[Photo]]:
    """Yield the photos with their faces found, `CHUNK` at a time, read by several threads."""
    threads = min(_WORKERS, os.cpu_count() or 1) if options.detector in THREAD_SAFE else 1
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), CHUNK):
            jobs = paths[start : start + CHUNK]
            yield list(pool.map(lambda path: _look(path, side, options), jobs))


def _look(path: Path, side: int, options: Options) -> Photo:
    """Read a photo, find its faces and cut them out; an unreadable one says so in `error`."""
    stamp = _stamp(path)
    try:
        image = read_photo(path, options.max_pixels)
    except DataError as error:
        return Photo(path, stamp, error=str(error))
    faces = detect_faces(image, options.detector, options.min_score)
    photo = Photo(path, stamp, (image.shape[1], image.shape[0]), faces)
    for face in faces:
        photo.crops.append(crop_face(image, face, side, align=options.align))
        if options.pictures:
            size = int(np.clip(round(crop_box(face)[2]), *_FACE_SIDES))
            photo.colors.append(crop_color(image, face, size, align=options.align))
    if options.pictures and faces:
        photo.picture = shrink(image)
    return photo


def _classify(classifier: Classifier, crops: list[np.ndarray]) -> np.ndarray:
    if not crops:
        return np.zeros((0, len(classifier.class_names)), np.float32)
    return classifier.predict(np.stack(crops))


def _finish(
    photos: list[Photo],
    classifier: Classifier,
    journal: Journal,
    out: Path,
    options: Options,
) -> list[dict]:
    """Classify the faces of all photos at once, save the pictures, return the journal's lines."""
    y_prob = iter(_classify(classifier, [crop for photo in photos for crop in photo.crops]))
    lines = []
    for photo in photos:
        path = str(photo.path.resolve())
        line: dict[str, object] = {"file": photo.path.as_posix()}
        line |= {"path": path, "stamp": photo.stamp}
        if options.pictures and journal.knows(path):
            _remove_pictures(journal.name_for(path, photo.path.stem), out, classifier.class_names)
        if photo.error:
            lines.append(line | {"error": photo.error})
            continue
        faces = [_as_json(face, next(y_prob), classifier.class_names) for face in photo.faces]
        line |= {"name": journal.name_for(path, photo.path.stem)}
        line |= {"width": photo.size[0], "height": photo.size[1], "faces": faces}
        lines.append(line)
        if options.pictures and faces:
            _save_pictures(photo, line, out)
    return lines


def _as_json(face: Face, y_prob: np.ndarray, class_names: Sequence[str]) -> dict[str, object]:
    places = [round(float(value), 2) for value in (face.x, face.y, face.width, face.height)]
    return {
        "box": places,
        "score": round(face.score, 4),
        "label": class_names[int(y_prob.argmax())],
        "probabilities": {
            name: round(float(p), 6) for name, p in zip(class_names, y_prob, strict=True)
        },
        "landmarks": {
            name: [round(float(value), 2) for value in point]
            for name, point in zip(face.names, face.landmarks, strict=True)
        },
    }


def _remove_pictures(name: str, out: Path, class_names: Sequence[str]) -> None:
    """Remove a photo's pictures: since it changed, it may show fewer faces, or other labels."""
    (out / PICTURES / f"{name}.jpg").unlink(missing_ok=True)
    for label in class_names:
        for path in (out / label).glob(f"{glob.escape(name)}_*.png"):
            if path.stem.removeprefix(f"{name}_").isdecimal():  # else it is of photo "<name>_x"
                path.unlink()


def _save_pictures(photo: Photo, line: dict, out: Path) -> None:
    texts = []
    for number, (face, color) in enumerate(zip(line["faces"], photo.colors, strict=True), 1):
        texts.append(f"{face['label']} {100 * face['probabilities'][face['label']]:.0f} %")
        target = out / face["label"] / f"{line['name']}_{number}.png"
        with atomic_path(target) as temporary:
            Image.fromarray(color).save(temporary, format="PNG")
    scale = max(photo.picture.size) / max(photo.size)
    with atomic_path(out / PICTURES / f"{line['name']}.jpg") as temporary:
        draw_faces(photo.picture, photo.faces, texts, scale).save(
            temporary, format="JPEG", quality=90
        )
