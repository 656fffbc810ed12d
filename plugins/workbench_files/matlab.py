"""MATLAB files: matrices of numbers, of version 4 to 7, and of version 7.3 as the HDF5 that it is."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench import Table
from workbench.errors import Where
from workbench.errors.data import ArraysUnsuitable
from workbench.errors.store import StoreError

from .arrays import columns_of
from .attributes import plain_attributes
from .mat_elements import variables
from .source import read_bytes

_HELP = "save the matrices with save('file.mat', 't', 'y')"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class MatlabFile:
    """A reader of matrices: a row or column is a vector, and a struct is a group of them, chosen by `group`."""

    suffixes: tuple[str, ...]
    group: str  # "" or the names of structs, with dots between
    names: tuple[str, ...]

    def read(self, path: Path) -> Table:
        """The columns of a file; ArraysUnsuitable (D034) for what is damaged or no table."""
        raw = read_bytes(Path(path))
        where = Where(str(path))
        # Version 7.3 is HDF5 behind a block of 512 bytes.
        found = _version73(path, where) if raw[512:520] == _HDF5 or raw.startswith(_HDF5) else _classic(raw, where)
        for name in filter(None, self.group.split(".")):
            inner = found.get(name)
            if not isinstance(inner, dict):
                structs = [key for key, each in found.items() if isinstance(each, dict)]
                help = f"-S reader.group= one of {', '.join(structs)}" if structs else "leave reader.group out"
                raise ArraysUnsuitable(f"there is no struct {name!r}", help=help, where=where)
            found = inner
        arrays, notes = _matrices(found)
        structs = [name for name, each in found.items() if isinstance(each, dict)]
        if structs and not any(array.size > 1 for array in arrays.values()):
            group = ".".join(filter(None, (self.group, structs[0])))
            raise ArraysUnsuitable("there are only structs here", help=f"-S reader.group={group}", where=where)
        columns, said = columns_of(arrays, str(path), self.names)
        return Table(columns, file=str(path), sha256=hashlib.sha256(raw).hexdigest(), notes=(*notes, *said))


def _matrices(found: dict[str, Any]) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays with rows and columns made vectors, and what was left out."""
    arrays, left = {}, []
    for name, each in found.items():
        if isinstance(each, dict) or each is None or not each.size:
            left.append(name)
        else:
            arrays[name] = each.reshape(-1) if each.ndim == 2 and 1 in each.shape and each.size > 1 else each
            if each.size == 1 and each.dtype.kind != "U":
                arrays[name] = each.reshape(())
    return arrays, [f"left out, for they are no matrices: {', '.join(left)}"] if left else []


def _classic(raw: bytes, where: Where) -> dict[str, Any]:
    """The variables of a file of version 4 to 7; None for one that is no matrix."""
    try:
        return {name: _plain(each) for name, each in variables(raw).items()}
    except (ValueError, struct.error, zlib.error, OverflowError, MemoryError) as error:
        line = " ".join(str(error).split())[:200]
        raise ArraysUnsuitable(f"this is not a sound MATLAB file ({line})", help=_HELP, where=where) from None


def _plain(each: Any) -> Any:
    """A cell array of words as text; None for any other; structs and matrices as they are."""
    if isinstance(each, dict):
        return {name: _plain(inner) for name, inner in each.items()}
    if isinstance(each, list):
        words = [cell.item() for cell in each if isinstance(cell, np.ndarray) and cell.size == 1]
        return np.array(words) if len(words) == len(each) and all(isinstance(w, str) for w in words) and words else None
    return each


def _version73(path: Path, where: Where) -> dict[str, Any]:
    """The variables of a file of version 7.3, in which structs are groups and axes stand in reverse."""
    from workbench import open_hdf5

    try:
        with open_hdf5(Path(path)) as file:
            return _members(file)
    except StoreError as refusal:
        help = "cells and objects of version 7.3 are not read: save the matrices alone, or with save -v7"
        raise ArraysUnsuitable(refusal.message, help=help, where=where) from None


def _members(group: Any) -> dict[str, Any]:
    """The data sets of a group with their axes in MATLAB's order, and its groups as dictionaries."""
    import h5py

    found: dict[str, Any] = {}
    for name, each in group.items():
        if isinstance(each, h5py.Group):
            found[name] = _members(each)
            continue
        said = plain_attributes(each)
        text = said.get("MATLAB_class") == "char"
        found[name] = None if text or said.get("MATLAB_empty") or each.dtype.kind not in "buif" else each[()].T
    return found
