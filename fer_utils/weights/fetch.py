"""Download a file of initial weights: resumed where it stopped, checked, moved into place whole."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from fer_utils.errors import ConfigError, DataError, RunBusy, WeightsMissing
from fer_utils.files import locked, write_json
from fer_utils.paths import relative
from fer_utils.weights.files import check_weights, difference
from fer_utils.weights.registry import WeightsFile

ATTEMPTS = 5
_SECONDS_BEFORE_RETRY = 1.0  # doubled each time
_SECONDS_WITHOUT_ANSWER = 30
_CHUNK = 1 << 18
#: What a server says when it may work a moment later.
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_OTHER_RANGE = 416


class _Cut(Exception):  # noqa: N818 - what happened, to be tried again
    """The connection failed or ended early; what came is kept."""


@dataclass(frozen=True)
class _Version:
    """What tells one state of a file at a server from another."""

    url: str
    etag: str | None
    last_modified: str | None
    length: int | None

    @property
    def validator(self) -> str | None:
        """What If-Range may name: a strong ETag, else the date."""
        return self.etag if self.etag and self.etag.startswith('"') else self.last_modified

    def differs(self, other: "_Version") -> bool:
        """Return whether the two contradict each other; a server need not repeat what it said."""
        return any(
            mine is not None and theirs is not None and mine != theirs
            for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)
        )


def fetch(
    file: WeightsFile,
    folder: Path,
    *,
    attempts: int = ATTEMPTS,
    wait: float = _SECONDS_BEFORE_RETRY,
    progress: bool | None = None,
) -> Path:
    """Download `file` into `folder` and return its path; a sound one that is there is kept.

    What has come of it lies beside it as `NAME.part`, and a later call goes on from there, unless
    the server has another file by now or cannot send parts.  The size and SHA-256 are checked, as
    far as they are known, before the file gets its name.
    attempts: connections to try.  wait: seconds before the second, doubled each time.
    progress: whether to show a bar; None for only at a terminal.
    Raises ConfigError for a file that comes in a package, WeightsMissing when it cannot be
    reached, DataError when other bytes came than were published or the one that is there is
    damaged, RunBusy when another process downloads it, and OSError for a full disk (what has
    come is kept).
    """
    if not file.url:
        raise ConfigError(
            f"{file.name} is not downloaded: it comes in the package {file.package_name}"
        )
    target = folder / file.file_name
    if target.is_file():
        check_weights(file, target)
        return target
    part = folder / f"{file.file_name}.part"
    with locked(folder / f".{file.file_name}.lock") as mine:
        if not mine:
            raise RunBusy(f"another process is downloading {relative(target)}")
        _download_with_retries(file, part, attempts, wait, progress)
        problem = difference(file, part)
        if problem:
            _forget(part)
            raise DataError(
                f"{file.url} sent other bytes than {file.name} as published: the file {problem}; "
                "nothing of it was kept; try again, or get it from somewhere else"
            )
        os.replace(part, target)
        _forget(part)
    return target


def _download_with_retries(
    file: WeightsFile, part: Path, attempts: int, wait: float, progress: bool | None
) -> None:
    for attempt in range(attempts):
        if attempt:
            time.sleep(wait * 2 ** (attempt - 1))
        try:
            return _download(file, part, progress)
        except _Cut as error:
            cause = error
    kept = f"; {part.stat().st_size:,} bytes are kept" if part.is_file() else ""
    raise WeightsMissing(
        f"{file.name} could not be downloaded in {attempts} attempts ({cause}){kept}: run the "
        f"same command again to go on, or save {file.url} as "
        f"{relative(part.with_name(file.file_name))}"
    )


def _download(file: WeightsFile, part: Path, progress: bool | None) -> None:
    """Bring `part` to its full length over one connection; raise _Cut if that ends early."""
    known = _read_version(part, file.url)
    start = part.stat().st_size if known else 0
    if known and start == known.length:
        return
    with _open(file, part, start, known) as response:
        start, version = _answer(response, part, start, known, file.url)
        if start == 0:
            write_json(_notes(part), vars(version))
        with (
            open(part, "ab" if start else "wb") as output,
            tqdm(
                total=version.length,
                initial=start,
                unit="B",
                unit_scale=True,
                desc=file.file_name,
                disable=None if progress is None else not progress,
            ) as bar,
        ):
            while chunk := _read(response):
                output.write(chunk)
                bar.update(len(chunk))
    size = part.stat().st_size
    if version.length is not None and size < version.length:
        raise _Cut(f"the connection ended after {size:,} of {version.length:,} bytes")


def _open(
    file: WeightsFile, part: Path, start: int, known: _Version | None
) -> http.client.HTTPResponse:
    headers = {"User-Agent": "fer_utils", "Accept-Encoding": "identity"}
    if start and known:
        headers["Range"] = f"bytes={start}-"
        if known.validator:
            headers["If-Range"] = known.validator
    request = urllib.request.Request(file.url, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=_SECONDS_WITHOUT_ANSWER)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _OTHER_RANGE and start:
            _forget(part)
            raise _Cut("the server has no such part of the file") from error
        if error.code in _PASSING:
            raise _Cut(f"the server says {error.code} {error.reason}") from error
        raise WeightsMissing(
            f"{file.name} is not at {file.url} (the server says {error.code} {error.reason}): "
            f"look for {file.file_name} elsewhere and save it as "
            f"{relative(part.with_name(file.file_name))}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(f"no connection: {getattr(error, 'reason', error)}") from error


def _answer(
    response: http.client.HTTPResponse, part: Path, start: int, known: _Version | None, url: str
) -> tuple[int, _Version]:
    """Return where in the file the answer begins, and the version of the file it is from."""
    length = response.headers.get("Content-Length")
    length = int(length) if length and length.isdecimal() else None
    partial = response.status == http.client.PARTIAL_CONTENT
    if partial:
        begins, length = _content_range(response.headers.get("Content-Range", ""))
    headers = response.headers
    version = _Version(url, headers.get("ETag"), headers.get("Last-Modified"), length)
    if not partial:
        return 0, version
    if known is None or begins != start or version.differs(known):
        _forget(part)
        raise _Cut("the file at the server is another than before")
    return start, known


def _content_range(text: str) -> tuple[int, int | None]:
    """Return the first byte and the full length of `bytes 7-99/100`; -1 if it is not that."""
    unit, _, span = text.partition(" ")
    first, _, rest = span.partition("-")
    total = rest.partition("/")[2]
    if unit != "bytes" or not first.isdecimal():
        return -1, None
    return int(first), int(total) if total.isdecimal() else None


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(f"the connection broke: {error}") from error


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_version(part: Path, url: str) -> _Version | None:
    """Return which version of the file at `url` the `part` is from; None if it is of no use."""
    try:
        version = _Version(**json.loads(_notes(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    comparable = version.url == url and (version.etag or version.last_modified)
    return version if part.is_file() and comparable else None


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)
