"""The runs in a folder: listing them and finding one by what was typed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Where
from ..errors.store import NotARun, NotReadable, RunDamaged, StoreError
from ..errors.usage import UnknownName
from .disk import read_whole
from .lock import writer_of
from .names import path_of
from .seal import BLOCK, read_seal
from .sealed import LARGEST


@dataclass(frozen=True)
class Summary:
    """One line of a list of runs, from the seal alone: a few microseconds a file, however long it is."""

    name: str
    path: Path
    status: str  # "damaged" or "newer" where the file cannot be read
    modified: float  # seconds since 1970
    size: int = 0  # bytes
    run_id: str = ""
    commit: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)  # dynamics, problem, fit_percent, data, solver
    writer: str = ""  # "4711 on host": the process that is writing it now
    error: StoreError | None = None  # why it cannot be read


def catalog(folder: Path | str) -> list[Summary]:
    """Every run in a folder, the newest last; files that are no runs are passed over, damaged ones are listed as such.

    An empty list for a folder that is not there; NotReadable (R009) for one that may not be read.
    """
    try:
        with os.scandir(folder) as files:
            names = [file.name for file in files if file.name.endswith(".h5") and not file.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as reason:
        raise NotReadable(f"cannot be listed: {reason.strerror}", where=Where(str(folder))) from reason
    found = [summary for name in names if (summary := _summary(Path(folder) / name)) is not None]
    return sorted(found, key=lambda summary: (summary.modified, summary.name))


def resolve(text: str, folder: Path | str) -> Path:
    """The run file in a folder that the text means: a name, the beginning of one, a path or `@last`.

    Raises UnknownName (U002), with the nearest names, where there is none or more than one; UsageError (U001) for what
    can be no name; OutsideStore (R014) where a link in the folder leads out of it.
    """
    if text == "@last":
        return _last(folder)
    if os.sep in text or text.endswith(".h5"):
        if Path(text).exists() or os.sep in text:
            return _there(Path(text))
        text = text.removesuffix(".h5")
    path = path_of(text, folder)
    if path.exists():
        return path
    names = [summary.name for summary in catalog(folder)]
    begun = [name for name in names if name.startswith(text)]
    if len(begun) == 1:
        return path_of(begun[0], folder)
    if begun:
        raise UnknownName(f"{text!r} is the beginning of {len(begun)} runs", help=f"type more of it: {_some(begun)}")
    near = difflib.get_close_matches(text, names, n=3)
    help = f"did you mean {_some(near)}?" if near else f"there are: {_some(names)}" if names else "fit something first"
    raise UnknownName(f"no run {text!r} in {folder}", help=help)


def _summary(path: Path) -> Summary | None:
    """The summary of one file; None for what is no run, or was taken away while we looked."""
    try:
        status = path.stat()
    except OSError:
        return None
    name, modified = path.name.removesuffix(".h5"), status.st_mtime
    try:
        seal = read_seal(read_whole(path, LARGEST, first=BLOCK), str(path))
        if seal.size != status.st_size and seal.size != path.stat().st_size:
            raise RunDamaged(f"{status.st_size} bytes where its seal says {seal.size}", where=Where(str(path)))
    except NotARun:
        return None
    except StoreError as error:
        kind = {"R002": "damaged", "R004": "newer"}.get(error.code, "unreadable")
        return Summary(name, path, kind, modified, status.st_size, error=error)
    writer = writer_of(path) if seal.status == "running" else None
    return Summary(
        name, path, seal.status, modified, seal.size, seal.run_id, seal.commit, dict(seal.about), writer or ""
    )


def _last(folder: Path | str) -> Path:
    """The run that was committed last."""
    runs = [summary for summary in catalog(folder) if summary.error is None]
    if not runs:
        raise UnknownName(f"no runs in {folder}", help="fit something first")
    return path_of(runs[-1].name, folder)


def _there(path: Path) -> Path:
    if not path.exists():
        raise UnknownName(f"no file {path}", help="give the name of a run, or a path that exists")
    return path


def _some(names: list[str]) -> str:
    return ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")
