"""Parquet, netCDF and MATLAB files: what other programs write comes out as columns, and what was assumed is said."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import netcdf_file, savemat
from workbench_files.offers import mat, netcdf, parquet

from workbench.dataset import Dataset, Table
from workbench.errors import data as errors
from workbench.exporting.tables import Curves, write_netcdf


def lists(table: Table) -> dict[str, list]:
    """The columns as lists."""
    return {name: column.tolist() for name, column in table.columns.items()}


# --- Parquet ---


def test_columns_of_parquet_are_numbers_dates_and_text(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `data` is not installed")
    from pyarrow.parquet import write_table

    day = datetime.date(2024, 3, 1)
    columns = {
        "day": pyarrow.array([day, day + datetime.timedelta(1)]),
        "count": pyarrow.array([3, None], pyarrow.int32()),
        "wet": [True, False],
        "pond": pyarrow.array(["north", "south"]).dictionary_encode(),
        "sizes": [[1.0], [2.0, 3.0]],
    }
    write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    table = parquet().read(tmp_path / "a.parquet")
    assert table.columns["day"].tolist() == ["2024-03-01", "2024-03-02"]
    assert table.columns["count"][0] == 3
    assert np.isnan(table.columns["count"][1])
    assert table.columns["wet"].tolist() == [1, 0]
    assert table.columns["pond"].tolist() == ["north", "south"]
    assert table.notes == (
        "1 null in column 'count' is missing",
        "column 'sizes' of type list<element: double> left out",
    )


def test_a_parquet_file_without_pyarrow_is_refused_in_one_line_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(errors.ExtraMissing, match=r"pyarrow, which is not installed; help: .*\[data\]"):
        parquet().read(tmp_path / "a.parquet")


# --- netCDF ---


def test_units_fills_scales_and_names_of_a_classic_file_are_used(tmp_path: Path) -> None:
    with netcdf_file(str(tmp_path / "a.nc"), "w") as file:
        file.createDimension("time", 3)
        file.createDimension("length", 4)
        time = file.createVariable("time", "f8", ("time",))
        time[:], time.units = [0, 1, 2], "days since 2000-01-01"
        level = file.createVariable("level", "i2", ("time",))
        level[:], level.units = [10, -99, 30], "m"
        level._FillValue, level.scale_factor, level.add_offset = np.int16(-99), 0.5, 1.0
        file.createVariable("site", "c", ("time", "length"))[:] = np.array([*"northwesteast"[:12]]).reshape(3, 4)
    table = netcdf().read(tmp_path / "a.nc")
    np.testing.assert_array_equal(table.columns["level"], [6, np.nan, 16])
    assert table.units == {"time": "days", "level": "m"}
    assert table.columns["site"].tolist() == ["nort", "hwes", "teas"]
    assert table.notes == ("1 fill value in 'level' is missing", "'time' counts days since 2000-01-01")


def test_what_a_run_exports_comes_back_as_trajectories(tmp_path: Path) -> None:
    data = Dataset(
        t=np.array([0.0, 1, 2, 0, 1]),
        values=np.array([[1.0], [2], [np.nan], [4], [5]]),
        channels=("x",),
        row_size=np.array([3, 2]),
        trajectories=("a", "b"),
        time="t",
        units={"t": "h", "x": "mm"},
    )
    write_netcdf(Curves("ponds", data, np.zeros(5, int), data.values + 0.5, None, None, None, ()), tmp_path / "a.nc")
    table = netcdf().read(tmp_path / "a.nc")
    assert table.columns["trajectory"].tolist() == [1, 1, 1, 2, 2]
    np.testing.assert_array_equal(table.columns["time"], data.t)
    np.testing.assert_array_equal(table.columns["x"], data.values[:, 0])
    np.testing.assert_array_equal(table.columns["x_predicted"], data.values[:, 0] + 0.5)
    assert table.units == {"time": "h", "x": "mm", "x_predicted": "mm"}


def test_rows_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    with netcdf_file(str(tmp_path / "a.nc"), "w") as file:
        file.createDimension("row", 3)
        file.createDimension("trajectory", 2)
        file.createVariable("x", "f8", ("row",))[:] = [1, 2, 3]
        file.createVariable("row_size", "i4", ("trajectory",))[:] = [2, 2]
    with pytest.raises(errors.ArraysUnsuitable, match="does not add up to the 3 rows"):
        netcdf().read(tmp_path / "a.nc")


def test_a_netcdf_4_file_is_read_as_hdf5_without_its_bare_dimensions(tmp_path: Path) -> None:
    h5netcdf = pytest.importorskip("h5netcdf", reason="the extra `xarray` is not installed")
    with h5netcdf.File(tmp_path / "a.nc", "w") as file:
        file.dimensions = {"time": 3, "row": 3}
        file.create_variable("time", ("time",), "f8")[:] = [0, 1, 2]
        x = file.create_variable("x", ("row",), "f4", fillvalue=np.float32(-1))
        x[:] = [5, -1, 7]
        x.attrs["units"] = np.bytes_("kg")
    table = netcdf().read(tmp_path / "a.nc")
    assert list(table.columns) == ["time", "x"]
    np.testing.assert_array_equal(table.columns["x"], [5, np.nan, 7])
    assert table.units == {"x": "kg"}


# --- MATLAB ---


def test_matrices_of_a_matlab_file_are_columns_in_any_orientation(tmp_path: Path) -> None:
    y = np.array([[1.0, 4], [2, 5], [3, 6]])
    names = np.array(["hare", "lynx"], dtype=object)
    savemat(tmp_path / "a.mat", {"t": np.arange(3.0)[None], "y": y, "names": names, "k": 2.0}, do_compression=True)
    table = mat().read(tmp_path / "a.mat")
    assert lists(table) == {"t": [0, 1, 2], "hare": [1, 2, 3], "lynx": [4, 5, 6]}
    assert table.notes == ("single numbers left out: k",)


def test_a_struct_of_a_matlab_file_is_a_group(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"pond": {"t": np.arange(2.0), "x": np.ones(2), "note": {"by": "me"}}})
    with pytest.raises(errors.ArraysUnsuitable, match=r"only structs here; help: -S reader.group=pond"):
        mat().read(tmp_path / "a.mat")
    with pytest.raises(errors.ArraysUnsuitable, match=r"no struct 'lake'; help: .* pond"):
        mat(group="lake").read(tmp_path / "a.mat")
    table = mat(group="pond").read(tmp_path / "a.mat")
    assert lists(table) == {"t": [0, 1], "x": [1, 1]}
    assert table.notes == ("left out, for they are no matrices: note",)


def test_matlab_4_is_read_too(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"t": np.arange(2.0), "x": np.array([1.5, 2])}, format="4")
    assert lists(mat().read(tmp_path / "a.mat")) == {"t": [0, 1], "x": [1.5, 2]}


def test_matlab_7_3_is_read_as_hdf5_with_its_axes_turned(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["t"] = np.arange(3.0)[None]  # MATLAB's column vector
        file["y"] = np.array([[1.0, 2, 3], [4, 5, 6]])  # MATLAB's 3 × 2
        file["note"] = np.frombuffer(b"hi", np.uint8).astype(np.uint16)[:, None]
        file["note"].attrs["MATLAB_class"] = np.bytes_("char")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, written for this test".ljust(128))
    table = mat().read(path)
    assert lists(table) == {"t": [0, 1, 2], "y_1": [1, 2, 3], "y_2": [4, 5, 6]}
    with h5py.File(path, "r+") as file:
        file["#refs#/a"] = np.zeros(2)
    with pytest.raises(errors.ArraysUnsuitable, match="-v7"):
        mat().read(path)
