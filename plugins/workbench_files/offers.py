"""The options of the readers, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .delimited import Delimited
    from .hdf5 import Hdf5File
    from .matlab import MatlabFile
    from .netcdf import NetcdfFile
    from .npz import NumpyArchive
    from .parquet import ParquetFile


def csv(
    separator: Literal["auto", "comma", "semicolon", "tab", "space"] = "auto",
    decimal: Literal[".", ","] = ".",
    units_row: bool = False,
    missing: str = "",
    comment: str = "#",
    names: tuple[str, ...] = (),
) -> Delimited:
    """Text with a header; `auto` takes the separator from the header and says so.

    `missing` lists the cells that mean "not observed", separated by commas: `blank`, `nan` or any text. Lines that
    begin with `comment` are skipped; `names` stand for a header that the file does not have.
    """
    from .delimited import Delimited
    from .rows import SEPARATORS

    return Delimited(
        (".csv", ".txt", ".dat"), SEPARATORS.get(separator), decimal, units_row, missing, comment, tuple(names)
    )


def tsv(
    decimal: Literal[".", ","] = ".",
    units_row: bool = False,
    missing: str = "",
    comment: str = "#",
    names: tuple[str, ...] = (),
) -> Delimited:
    """Text with a header and columns separated by tabs; the options are those of csv."""
    from .delimited import Delimited

    return Delimited((".tsv", ".tab"), "\t", decimal, units_row, missing, comment, tuple(names))


def npz(names: tuple[str, ...] = ()) -> NumpyArchive:
    """A NumPy archive: a vector is a column, a matrix (time, state) several, named by `names`."""
    from .npz import NumpyArchive

    return NumpyArchive((".npz",), tuple(names))


def hdf5(group: str = "/", names: tuple[str, ...] = ()) -> Hdf5File:
    """The data sets of a group: a vector is a column, a matrix (time, state) several, named by `names`."""
    from .hdf5 import Hdf5File

    return Hdf5File((".h5", ".hdf5", ".hdf"), group, tuple(names))


def parquet() -> ParquetFile:
    """A flat Parquet table; null is a missing value. Needs pyarrow, which the extra `data` brings."""
    from .parquet import ParquetFile

    return ParquetFile((".parquet", ".pq"))


def netcdf(names: tuple[str, ...] = ()) -> NetcdfFile:
    """NetCDF 3 or 4: a vector is a column, a matrix (time, state) several, named by `names`.

    A variable `row_size` counts the rows of each trajectory, as in what `workbench export RUN netcdf` writes.
    """
    from .netcdf import NetcdfFile

    return NetcdfFile((".nc", ".nc4", ".cdf"), tuple(names))


def mat(group: str = "", names: tuple[str, ...] = ()) -> MatlabFile:
    """The matrices of a MATLAB file, or of its struct `group`; a matrix (time, state) is named by `names`."""
    from .matlab import MatlabFile

    return MatlabFile((".mat",), group, tuple(names))
