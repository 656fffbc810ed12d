"""The folder of libraries that were built before: private, of limited size, never trusted blindly.

A library's name is its key and the hash of its bytes, so that a damaged file is noticed and a name never changes its
content. Files come in by a rename, so that readers and builders need no lock; they go in the order of last use.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors.usage import TextMalformed

LIMIT = 256.0  # MB
SUFFIX = ".so"
MEMORY = ".compiler"  # what a compiler said about itself
TEMPORARY = ".building-"
ABANDONED = 3600.0  # seconds after which a temporary file belongs to nobody


@dataclass(frozen=True)
class Contents:
    """What the cache holds."""

    folder: Path | None  # None: WORKBENCH_CACHE=none
    libraries: int
    bytes: int
    limit: int  # bytes
    problem: str = ""  # why it cannot be used, if it cannot

    @property
    def path(self) -> str | None:
        """The folder as text."""
        return None if self.folder is None else str(self.folder)


def cache_folder() -> Path | None:
    """`compiled` in WORKBENCH_CACHE or in the user's cache folder; None for WORKBENCH_CACHE=none."""
    chosen = os.environ.get("WORKBENCH_CACHE", "").strip()
    if chosen.lower() == "none":
        return None
    if chosen:
        return Path(chosen).expanduser().absolute() / "compiled"
    from platformdirs import user_cache_path

    return user_cache_path("workbench") / "compiled"


def size_limit() -> int:
    """Bytes that the cache may hold, WORKBENCH_CACHE_SIZE being in MB; raises TextMalformed."""
    text = os.environ.get("WORKBENCH_CACHE_SIZE", "")
    try:
        megabytes = float(text or LIMIT)
    except ValueError:
        megabytes = -1.0
    if not 0 <= megabytes < 1e9:
        raise TextMalformed(f"WORKBENCH_CACHE_SIZE={text} is no number of MB", help="WORKBENCH_CACHE_SIZE=256")
    return int(megabytes * 1e6)


def private(state: os.stat_result) -> bool:
    """Ours, and nobody else may write to it."""
    return not hasattr(os, "geteuid") or (state.st_uid == os.geteuid() and not state.st_mode & 0o022)


def unusable(folder: Path) -> str:
    """Why libraries may not be loaded from a folder; "" where they may, or where it is not there."""
    try:
        state = folder.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if not stat.S_ISDIR(state.st_mode):
        return f"{folder} is no folder"
    return "" if private(state) else f"{folder} belongs to another user, or others may write to it"


def take(folder: Path, key: str) -> Path | None:
    """The library kept under a key, marked as used; None where there is none that is whole and ours."""
    if unusable(folder):
        return None
    for file in sorted(folder.glob(f"{key}-*{SUFFIX}")):
        if _whole(file):
            with suppress(OSError):  # of a read-only folder libraries can be used, but not marked
                os.utime(file)
            return file
    return None


def keep(folder: Path, key: str, library: Path) -> Path:
    """Put a library into the cache under a key and make room for it; raises OSError where that is not possible."""
    content = library.read_bytes()
    final = folder / f"{key}-{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    _put(final, content, 0o700)
    trim(folder, size_limit(), spare=final)
    return final


def trim(folder: Path, limit: int, spare: Path | None = None) -> None:
    """Remove libraries, least recently used first, until the rest is within the limit; `spare` stays."""
    for file in folder.glob(f"{TEMPORARY}*"):
        state = _state(file)
        if state is not None and time.time() - state.st_mtime > ABANDONED:
            file.unlink(missing_ok=True)
    kept = sorted(_kept(folder), key=lambda item: item[1].st_mtime_ns)
    size = sum(state.st_size for _, state in kept)
    for file, state in kept:
        if size <= limit:
            return
        if file != spare:
            file.unlink(missing_ok=True)
            size -= state.st_size


def contents() -> Contents:
    """What is in the cache, and whether it can be used; raises TextMalformed."""
    folder, limit = cache_folder(), size_limit()
    if folder is None:
        return Contents(None, 0, 0, limit)
    problem = unusable(folder)
    kept = [] if problem else list(_kept(folder))
    nearest = next(place for place in (folder, *folder.parents) if problem or place.exists())
    if not problem and not os.access(nearest, os.W_OK):
        problem = f"{folder} cannot be written to; libraries in it are used, new ones are not kept"
    return Contents(folder, len(kept), sum(state.st_size for _, state in kept), limit, problem)


def clear() -> Contents:
    """Remove every library and what was noted of compilers; what was there. Raises OSError where a file stays."""
    held = contents()
    if held.folder is not None and held.folder.is_dir():
        for file in (*held.folder.glob(f"*{SUFFIX}"), *held.folder.glob(f"*{MEMORY}")):
            file.unlink(missing_ok=True)
    return held


def remembered(folder: Path | None, fingerprint: str) -> str | None:
    """What a compiler said about itself when it was last asked, if nothing about its file has changed."""
    file = _memory(folder, fingerprint)
    if file is None or folder is None or unusable(folder):
        return None
    state = _state(file)
    if state is None or not private(state):
        return None
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def remember(folder: Path | None, fingerprint: str, version: str) -> None:
    """Keep it, if possible."""
    file = _memory(folder, fingerprint)
    if file is not None:
        with suppress(OSError):
            _put(file, version.encode(), 0o600)


def _put(final: Path, content: bytes, mode: int) -> None:
    """Write a file that is whole from the moment it can be seen; raises OSError."""
    folder = final.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    problem = unusable(folder)
    if problem:
        raise PermissionError(problem)
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{time.monotonic_ns()}"
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(content)
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def _memory(folder: Path | None, fingerprint: str) -> Path | None:
    return None if folder is None else folder / f"{hashlib.sha256(fingerprint.encode()).hexdigest()}{MEMORY}"


def _whole(file: Path) -> bool:
    """A file of ours that holds what its name says."""
    state = _state(file)
    if state is None or not private(state):
        return False
    try:
        return file.stem.rpartition("-")[2] == hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return False


def _kept(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for file in folder.glob(f"*{SUFFIX}"):
        state = _state(file)
        if state is not None:
            yield file, state


def _state(file: Path) -> os.stat_result | None:
    """Of a regular file, links not followed; None where it is none or is gone."""
    try:
        state = file.lstat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None
