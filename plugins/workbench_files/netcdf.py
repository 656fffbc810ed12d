"""NetCDF files, classic (3) by SciPy and 4 as the HDF5 that it is, with trajectories as contiguous ragged arrays."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
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
from .source import read_bytes

_FILLS = ("_FillValue", "missing_value")
_BARE_DIMENSION = "This is a netCDF dimension but not a netCDF variable"  # netCDF 4 stores zeros under its name
_HELP = "write it with xarray or netCDF4"


@dataclass(frozen=True)
class Variable:
    """An array with the attributes that are used here: units, fill values, scale and offset."""

    array: np.ndarray
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class NetcdfFile:
    """A reader of netCDF: a vector is a column, a matrix several, `row_size` counts the rows of each trajectory."""

    suffixes: tuple[str, ...]
    names: tuple[str, ...]

    def read(self, path: Path) -> Table:
        """The columns of a file; ArraysUnsuitable (D034) for what is damaged or no table."""
        raw = read_bytes(Path(path))
        where = Where(str(path))
        if raw[:4] in (b"CDF\x01", b"CDF\x02"):
            variables = _classic(raw, where)
        elif raw[:4] == b"CDF\x05":
            raise ArraysUnsuitable("netCDF with 64-bit data (CDF-5) is not read", help="nccopy -k nc4", where=where)
        else:
            variables = _netcdf4(path, where)
        notes: list[str] = []
        arrays = {name: _values(name, variable, notes) for name, variable in variables.items()}
        arrays = _unravelled(arrays, where)
        columns, said = columns_of(arrays, str(path), self.names)
        return Table(
            columns,
            units=_units(variables, columns, notes),
            file=str(path),
            sha256=hashlib.sha256(raw).hexdigest(),
            notes=(*notes, *said),
        )


def _classic(raw: bytes, where: Where) -> dict[str, Variable]:
    """The variables of a netCDF 3 file."""
    from scipy.io import netcdf_file

    try:
        with warnings.catch_warnings(action="error"), netcdf_file(io.BytesIO(raw), mmap=False) as file:
            read = {name: (np.array(each.data), dict(each._attributes)) for name, each in file.variables.items()}
    except Exception as error:  # the parser raises whatever it stumbles over in a damaged file
        line = " ".join(str(error).split())[:200] or type(error).__name__
        raise ArraysUnsuitable(f"this is not a sound netCDF file ({line})", help=_HELP, where=where) from None
    return {name: Variable(_text(values), attributes) for name, (values, attributes) in read.items()}


def _netcdf4(path: Path, where: Where) -> dict[str, Variable]:
    """The variables in the root group of a netCDF 4 file."""
    import h5py

    from workbench import open_hdf5

    try:
        with open_hdf5(Path(path)) as file:
            found = {}
            for name, each in file.items():
                if isinstance(each, h5py.Dataset):
                    attributes = plain_attributes(each)
                    if not str(attributes.get("NAME", "")).startswith(_BARE_DIMENSION):
                        found[name] = Variable(_text(each[()]), attributes)
            return found
    except StoreError as refusal:
        raise ArraysUnsuitable(refusal.message, help=refusal.help or _HELP, where=where) from None


def _text(array: np.ndarray) -> np.ndarray:
    """Rows of single characters as words; any other array as it is."""
    if array.dtype == "S1" and array.ndim > 1 and array.shape[-1]:
        return np.ascontiguousarray(array).view(f"S{array.shape[-1]}")[..., 0]
    return array


def _values(name: str, variable: Variable, notes: list[str]) -> np.ndarray:
    """The array with fill values missing (NaN), scaled and shifted as its attributes say."""
    array, attributes = variable.array, variable.attributes
    if array.dtype.kind not in "iuf":
        return array
    values = array.astype(np.float64)
    filled = np.zeros(values.shape, dtype=bool)
    for key in _FILLS:
        if (fill := _number(attributes.get(key))) is not None:
            filled |= values == fill
    scale, offset = _number(attributes.get("scale_factor")), _number(attributes.get("add_offset"))
    if scale is not None:
        values = values * scale
    if offset is not None:
        values = values + offset
    if filled.any():
        values = np.where(filled, np.nan, values)
        n = int(filled.sum())
        notes.append(f"{n} fill value{'s' * (n != 1)} in {name!r} {'are' if n != 1 else 'is'} missing")
    return values


def _number(value: Any) -> float | None:
    """The first number of an attribute."""
    if value is None or isinstance(value, str | bytes):
        return None
    array = np.asarray(value).reshape(-1)
    return float(array[0]) if array.size and array.dtype.kind in "iuf" else None


def _unravelled(arrays: dict[str, np.ndarray], where: Where) -> dict[str, np.ndarray]:
    """Contiguous ragged arrays (CF 1.8, section 9.3.3) with a column `trajectory`; others as they are."""
    size = arrays.pop("row_size", None)
    if size is None:
        return arrays
    n = max((len(array) for array in arrays.values() if array.ndim), default=0)
    sound = size.ndim == 1 and size.dtype.kind == "f" and (size >= 0).all() and (size % 1 == 0).all()
    if not sound or size.sum() != n:
        raise ArraysUnsuitable(
            f"row_size does not add up to the {n} rows of the file", help="count each trajectory's rows", where=where
        )
    counts = size.astype(int)
    spread = {
        name: np.repeat(array, counts, axis=0) if array.ndim and len(array) == len(counts) != n else array
        for name, array in arrays.items()
    }
    if "trajectory" not in spread:
        spread["trajectory"] = np.repeat(np.arange(1.0, len(counts) + 1), counts)
    return spread


def _units(variables: Mapping[str, Variable], columns: Mapping[str, np.ndarray], notes: list[str]) -> dict[str, str]:
    """Column → unit; of "days since 2000-01-01" the days, which is said."""
    units = {}
    for name in columns:
        value = variables[name].attributes.get("units") if name in variables else None
        unit = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if not isinstance(unit, str) or not unit.isprintable() or unit in ("", "1"):
            continue
        word, since, origin = unit.partition(" since ")
        if since:
            notes.append(f"{name!r} counts {word} since {origin}")
        units[name] = word
    return units
