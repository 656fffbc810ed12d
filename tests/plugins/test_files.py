"""Readers: what stands in a file comes out as columns, exactly, and what was assumed is said."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workbench_files import offer_readers
from workbench_files.offers import csv, hdf5, npz, tsv
from workbench_files.rows import split_line

from workbench.dataset import Table, assemble
from workbench.errors import data as errors

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write("t,x\\n0,1\\n")` is the path of a file with this text."""

    def put(text: str | bytes, name: str = "ponds.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return put


def lists(table: Table) -> dict[str, list]:
    """The columns as lists."""
    return {name: column.tolist() for name, column in table.columns.items()}


# --- separated text ---


def test_a_plain_file_gives_its_columns_lines_and_hash(write: Write) -> None:
    path = write("t,prey,predator\n0,30,4\n1,47.2,6.1\n")
    table = csv().read(path)
    assert lists(table) == {"t": [0, 1], "prey": [30, 47.2], "predator": [4, 6.1]}
    assert table.lines is not None
    assert table.lines.tolist() == [2, 3]
    assert table.notes == ()
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(table.where(1, "predator")) == f"{path}:3:8"


finite = st.floats(allow_nan=False, allow_infinity=False)
rows_of_three = st.lists(st.tuples(finite, finite, finite), min_size=2, max_size=12)


@given(
    rows=rows_of_three,
    separator=st.sampled_from([",", ";", "\t", "  "]),
    comma=st.booleans(),
    quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.booleans(),
    last=st.booleans(),
)
def test_every_float_comes_back_bit_for_bit_however_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float, ...]],
    separator: str,
    comma: bool,
    quoted: bool,
    end: str,
    mark: bool,
    last: bool,
) -> None:
    comma = comma and (separator != "," or quoted)
    cells = [[repr(value).replace(".", "," if comma else ".") for value in row] for row in rows]
    lines = [["a", "b", "c"], *cells]
    text = end.join(separator.join(f'"{cell}"' if quoted else cell for cell in line) for line in lines)
    path = tmp_path_factory.mktemp("floats") / "floats.csv"
    path.write_bytes(b"\xef\xbb\xbf" * mark + (text + end * last).encode())
    table = csv(decimal="," if comma else ".").read(path)
    assert np.array(rows).tobytes() == np.column_stack(list(table.columns.values())).tobytes()
    assert ("byte-order mark skipped" in table.notes) == mark


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("\ufefft,x\n0,1\n1,2\n", "byte-order mark skipped"),
        ("t;x\n0;1\n1;2\n", "columns separated by semicolons"),
        ("t\tx\n0\t1\n1\t2\n", "columns separated by tabs"),
        ("t  x\n0  1\n 1 2 \n", "columns separated by blanks"),
        ("t,x\r0,1\r1,2\r", "lines end in carriage returns"),
        ("# pond 7\n\nt,x\n0,1\n1,2\n", "2 lines before the header skipped"),
        ("t,x\n0,1\n# moved\n1,2\n\n# end\n", "2 lines that begin with '#' skipped"),
        ("t,x,\n0,1,\n1,2,\n", "column 3 has no name and no values: left out"),
        (",t,x\n0,0,1\n1,1,2\n", "column 1 has no name and counts the rows: left out"),
        ("t [s],x (mg/l)\n0,1\n1,2\n", "units from the header: t in s, x in mg/l"),
        ('"t" , "x"\r\n"0", "1"\r\n"1", "2"\r\n\r\n', ""),
    ],
)
def test_what_is_assumed_is_said(write: Write, text: str, note: str) -> None:
    table = csv().read(write(text))
    assert lists(table) == {"t": [0, 1], "x": [1, 2]}
    assert table.notes == ((note,) if note else ())


def test_lines_are_counted_over_comments(write: Write) -> None:
    table = csv().read(write("# a\nt,x\n0,1\n# b\n1,2\n"))
    assert table.lines is not None
    assert table.lines.tolist() == [3, 5]
    assert csv(comment="").read(write("#,x\n0,1\n1,2\n")).columns["#"].tolist() == [0, 1]


def test_units_stand_in_the_header_or_in_the_second_line(write: Write) -> None:
    assert csv().read(write("time[s],x\n0,1\n")).units == {"time": "s"}
    table = csv(units_row=True).read(write("time,x,n\ns,[mg/l],-\n0,1,1\n1,2,2\n"))
    assert table.units == {"time": "s", "x": "mg/l"}
    assert table.lines is not None
    assert table.lines.tolist() == [3, 4]


def test_numbers_in_brackets_are_part_of_a_name_not_units(write: Write) -> None:
    assert list(csv().read(write("t,x[0],x[1],f(t)\n0,1,2,3\n")).columns) == ["t", "x[0]", "x[1]", "f(t)"]
    assert list(csv().read(write("t,x [a],x [b]\n0,1,2\n")).columns) == ["t", "x [a]", "x [b]"]


def test_text_stays_text_and_markers_become_missing_only_when_named(write: Write) -> None:
    path = write("t,x,who\n0,NA,a\n1,,b\n2,3,c\n")
    assert csv().read(path).columns["x"].tolist() == ["NA", "", "3"]
    x = csv(missing="blank,NA").read(path).columns["x"]
    assert np.isnan(x[:2]).all()
    assert x[2] == 3
    assert csv(missing="blank,NA").read(path).columns["who"].tolist() == ["a", "b", "c"]


def test_a_file_without_a_header_is_read_when_its_columns_are_named(write: Write) -> None:
    assert lists(csv(names=("t", "x")).read(write("0,1\n1,2\n"))) == {"t": [0, 1], "x": [1, 2]}
    assert lists(csv(names=("t", "x")).read(write("0,1,\n1,2,\n"))) == {"t": [0, 1], "x": [1, 2]}
    with pytest.raises(errors.HeaderMissing, match="3 names were given for 2 columns"):
        csv(names=("t", "x", "y")).read(write("0,1\n1,2\n"))
    with pytest.raises(errors.NameWrong, match="first line holds names too"):
        csv(names=("t", "x")).read(write("t,x\n1,2\n"))


def test_the_separator_of_the_rows_decides_where_the_header_has_two(write: Write) -> None:
    assert list(csv().read(write("t;a,b\n0;1\n")).columns) == ["t", "a,b"]
    assert list(csv(separator="comma").read(write("t;s,a;b\n0,1\n")).columns) == ["t;s", "a;b"]
    with pytest.raises(errors.SeparatorUnclear, match="one of comma, semicolon"):
        csv().read(write("t;a,b\n0\n"))


def test_the_line_that_tells_excel_the_separator_is_no_header(write: Write) -> None:
    table = csv().read(write("sep=;\nt;x\n0;1\n"))
    assert lists(table) == {"t": [0], "x": [1]}
    assert table.notes == ("1 line before the header skipped", "columns separated by semicolons")


def test_tab_separated_text_has_its_own_name(write: Write) -> None:
    table = tsv().read(write("t\tx, y\n0\t1\n1\t2\n", "ponds.tsv"))
    assert lists(table) == {"t": [0, 1], "x, y": [1, 2]}
    assert table.notes == ()


def test_a_column_that_turns_into_text_late_keeps_all_its_cells(write: Write) -> None:
    n = 200_000  # several chunks of a mebibyte
    text = "t,x,id\n" + "".join(f"{i},{i / 8},{i}\n" for i in range(n)) + f"{n},{n / 8},last\n"
    table = csv().read(write(text))
    assert table.columns["x"].dtype == np.float64
    assert table.columns["id"].tolist() == [*(str(i) for i in range(n)), "last"]
    assert table.where(n, "id").line == n + 2


def test_splitting_a_line_finds_where_each_cell_begins() -> None:
    assert [(f.text, f.column) for f in split_line('1, "a, ""b""" ,,3', ",")] == [
        ("1", 1),
        ('a, "b"', 4),
        ("", 16),
        ("3", 17),
    ]
    assert [(f.text, f.column) for f in split_line("  1 \t2 ", " ")] == [("1", 3), ("2", 6)]


def test_the_quick_and_the_careful_reading_agree(write: Write) -> None:
    rows = [[f"{i / 7!r}", f"{i}", f"n {i}"] for i in range(50)]
    plain = "a,b,c\n" + "\n".join(",".join(row) for row in rows)
    quoted = "a,b,c\n" + "\n".join(",".join(f'"{cell}" ' for cell in row) for row in rows)
    assert lists(csv().read(write(plain))) == lists(csv().read(write(quoted)))


def test_a_million_rows_of_six_columns_take_a_gigabyte_at_most(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    block = np.random.default_rng(0).normal(size=(100_000, 6))
    text = "\n".join(",".join(map(repr, row)) for row in block.tolist()) + "\n"
    with path.open("w") as file:
        file.write("a,b,c,d,e,f\n")
        for _ in range(10):
            file.write(text)
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from workbench_files.offers import csv\n"
        "table = csv().read(Path(sys.argv[1]))\n"
        "assert table.n_rows == 1_000_000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) <= 1  # its time is measured by benchmarks/main_job.py


# --- arrays ---


def test_vectors_of_an_archive_are_columns(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz",
        t=np.arange(3),
        x=np.array([1.5, 2, 3], dtype=np.float32),
        dt=1.0,
        who=np.array(["a", "b", "c"]),
    )
    table = npz().read(tmp_path / "a.npz")
    assert lists(table) == {"t": [0, 1, 2], "x": [1.5, 2, 3], "who": ["a", "b", "c"]}
    assert table.notes == ("single numbers left out: dt",)


def test_a_matrix_is_a_column_a_state_with_given_stored_or_counted_names(tmp_path: Path) -> None:
    ys = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    np.savez_compressed(tmp_path / "a.npz", t=np.arange(3), ys=ys)
    assert lists(npz().read(tmp_path / "a.npz")) == {"t": [0, 1, 2], "ys_1": [0, 2, 4], "ys_2": [1, 3, 5]}
    assert list(npz(names=("hare", "lynx")).read(tmp_path / "a.npz").columns) == ["t", "hare", "lynx"]
    np.savez(tmp_path / "b.npz", t=np.arange(3), ys=ys, names=["hare", "lynx"])
    assert list(npz().read(tmp_path / "b.npz").columns) == ["t", "hare", "lynx"]
    with pytest.raises(errors.ArraysUnsuitable, match="1 names for the 2 columns of 'ys'"):
        npz(names=("hare",)).read(tmp_path / "a.npz")


def test_a_stack_of_trajectories_becomes_one(tmp_path: Path) -> None:
    ys = np.random.default_rng(0).normal(size=(4, 5, 2))
    np.savez(tmp_path / "a.npz", t=np.linspace(0, 1, 5), ys=ys, dose=np.arange(4.0))
    data = assemble(npz().read(tmp_path / "a.npz"), covariates=["dose"])
    assert data.row_size.tolist() == [5] * 4
    assert np.array_equal(data.padded()[1], ys)
    assert data.covariates["dose"].tolist() == [0, 1, 2, 3]


def test_dates_of_numpy_are_dates(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", date=np.array(["1978-01-22", "1978-01-25"], dtype="datetime64[D]"), x=[3, 8])
    assert assemble(npz().read(tmp_path / "a.npz")).t.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"t": np.arange(3), "x": np.arange(4)}, r"'t' has shape \(3,\); beside the others \(4,\) or \(4, k\)"),
        ({"t": np.arange(3), "x": np.zeros((2, 3))}, "first axis of every array the time"),
        ({"x": np.zeros(3, dtype=complex)}, "of type complex128"),
        ({"x": np.array([1, None])}, "Python objects"),
        ({"x": 1.0}, "no arrays of numbers"),
        ({"t": np.arange(3), "ys": np.zeros((3, 1)), "ys_1": np.zeros(3)}, "two columns are named 'ys_1'"),
        ({"ys": np.zeros((2, 3, 4, 5))}, "shape"),
    ],
)
def test_arrays_that_are_no_table_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(errors.ArraysUnsuitable, match=message):
        npz().read(tmp_path / "a.npz")


def test_a_damaged_or_boastful_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(errors.ArraysUnsuitable, match="not a sound npz file"):
        npz().read(path)
    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1125899906842624,), }"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.ljust(127) + b"\n" + bytes(16))
    with pytest.raises(errors.ArraysUnsuitable, match="16 bytes for shape"):
        npz().read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(50_000_000))
    with pytest.raises(errors.TooLarge, match="unpacks to 50000000"):
        npz().read(path)


def test_data_sets_of_a_group_are_columns(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t"] = np.arange(3)
        file["x"] = np.array([1.0, 2, 4])
        file.create_dataset("pond/t", data=np.arange(2.0), compression="gzip", shuffle=True)
        file["pond/y"] = np.ones((2, 2))
    assert lists(hdf5().read(tmp_path / "a.h5")) == {"t": [0, 1, 2], "x": [1, 2, 4]}
    assert list(hdf5(group="pond").read(tmp_path / "a.h5").columns) == ["t", "y_1", "y_2"]
    with pytest.raises(errors.ArraysUnsuitable, match=r"no group 'lake'; help: .* pond"):
        hdf5(group="lake").read(tmp_path / "a.h5")


def test_an_hdf5_file_that_points_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(np.arange(4.0).tobytes())
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("x", shape=(4,), dtype="f8", external=[(str(tmp_path / "secret"), 0, 32)])
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink("external.h5", "/x")
    with h5py.File(tmp_path / "text.h5", "w") as file:
        file["x"] = ["text", "of variable length"]
    for name in ("external.h5", "link.h5", "text.h5"):
        with pytest.raises(errors.ArraysUnsuitable):
            hdf5().read(tmp_path / name)


def test_what_is_no_hdf5_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("t,x\n0,1\n")
    with pytest.raises(errors.ArraysUnsuitable):
        hdf5().read(tmp_path / "a.h5")


def test_each_reader_is_offered_with_suffixes_of_its_own() -> None:
    readers = {offer.name: offer.make() for offer in offer_readers()}
    assert list(readers) == ["csv", "tsv", "npz", "hdf5", "parquet", "netcdf", "mat"]
    suffixes = [suffix for reader in readers.values() for suffix in reader.suffixes]
    assert len(set(suffixes)) == len(suffixes)


def test_listing_the_readers_imports_neither_h5py_nor_anything_heavier() -> None:
    script = (
        "import sys, workbench_files\n"
        "workbench_files.offer_readers()\n"
        "print({'torch', 'scipy', 'sympy', 'h5py', 'matplotlib', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
