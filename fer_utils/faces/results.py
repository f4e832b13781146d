"""What was found in photos: a journal that survives a kill, and the tables made from it.

`progress.jsonl` gets a line per photo as soon as the photo is done; `faces.csv`, `faces.json` and
`unreadable.csv` are written from it, whole or not at all.
"""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from fer_utils.errors import ConfigError
from fer_utils.files import atomic_path, write_text
from fer_utils.paths import relative

JOURNAL, CSV, JSON, UNREADABLE = "progress.jsonl", "faces.csv", "faces.json", "unreadable.csv"
_FIRST_COLUMNS = ("file", "face", "x", "y", "width", "height", "score", "label", "probability")
_PRIVATE = ("path", "stamp", "name")  # of the journal alone
_LAST_COLUMNS = ("detector", "model", "version")


class Journal:
    """The results folder's journal.

    The first line is `settings`, what every result depends on; each further one is a photo:
    file (as given), path (in full), stamp (of its content), and either name (of its pictures),
    width, height and faces, or error.  The last line of a path counts.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        """Open or begin the journal; ConfigError when it was begun with other settings."""
        self.folder, self.settings = folder, dict(settings)
        self.path = folder / JOURNAL
        self._stamps: dict[str, str] = {}  # of the photos that were read
        self._names: dict[str, str] = {}  # by path
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}  # path -> the line that counts
        self._lines = 0
        if self.path.exists():
            self._resume()
        else:
            write_text(self.path, json.dumps(self.settings) + "\n")

    def has(self, path: str, stamp: str) -> bool:
        """Tell whether the photo was read when its content had this stamp."""
        return self._stamps.get(path) == stamp

    def add(self, photos: Iterable[Mapping[str, object]]) -> None:
        """Append the lines of photos that are done, and have them on the disk on return."""
        with open(self.path, "a", encoding="utf-8", newline="\n") as file:
            for photo in photos:
                file.write(json.dumps(photo) + "\n")
                self._note(photo)
            file.flush()
            os.fsync(file.fileno())

    def knows(self, path: str) -> bool:
        """Tell whether the photo was read before, whatever its content was then."""
        return path in self._names

    def name_for(self, path: str, stem: str) -> str:
        """Return the name of a photo's pictures: its stem, or one that no other photo has."""
        name, number = self._names.get(path, stem), 2
        while path not in self._names and name.casefold() in self._taken:
            name, number = f"{stem}-{number}", number + 1
        self._names[path] = name
        self._taken.add(name.casefold())
        return name

    def photos(self) -> Iterator[dict]:
        """Yield the photos of the journal, one at a time, their names as UTF-8 can hold them."""
        counts = set(self._last.values())
        with open(self.path, encoding="utf-8") as file:
            next(file)
            for number, line in enumerate(file):
                if number in counts:
                    photo = json.loads(line)
                    shown = [part for part in ("file", "error") if part in photo]
                    yield photo | {part: _encodable(photo[part]) for part in shown}

    def write_tables(self) -> dict[str, int]:
        """Write the three tables from the journal; return the number of photos, faces, errors."""
        with (
            atomic_path(self.folder / CSV) as table,
            atomic_path(self.folder / JSON) as tree,
            atomic_path(self.folder / UNREADABLE) as errors,
            open(table, "w", encoding="utf-8", newline="") as table_file,
            open(tree, "w", encoding="utf-8", newline="\n") as tree_file,
            open(errors, "w", encoding="utf-8", newline="") as errors_file,
        ):
            return self._write(table_file, tree_file, errors_file)

    def _write(self, table: TextIO, tree: TextIO, errors: TextIO) -> dict[str, int]:
        """Write line by line: the results of a hundred thousand photos are not held in memory."""
        counts = {"photos": 0, "faces": 0, "unreadable": 0}
        classes, names = self.settings["classes"], self.settings["landmarks"]
        points = [f"{name}_{axis}" for name in names for axis in "xy"]
        table_rows = csv.writer(table, lineterminator="\n")
        table_rows.writerow([*_FIRST_COLUMNS, *classes, *points, *_LAST_COLUMNS])
        error_rows = csv.writer(errors, lineterminator="\n")
        error_rows.writerow(["file", "error"])
        head = json.dumps(self.settings, indent=1)[:-2]  # without the closing brace
        tree.write(f'{head},\n "photos": [')
        for photo in self.photos():
            counts["photos"] += 1
            shown = {part: photo[part] for part in photo if part not in _PRIVATE}
            tree.write((",\n  " if counts["photos"] > 1 else "\n  ") + json.dumps(shown))
            if "error" in photo:
                counts["unreadable"] += 1
                error_rows.writerow([photo["file"], photo["error"]])
                continue
            for number, face in enumerate(photo["faces"], start=1):
                counts["faces"] += 1
                table_rows.writerow([
                    photo["file"], number, *face["box"], face["score"], face["label"],
                    face["probabilities"][face["label"]],
                    *(face["probabilities"][name] for name in classes),
                    *(value for name in names for value in face["landmarks"][name]),
                    *(self.settings[name] for name in _LAST_COLUMNS),
                ])  # fmt: skip
        tree.write("\n ]\n}\n")
        return counts

    def _resume(self) -> None:
        """Read what is done; cut off a last line that a killed process left unfinished."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)
        lines = data[:whole].splitlines()
        try:
            before = json.loads(lines[0])
            for line in lines[1:]:
                self._note(json.loads(line))
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{relative(self.path)} is damaged ({error}); delete it to begin again"
            ) from error
        for name, value in self.settings.items():
            if before.get(name) != value:
                raise ConfigError(
                    f"{relative(self.folder)} holds results with {name} {before.get(name)!r}, not "
                    f"{value!r}; give another --out, or delete the folder"
                )

    def _note(self, photo: Mapping[str, object]) -> None:
        """Remember what is asked of a photo later."""
        path = photo["path"]
        self._last[path] = self._lines
        self._lines += 1
        if "error" in photo:  # it is tried again next time
            self._stamps.pop(path, None)
            return
        self._stamps[path], self._names[path] = photo["stamp"], photo["name"]
        self._taken.add(photo["name"].casefold())


def _encodable(text: str) -> str:
    """Return `text` with escapes for what is not UTF-8, as names of files may not be."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
