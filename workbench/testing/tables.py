"""Tables written in the formats that the kit knows, for readers to read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

Columns = Mapping[str, np.ndarray]
Writer = Callable[[Path, Columns], None]


def separated(separator: str) -> Writer:
    """Text with a header, every number written so that it comes back bit for bit."""

    def write(path: Path, columns: Columns) -> None:
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        lines = [separator.join(columns), *(separator.join(map(repr, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return write


def archive(path: Path, columns: Columns) -> None:
    """A NumPy archive, one array a column."""
    with path.open("wb") as file:
        np.savez(file, **dict(columns))  # type: ignore[arg-type]  # numpy's own keyword is named in its signature


def hdf5(path: Path, columns: Columns) -> None:
    """HDF5, one data set a column, in their order."""
    import h5py

    with h5py.File(path, "w", track_order=True) as file:
        for name, column in columns.items():
            file.create_dataset(name, data=column)


def parquet(path: Path, columns: Columns) -> None:
    """Parquet, one column each; skips the test where pyarrow is not installed."""
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet files are written by pyarrow (extra `data`)")
    from pyarrow.parquet import write_table

    write_table(pyarrow.table(dict(columns)), path)


def netcdf(path: Path, columns: Columns) -> None:
    """NetCDF 3, one variable a column along `row`."""
    from scipy.io import netcdf_file

    with netcdf_file(str(path), "w", version=2) as file:
        file.createDimension("row", len(next(iter(columns.values()))))
        for name, column in columns.items():
            file.createVariable(name, "f8", ("row",))[:] = column


def matlab(path: Path, columns: Columns) -> None:
    """MATLAB version 5, one column vector each."""
    from scipy.io import savemat

    savemat(path, dict(columns), appendmat=False, oned_as="column")


WRITERS: dict[str, Writer] = {
    ".csv": separated(","),
    ".txt": separated(","),
    ".dat": separated(","),
    ".tsv": separated("\t"),
    ".tab": separated("\t"),
    ".npz": archive,
    ".h5": hdf5,
    ".hdf5": hdf5,
    ".hdf": hdf5,
    ".parquet": parquet,
    ".pq": parquet,
    ".nc": netcdf,
    ".nc4": netcdf,
    ".cdf": netcdf,
    ".mat": matlab,
}
"""Suffix → how such a file is written."""
