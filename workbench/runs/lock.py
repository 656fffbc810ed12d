"""One writer a run: an advisory lock that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import time
from pathlib import Path

from ..errors import Where
from ..errors.store import RunLocked, StoreError
from .disk import write_error

_TEMPORARY = re.compile(r"\.(?P<run>.+\.h5)\.(?P<pid>[0-9]{1,10})\.tmp")


class Lock:
    """The right to write one run file, held until `release`.

    The lock is the operating system's (flock) on a hidden file beside the run, which names the holder. Raises RunLocked
    (R005), naming the process, where another one holds it, and what `replace_file` raises where it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._pid = lock_of(path), os.getpid()
        try:
            self._handle = self._acquire(path)
        except OSError as reason:
            raise write_error(reason, path) from reason
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, without a name in it
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Let others write; the lock file goes too. A second call does nothing."""
        if self._handle >= 0:
            if self._pid == os.getpid():  # and not a child that was forked meanwhile
                with contextlib.suppress(OSError):
                    os.unlink(self.path)  # while it is still ours: nobody can hold the new one and the old one at once
            os.close(self._handle)
            self._handle = -1

    def _acquire(self, path: Path) -> int:
        for patience in (0.0, 0.01, 0.02, 0.05, 0.1):  # `writer_of` holds a lock for an instant, too
            time.sleep(patience)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same_file(handle, self.path):
                    return handle  # else its last holder took the file away between our two calls: try the new one
            except BlockingIOError:
                holder = _holder(handle)
            except BaseException:
                os.close(handle)
                raise
            else:
                holder = "unknown"
            os.close(handle)
        wrong, help = f"is being written by process {holder}", "wait for it to end, or choose another --name"
        raise RunLocked(wrong, help=help, where=Where(str(path)))


def lock_of(path: Path) -> Path:
    """The lock file of a run."""
    return path.with_name(f".{path.name}.lock")


def writer_of(path: Path) -> str | None:
    """The process that is writing a run ("4711 on host"), or None."""
    try:
        handle = os.open(lock_of(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _holder(handle)
    finally:
        os.close(handle)


def sweep(run: Path) -> None:
    """Take away the temporaries that dead writers left in the folder of `run`, whose lock the caller holds."""
    with os.scandir(run.parent) as files:
        found = [match for file in files if (match := _TEMPORARY.fullmatch(file.name))]
    for match in found:
        free = match["run"] == run.name or writer_of(run.with_name(match["run"])) is None
        if free and not _alive(int(match["pid"])):
            with contextlib.suppress(OSError):
                os.unlink(run.with_name(match[0]))


def tidy(run: Path) -> None:
    """Take away what a dead writer left beside `run`; while one lives, or where nothing may be changed, do nothing."""
    if os.path.lexists(lock_of(run)):
        with contextlib.suppress(StoreError):
            lock = Lock(run)
            sweep(run)
            lock.release()


def _alive(pid: int) -> bool:
    """Another living process of this machine has the number."""
    if pid == os.getpid():
        return False  # of a dead namesake: what we write now, we write under a lock
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _holder(handle: int) -> str:
    return os.pread(handle, 200, 0).decode("ascii", "replace").strip() or "unknown"


def _same_file(handle: int, path: Path) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (os.fstat(handle).st_dev, os.fstat(handle).st_ino)
