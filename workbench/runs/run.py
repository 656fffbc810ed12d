"""A Run: one fit, read back from its file without any plugin."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import Where
from ..errors.store import HDF5Refused, LayoutWrong
from .disk import read_whole
from .entry import printable
from .layout import content_sha256, record_of
from .record import Record
from .schema import FORMAT
from .seal import Seal, verify_seal

LARGEST = 4 * 2**30  # bytes of a run file


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
        data = read_whole(path, LARGEST)
        seal = verify_seal(data, str(path))
        try:
            record = _unpack(data, seal)
        except (HDF5Refused, LayoutWrong) as refusal:
            refusal.at(Where(str(path)))
            raise
        values = {field.name: getattr(record, field.name) for field in fields(Record)}
        return cls(**values, path=path, run_id=seal.run_id, commit=seal.commit)

    @property
    def name(self) -> str:
        """The name of the file without its suffix."""
        return self.path.name.removesuffix(".h5")

    @property
    def content_sha256(self) -> str:
        """The digest of all but provenance and timings: equal for equal fits."""
        return content_sha256(self)


def verify(path: Path | str) -> Run:
    """The run in a file, its seal, structure, layout and shapes all found in order; raises as `Run.open` does."""
    return Run.open(path)


def _unpack(data: bytes, seal: Seal) -> Record:
    from .hdf5 import read  # h5py, which listing runs does without

    arrays, attributes = read(data)
    expected = {"format": FORMAT, "format_version": seal.format_version, "run_id": seal.run_id, "status": seal.status}
    for name, value in expected.items():
        if attributes.get(name) != value:
            raise LayoutWrong(f"its attribute {name} is {printable(attributes.get(name))} where the seal says {value}")
    return record_of(arrays, seal.status)
