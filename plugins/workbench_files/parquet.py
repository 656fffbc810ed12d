"""Parquet files: their columns of numbers, dates and text, read by pyarrow."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench import Table
from workbench.errors import Where
from workbench.errors.data import ArraysUnsuitable, ExtraMissing, NoRows, TooLarge

from .arrays import plain_array
from .source import read_bytes

MOST_CELLS = 1 << 29  # 4 GiB as float64; a file of a few bytes may repeat one number for ever


@dataclass(frozen=True)
class ParquetFile:
    """A reader of flat Parquet tables; null is a missing value."""

    suffixes: tuple[str, ...]

    def read(self, path: Path) -> Table:
        """The columns of a file; ExtraMissing (D070) without pyarrow, ArraysUnsuitable (D034) where it is damaged."""
        raw = read_bytes(Path(path))
        where = Where(str(path))
        try:
            import pyarrow
            from pyarrow.parquet import ParquetFile as Opened
        except ImportError:
            raise ExtraMissing(
                "Parquet files are read by pyarrow, which is not installed",
                help="pip install 'dynamics-workbench[data]'",
                where=where,
            ) from None
        try:
            opened = Opened(io.BytesIO(raw))
            cells = opened.metadata.num_rows * opened.metadata.num_columns
            if cells > MOST_CELLS:
                raise TooLarge(f"the file declares {cells} cells", help="keep the columns that are used", where=where)
            table = opened.read(use_threads=False, use_pandas_metadata=False)
            table.validate(full=True)
            columns, notes = _columns(table, where)
        except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError, OverflowError) as error:
            line = " ".join(str(error).split())[:200]
            raise ArraysUnsuitable(
                f"this is not a sound Parquet file ({line})", help="write it with pandas or pyarrow", where=where
            ) from None
        return Table(columns, file=str(path), sha256=hashlib.sha256(raw).hexdigest(), notes=notes)


def _columns(table: Any, where: Where) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The columns of a pyarrow table, and what is to be said about them."""
    if not table.num_rows:
        raise NoRows("the table is empty", help="at least two rows are wanted", where=where)
    columns: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = _array(column)
        if array is None:
            notes.append(f"column {name!r} of type {column.type} left out")
            continue
        if name in columns:
            raise ArraysUnsuitable(f"two columns are named {name!r}", help="rename one", where=where)
        if column.null_count:
            n = column.null_count
            notes.append(f"{n} null{'s' * (n != 1)} in column {name!r} {'are' if n != 1 else 'is'} missing")
        if getattr(column.type, "tz", None):
            notes.append(f"column {name!r} is in UTC")
        columns[name] = plain_array(name, array, where)
    if not columns:
        raise ArraysUnsuitable("no column is of numbers, dates or text", help="store one number a cell", where=where)
    return columns, tuple(notes)


def _array(column: Any) -> np.ndarray | None:
    """A column as NumPy has it: numbers, dates or text; None for lists, records, bytes and durations."""
    from pyarrow import float64, types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_decimal(kind):
        column = column.cast(float64())
    elif types.is_boolean(kind):
        return np.array([np.nan if cell is None else float(cell) for cell in column.to_pylist()])
    elif types.is_string(kind) or types.is_large_string(kind):
        return np.array(["" if cell is None else cell for cell in column.to_pylist()], dtype=str)
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_timestamp(kind) or types.is_date(kind)):
        return None
    found: np.ndarray = column.to_numpy()
    return found
