"""NumPy archives (npz): read without pickle, and never more than the archive really holds."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from workbench import Table
from workbench.errors import Where
from workbench.errors.data import ArraysUnsuitable, TooLarge

from .arrays import columns_of
from .source import read_bytes

MOST_BYTES = 4 << 30
MOST_GROWTH = 1000  # unpacked bytes for each packed byte
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# what zipfile and numpy raise on damaged archives: RuntimeError for encrypted members, NotImplementedError for methods
# of packing and versions that they do not know
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class NumpyArchive:
    """A reader of arrays stored by numpy.savez."""

    suffixes: tuple[str, ...]
    names: tuple[str, ...]

    def read(self, path: Path) -> Table:
        """The columns of an archive; ArraysUnsuitable (D034) where it is damaged or no table."""
        raw = read_bytes(Path(path))
        where = Where(str(path))
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                members = archive.infolist()
                _check_size(members, len(raw), where)
                arrays = {_name(member): _array(archive, member, where) for member in members}
        except _DAMAGE as error:
            raise ArraysUnsuitable(
                f"this is not a sound npz file ({error})", help="write it with numpy.savez", where=where
            ) from None
        columns, notes = columns_of(arrays, str(path), self.names)
        return Table(columns, file=str(path), sha256=hashlib.sha256(raw).hexdigest(), notes=notes)


def _check_size(members: list[zipfile.ZipInfo], packed: int, where: Where) -> None:
    """Raise TooLarge for an archive that unpacks to more than its size can mean."""
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES or total > MOST_GROWTH * packed:
        raise TooLarge(
            f"the archive of {packed} bytes unpacks to {total}", help="store the arrays unpacked", where=where
        )


def _name(member: zipfile.ZipInfo) -> str:
    """The name of the array."""
    return member.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: Where) -> np.ndarray:
    """One array of an archive, whose header agrees with the bytes that follow."""
    with archive.open(member) as file:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"array {_name(member)!r} has format {version}")
        shape, fortran, dtype = _HEADERS[version](file)
        if dtype.hasobject:
            raise ArraysUnsuitable(
                f"array {_name(member)!r} holds Python objects, which only pickle could read",
                help="store arrays of numbers",
                where=where,
            )
        data = file.read()
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"array {_name(member)!r} has {len(data)} bytes for shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
