"""The two things that run files need of a disk: reading a whole file, and replacing one in a single step."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import Where
from ..errors.store import DiskFull, NotReadable, NotWritable, StoreError, WriteFailed

Bytes = bytes | memoryview
_NOT_THERE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}


def read_whole(path: Path, most: int, first: int | None = None) -> bytes:
    """Every byte of a plain file (or its `first` ones), from one open file, so that a replacement cannot mix in.

    Raises NotReadable (R009) for what is not there, is no plain file, may not be read or is longer than `most`.
    """
    where = Where(str(path))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not make us wait
        with os.fdopen(handle, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise NotReadable("a folder or device, not a file", where=where)
            if status.st_size > most:
                raise NotReadable(f"{status.st_size} bytes; at most {most} are read", where=where)
            return _read(file.fileno(), status.st_size if first is None else min(first, status.st_size))
    except OSError as reason:
        raise NotReadable(f"cannot be read: {reason.strerror}", where=where) from reason


def replace_file(path: Path, parts: Sequence[Bytes]) -> None:
    """Put a new file in the place of `path`, all of it or nothing, and return when it would survive a power cut.

    Raises DiskFull (R006), NotWritable (R007) or WriteFailed (R008); the old file is then still there, whole, and no
    temporary is left.
    """
    temporary = temporary_of(path, os.getpid())
    try:
        try:
            _write_synced(temporary, parts)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(path.parent)
    except OSError as reason:
        raise write_error(reason, path, sum(len(part) for part in parts)) from reason


def temporary_of(path: Path, pid: int) -> Path:
    """The name of a file on its way: hidden, never ending in .h5, telling who writes it."""
    return path.with_name(f".{path.name}.{pid}.tmp")


def _read(handle: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0 and (piece := os.read(handle, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _write_synced(path: Path, parts: Sequence[Bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        for part in parts:
            rest = memoryview(part).cast("B")
            while len(rest):
                rest = rest[os.write(handle, rest) :]
        _sync(handle)
    finally:
        os.close(handle)


def _sync(handle: int) -> None:
    """Down to the platters: on macOS fsync stops at the drive's cache, F_FULLFSYNC does not."""
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    """A new name lasts when its folder has been written."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_error(reason: OSError, path: Path, size: int = 0) -> StoreError:
    """The error of the R family that an error of the operating system means."""
    where = Where(str(path))
    if reason.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"no space left for {size} bytes (free: {_free(path.parent)}); the last commit is safe",
            help="make room and go on with --resume",
            where=where,
        )
    if reason.errno in _NOT_THERE:
        return NotWritable(f"cannot be written: {reason.strerror}", help="choose another folder", where=where)
    wrong = f"cannot be written: {reason.strerror or reason}; the last commit is safe"
    return WriteFailed(wrong, help="mend the disk or choose another folder, and go on with --resume", where=where)


def _free(folder: Path) -> str:
    try:
        return str(shutil.disk_usage(folder).free)
    except OSError:
        return "unknown"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if they are not there; raises as `replace_file` does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise write_error(reason, folder) from reason
