"""Writing a run: commit after commit, each of them all or nothing."""

from __future__ import annotations

import contextlib
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np

from ..errors import Where
from ..errors.store import RecordUnstorable, RunExists, RunLocked
from ..errors.usage import UsageError
from .disk import make_folder, read_whole, replace_file
from .entry import Attribute, printable
from .layout import entries_of
from .lock import Lock, sweep
from .names import new_name, path_of
from .record import Record
from .schema import FORMAT, GROUPS
from .seal import BLOCK, FORMAT_VERSION, STATUS, Seal, digest, read_seal, verify_seal
from .sealed import LARGEST

SHARE = 0.02  # of the time since the writer was made may go into commits that are not asked for by name

Existing = Literal["refuse", "continue", "replace"]


class RunWriter:
    """The only writer of one run file; use it inside `with`, or `close` it.

    `existing` says what to do with a run that is there already: `refuse` it (RunExists, R013), `continue` it (same
    run_id, commits count on) or `replace` it. A damaged or foreign file is never written over (RunDamaged, NotARun). A
    second writer gets RunLocked (R005). A commit that fails raises DiskFull (R006), NotWritable (R007) or WriteFailed
    (R008), leaves the last one as it was, and can be tried again. `commit_if_due` spaces commits so that they take at
    most `share` of the time on `clock`.
    """

    def __init__(
        self,
        path: Path | str,
        existing: Existing = "refuse",
        *,
        share: float = SHARE,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        from .hdf5 import build  # h5py, which listing runs does without; its import is no cost of a commit

        self.path, self._build = Path(path), build
        if self.path.suffix != ".h5":
            raise UsageError(f"{path} does not end in .h5, as run files do", help=f"try {path}.h5")
        self._share, self._clock, self._began, self._spent, self._last = share, clock, clock(), 0.0, 0.0
        self._committed, self._underway = False, b""
        make_folder(self.path.parent)
        self._lock = Lock(self.path)
        try:
            self._block = self._take_over(existing)
            sweep(self.path)
        except BaseException:
            self._lock.release()
            raise

    def commit(self, record: Record) -> int:
        """Store the record and return the number of the commit; once it returns, only the disk itself can lose it."""
        return self._timed(self._clock(), record)

    def commit_if_due(self, make_record: Callable[[], Record]) -> bool:
        """Commit, if this and one last commit fit into the share of the time so far; the first is always due."""
        now = self._clock()
        if self._committed and self._spent + 2 * self._last > self._share * (now - self._began):
            return False
        self._timed(now, make_record())
        return True

    def close(self) -> None:
        """Let go of the run; what was committed stays. A second call does nothing."""
        self._lock.release()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_over(self, existing: Existing) -> bytes | None:
        """The seal of the run that is there, checked to the last byte; sets the identity that commits will have."""
        self.run_id, self.number = secrets.token_hex(8), 0
        if not self.path.is_symlink() and not self.path.exists():
            return None
        data = read_whole(self.path, LARGEST)
        seal = verify_seal(data, str(self.path))
        if existing == "refuse":
            help = f"choose another --name, or go on with it: --resume {self.path.stem}"
            raise RunExists("there is a run of this name", help=help, where=Where(str(self.path)))
        if existing == "continue":
            self.run_id, self.number = seal.run_id, seal.commit
        return data[:BLOCK]

    def _timed(self, began: float, record: Record) -> int:
        try:
            return self._commit(record)
        finally:
            self._last = self._clock() - began
            self._spent += self._last

    def _commit(self, record: Record) -> int:
        if not STATUS.fullmatch(record.status):
            raise RecordUnstorable(f"status is {record.status!r}; a word, or failed.CODE, is wanted")
        attributes: dict[str, Attribute] = {
            "Conventions": "CF-1.11",
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "run_id": self.run_id,
            "status": record.status,
        }
        image = self._build(entries_of(record), GROUPS, attributes).getbuffer()
        body = image[BLOCK:]
        self._require_ours()
        seal = Seal(len(image), digest(body), self.number + 1, self.run_id, record.status, about(record))
        self._underway = seal.block()
        replace_file(self.path, [self._underway, body])
        self._block, self.number, self._committed = self._underway, seal.commit, True
        return seal.commit

    def _require_ours(self) -> None:
        """What stands at the path is our last commit, or nothing: never write over what another hand put there."""
        if not self.path.exists():
            return
        there = read_whole(self.path, LARGEST, first=BLOCK)
        if there == self._block:
            return
        seal = read_seal(there, str(self.path))
        if there != self._underway:
            raise RunExists(
                "another hand has put a different run here; it was left as it is",
                help="move it aside, then go on with --resume",
                where=Where(str(self.path)),
            )
        self._block, self.number = there, seal.commit  # a signal came between the replacement and our note of it


def new_run(folder: Path | str, rng: random.Random | np.random.Generator, *, share: float = SHARE) -> RunWriter:
    """A writer for a run of a new name by `rng`, however many others look for one in the same folder at once.

    Commits take at most the `share` of the elapsed time.
    """
    while True:
        with contextlib.suppress(RunExists, RunLocked):
            return RunWriter(path_of(new_name(folder, rng), folder), share=share)


def about(record: Record) -> dict[str, Any]:
    """What a list of runs shows of a record, the most telling first: short text and one number."""
    holdout, choices = record.metrics.get("holdout"), record.config.get("choices")
    chosen = record.config | (choices if isinstance(choices, dict) else {})
    shown = {
        "dynamics": chosen.get("dynamics"),
        "problem": chosen.get("problem"),
        "fit_percent": holdout.get("fit_percent") if isinstance(holdout, dict) else None,
        "data": record.dataset.source.replace("\\", "/").rpartition("/")[2],
        "solver": chosen.get("solver"),
    }
    short = {name: _short(value) for name, value in shown.items()}
    return {name: value for name, value in short.items() if value not in ("", None)}


def _short(value: Any) -> str | float | None:
    if isinstance(value, str):
        return printable(value)[:32]
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9
    return round(float(value), 3) if number else None
