"""Writing files so that a reader never sees half of one, and hashing them."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: What a file system says that has no locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `target`; move it into place when the block succeeds.

    On any error (a full disk, a kill, an exception) the old `target` stays as it was and
    the temporary file is removed.  The folder of `target` is made if need be.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _open_to_others(temporary, 0o666)  # mkstemp made it private
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path | str) -> Iterator[Path]:
    """Yield a temporary folder beside `target`; move it into place when the block succeeds.

    An existing `target` is replaced only after the new folder is complete.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
    try:
        yield temporary
        _open_to_others(temporary, 0o777)  # mkdtemp made it private
        if target.exists():
            old = temporary.with_suffix(".old")
            os.replace(target, old)
            try:
                os.replace(temporary, target)
            except BaseException:
                os.replace(old, target)
                raise
            shutil.rmtree(old)
        else:
            os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(path: Path | str) -> Iterator[bool]:
    """Hold the lock file at `path` while the block runs; yield False if another holds it.

    The operating system drops the lock with the process, however it ends, so a file that a
    killed process left behind is no lock.  Where there are no such locks (Windows, some network
    file systems) everyone gets True.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _open_locked(path) if fcntl else None
    if handle == -1:
        yield False
        return
    try:
        yield True
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)  # before the lock goes: then the file is still ours
            os.close(handle)


def _open_locked(path: Path) -> int | None:
    """Return the open, locked file at `path`; -1 if another holds it, None without locks."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # whoever held it may have removed the file that we had opened: then ours is no lock
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return -1
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(handle)
            if error.errno not in _NO_LOCKS:
                raise
            return None
        os.close(handle)


def _open_to_others(path: Path, mode: int) -> None:
    """Give `path` the permissions that the user's umask leaves of `mode`."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(mode & ~umask)


def write_text(target: Path | str, text: str) -> None:
    """Write `text` to `target` as UTF-8, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path | str, value: object) -> None:
    """Write `value` to `target` as indented JSON, whole or not at all."""
    write_text(target, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """Return the SHA-256 of the file at `path` as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    """Return the SHA-256 of `value` as canonical JSON: independent of host and key order."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256_bytes(canonical.encode())
