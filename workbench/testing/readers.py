"""What every reader must do with files that are sound, and with all others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from ..contracts import Reader
from ..dataset import Table
from ..errors.data import DataError
from .contract import Contract
from .tables import WRITERS, Columns

DAMAGES = 60
"""Files with a few bytes changed that each reader is given."""


def observations() -> dict[str, np.ndarray]:
    """Columns that only come back if every digit does: tiny, huge, negative, and the smallest step above 1."""
    t = np.arange(7.0)
    x = np.array([1.0, np.nextafter(1.0, 2.0), -3.5e-300, 1.7e300, 0.1, -0.0, 2.0 / 3.0])
    return {"t": t, "hare": x, "lynx": np.cos(t) * 1e3}


class ReaderContract(Contract):
    """Inherit, set `offer` or none for all.

    The kit writes the files of usual formats itself; for another, the reader has a method `write(path, columns)`, or
    the class that inherits overrides `write`.
    """

    kind: ClassVar[str] = "reader"

    def write(self, reader: Reader, path: Path, columns: Columns) -> None:
        """A file in the reader's format with these columns (name → (row,) float64)."""
        writer = getattr(reader, "write", None) or WRITERS.get(path.suffix)
        if writer is None:
            pytest.skip(
                f"nothing writes {path.suffix}: give the reader a method write(path, columns), or override it here"
            )
        writer(path, columns)

    @pytest.fixture
    def file(self, made: Reader, tmp_path: Path) -> Path:
        """A sound file with `observations`."""
        path = tmp_path / f"ponds{made.suffixes[0]}"
        self.write(made, path, observations())
        return path

    def test_it_keeps_the_contract_and_names_its_suffixes_in_lower_case(self, made: Reader) -> None:
        assert isinstance(made, Reader)
        assert isinstance(made.suffixes, tuple)
        assert made.suffixes
        for suffix in made.suffixes:
            assert suffix.startswith(".")
            assert len(suffix) > 1
            assert suffix == suffix.lower().strip()

    def test_no_other_reader_takes_its_suffixes(self, offered: str, made: Reader) -> None:
        registry = self.registry()
        for other in registry.offers("reader"):
            if other.name != offered:
                assert not set(made.suffixes) & set(registry.make("reader", other.name).suffixes), other.name
        assert len(set(made.suffixes)) == len(made.suffixes)

    def test_a_written_table_comes_back_bit_for_bit(self, made: Reader, tmp_path: Path) -> None:
        for suffix in made.suffixes:
            path = tmp_path / f"ponds{suffix}"
            self.write(made, path, observations())
            table = made.read(path)
            assert isinstance(table, Table)
            assert set(table.columns) == set(observations())
            for name, column in observations().items():
                assert table.columns[name].dtype == np.float64
                assert table.columns[name].tobytes() == column.tobytes(), name

    def test_the_table_says_where_it_is_from(self, made: Reader, file: Path) -> None:
        table = made.read(file)
        assert table.file == str(file)
        assert table.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert all(isinstance(note, str) and "\n" not in note for note in table.notes)
        assert table.where(0).file == str(file)

    def test_rows_of_a_text_point_at_their_lines(self, made: Reader, file: Path) -> None:
        table = made.read(file)
        if table.lines is None:
            pytest.skip("the format has no lines")
        text = file.read_text(encoding="utf-8").splitlines()
        for row, value in enumerate(table.columns["lynx"]):
            line = table.where(row, "lynx").line
            assert line is not None
            assert repr(float(value)) in text[line - 1]

    def test_reading_again_gives_the_same_and_changes_nothing(self, made: Reader, file: Path) -> None:
        before = file.read_bytes()
        one, other = made.read(file), made.read(file)
        assert list(one.columns) == list(other.columns)
        for name, column in one.columns.items():
            assert column.tobytes() == other.columns[name].tobytes()
        assert one.notes == other.notes
        assert file.read_bytes() == before
        assert list(file.parent.iterdir()) == [file]

    # --- what must be refused, in words

    def test_a_file_that_is_not_there_is_refused(self, made: Reader, tmp_path: Path) -> None:
        refused(made, tmp_path / f"nowhere{made.suffixes[0]}")
        refused(made, tmp_path / "no folder" / f"nowhere{made.suffixes[0]}")

    def test_a_folder_is_refused(self, made: Reader, tmp_path: Path) -> None:
        folder = tmp_path / f"folder{made.suffixes[0]}"
        folder.mkdir()
        refused(made, folder)

    @pytest.mark.parametrize("content", [b"", b"\n \n"], ids=["empty", "blank"])
    def test_an_empty_file_is_refused(self, made: Reader, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / f"empty{made.suffixes[0]}"
        path.write_bytes(content)
        refused(made, path)

    def test_a_file_that_may_not_be_read_is_refused(self, made: Reader, file: Path) -> None:
        file.chmod(0)
        if os.access(file, os.R_OK):
            pytest.skip("this user may read every file")
        refused(made, file)

    def test_bytes_of_nothing_in_particular_are_refused(self, made: Reader, tmp_path: Path) -> None:
        path = tmp_path / f"noise{made.suffixes[0]}"
        path.write_bytes(bytes(range(256)) * 40)
        refused(made, path)

    def test_a_line_that_is_no_text_is_refused_with_its_number(self, made: Reader, file: Path) -> None:
        lines = made.read(file).lines
        if lines is None:
            pytest.skip("the format has no lines")
        at = int(lines[3])
        content = file.read_bytes().split(b"\n")
        for bad in (b"\xff\xfe\xff", b"\0\0"):
            file.write_bytes(b"\n".join([*content[: at - 1], bad, *content[at:]]))
            error = refused(made, file)
            assert error.where is not None
            assert error.where.line == at

    def test_a_file_cut_off_or_damaged_is_read_or_refused(self, made: Reader, file: Path) -> None:
        sound, rng = file.read_bytes(), np.random.default_rng(0)
        for share in (0.1, 0.5, 0.9):
            read_or_refused(made, file, sound[: int(share * len(sound))])
        for _ in range(DAMAGES):
            damaged = np.frombuffer(sound, np.uint8).copy()
            damaged[rng.integers(0, len(sound), 3)] = rng.integers(0, 256, 3)
            read_or_refused(made, file, damaged.tobytes())


def refused(reader: Reader, path: Path) -> DataError:
    """The refusal of a file: of the D family, in one line, with the file named. Anything else fails the test."""
    with pytest.raises(DataError) as caught:
        reader.read(path)
    return sound(caught.value, path)


def sound(error: DataError, path: Path) -> DataError:
    """The error, after what holds of every refusal."""
    assert error.code.startswith("D")
    assert error.message
    assert "\n" not in str(error)
    assert error.where is not None
    assert error.where.file == str(path)
    return error


def read_or_refused(reader: Reader, path: Path, content: bytes) -> None:
    """A table of columns of one length, or a sound refusal."""
    path.write_bytes(content)
    try:
        table = reader.read(path)
    except DataError as error:
        sound(error, path)
        return
    assert len({len(column) for column in table.columns.values()}) == 1
