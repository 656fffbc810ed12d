"""A Run: one fit, read back from its file without any plugin."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from .layout import content_sha256, record_of
from .record import Record
from .schema import FORMAT
from .sealed import Sealed, placed, read_sealed


@dataclass(eq=False, kw_only=True)
class Run(Record):
    """A stored Record, with where it is stored."""

    path: Path
    run_id: str
    commit: int

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """The run in a file, read whole: later commits do not change it, and the file may go.

        Raises NotReadable (R009), NotARun (R003), RunDamaged (R002), NewerFormat (R004), HDF5Refused (R010) and
        LayoutWrong (R011); the HDF5 library sees the file only after its seal was found whole.
        """
        path = Path(path)
        return cls.of(read_sealed(path, FORMAT), path)

    @classmethod
    def of(cls, sealed: Sealed, path: Path) -> Run:
        """The run in a file that was found whole; raises LayoutWrong (R011)."""
        with placed(path):
            record = record_of(sealed.arrays, sealed.seal.status)
        values = {field.name: getattr(record, field.name) for field in fields(Record)}
        return cls(**values, path=path, run_id=sealed.seal.run_id, commit=sealed.seal.commit)

    @property
    def name(self) -> str:
        """The name of the file without its suffix."""
        return self.path.name.removesuffix(".h5")

    @property
    def content_sha256(self) -> str:
        """The digest of all but provenance and timings: equal for equal fits."""
        return content_sha256(self)
