"""HDF5 files: the data sets of one group as columns, read behind a guard."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from workbench import Table
from workbench.errors import Where
from workbench.errors.data import ArraysUnsuitable
from workbench.errors.store import StoreError

from .arrays import columns_of
from .source import read_bytes


@dataclass(frozen=True)
class Hdf5File:
    """A reader of plain HDF5: numbers and fixed-length text, hard links only, nothing outside the file."""

    suffixes: tuple[str, ...]
    group: str
    names: tuple[str, ...]

    def read(self, path: Path) -> Table:
        """The columns of a group; ArraysUnsuitable (D034) for what is refused, damaged or no table."""
        import h5py

        from workbench import open_hdf5

        raw = read_bytes(Path(path))
        where = Where(str(path))
        try:
            with open_hdf5(Path(path)) as file:
                found = file.get(self.group)
                if not isinstance(found, h5py.Group):
                    groups = [name for name, each in file.items() if isinstance(each, h5py.Group)]
                    raise ArraysUnsuitable(
                        f"there is no group {self.group!r}",
                        help=f"-S reader.group= one of /, {', '.join(groups)}" if groups else "leave reader.group out",
                        where=where,
                    )
                arrays = {name: each[()] for name, each in found.items() if isinstance(each, h5py.Dataset)}
                inner = [name for name, each in found.items() if isinstance(each, h5py.Group)]
        except StoreError as refusal:
            raise ArraysUnsuitable(refusal.message, help=refusal.help, where=where) from None
        if not arrays and inner:
            raise ArraysUnsuitable(
                f"group {self.group!r} holds no data sets", help=f"-S reader.group={inner[0]}", where=where
            )
        columns, notes = columns_of(arrays, str(path), self.names)
        return Table(columns, file=str(path), sha256=hashlib.sha256(raw).hexdigest(), notes=notes)
