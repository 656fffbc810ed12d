"""From a Record to the entries of a run file and back, as the table in `schema` says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dataset import Dataset, Inputs
from ..errors.store import LayoutWrong, RecordUnstorable
from . import columns, documents, tree
from .entry import UTF8, Entry, printable, scalar_text, texts, untext
from .record import Record
from .schema import ATTRIBUTES, DIMENSIONS, INCIDENTAL, VARIABLES, Dimension, Variable


def entries_of(record: Record) -> list[Entry]:
    """Every data set of the run file of a record; raises RecordUnstorable (R012) where shapes or types do not fit."""
    lengths: dict[str, int] = {}
    written: list[Entry] = []
    for dimension in DIMENSIONS:
        points = _get(record, dimension.of)
        if points is not None:
            written.append(_scale(dimension, points))
            lengths[dimension.path] = len(points)
    for variable in VARIABLES:
        value = _get(record, variable.of)
        if value is not None:
            written += _encode(variable, value, lengths)
    return written


def content_sha256(record: Record) -> str:
    """SHA-256 over all that a fit decided: everything in a record but its provenance and timings.

    It is taken over paths, types, shapes and bytes in the order of the paths, JSON with sorted keys, so that neither
    the HDF5 file around them nor the number of commits matters. Equal content, equal digest.
    """
    digest = hashlib.sha256(f"status={record.status}\n".encode())
    for entry in sorted(entries_of(record), key=lambda entry: entry.path):
        if entry.path in INCIDENTAL:
            continue
        content = documents.canonical(untext(entry.array)).encode() if entry.json else entry.array.tobytes()
        kind = "json" if entry.json else entry.array.dtype.str
        digest.update(f"{entry.path} {kind} {entry.array.shape} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def record_of(arrays: Mapping[str, np.ndarray], status: str) -> Record:
    """The record whose entries these are; raises LayoutWrong (R011) where the table is not kept."""
    values: dict[str, Any] = {"status": status}
    for row in (*DIMENSIONS, *VARIABLES):
        try:
            value = _names(row, arrays) if isinstance(row, Dimension) else _decode(row, arrays)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError, OverflowError) as reason:
            found = printable(f"{type(reason).__name__}: {reason}")
            raise LayoutWrong(f"/{row.path} is not what the layout says ({found})") from reason
        if value is not None:
            values[row.of] = value
    try:
        inputs = _part(values, "dataset.inputs.")
        data = Dataset(**_part(values, "dataset."), inputs=Inputs(**inputs) if "t" in inputs else None)
        record = Record(dataset=data, **{name: value for name, value in values.items() if "." not in name})
        entries_of(record)
    except Exception as reason:  # a stranger's arrays meet checks that were written for ours
        raise LayoutWrong(f"its data do not fit each other ({printable(reason)})") from reason
    return record


def _get(record: Record, field: str) -> Any:
    """The value at a dotted path; None where something on the way is None."""
    value: Any = record
    for name in field.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _part(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The values under a dotted prefix, by their last name."""
    found = {field.removeprefix(prefix): value for field, value in values.items() if field.startswith(prefix)}
    return {name: value for name, value in found.items() if "." not in name}


def _scale(dimension: Dimension, points: Any) -> Entry:
    path = dimension.path
    if isinstance(points, tuple):
        return Entry(path, texts(points, dimension.name), (path,), UTF8)
    return Entry(path, np.zeros(len(points), dtype=np.int8), (path,), bare=True)


def _encode(variable: Variable, value: Any, lengths: dict[str, int]) -> list[Entry]:
    path, kind = variable.path, variable.kind
    if kind in ("json", "exact json"):
        return [columns.json_entry(path, documents.encode(value, variable.of, exact=kind == "exact json"))]
    if kind == "text":
        return [Entry(path, scalar_text(value, variable.of), (), UTF8)]
    if kind == "numbers":
        return columns.numbers(path, value)
    if kind == "columns":
        return _encode_columns(variable, value, lengths)
    if kind == "tree":
        text, arrays = tree.flatten(value, variable.of)
        stored = [Entry(f"{path}/{name}", array) for name, array in arrays.items()]
        return [columns.json_entry(f"{path}/tree", text), *stored]
    array = np.asarray(value, dtype=kind)
    wanted = tuple(lengths[dimension] for dimension in variable.dims)
    if array.shape != wanted:
        raise RecordUnstorable(f"{variable.of} has shape {array.shape}; {wanted} is wanted for {variable.dims}")
    return [Entry(path, array, variable.dims, {"long_name": variable.meaning, **ATTRIBUTES.get(path, {})})]


def _encode_columns(variable: Variable, value: Mapping[str, Any], lengths: dict[str, int]) -> list[Entry]:
    """The columns of a table; a table with a dimension of its own brings the scale along."""
    (dimension,) = variable.dims
    if dimension in lengths:
        return columns.table(variable.path, value, dimension, lengths[dimension])
    length = len(next(iter(value.values()), ()))
    scale = Entry(dimension, np.zeros(length, dtype=np.int8), (dimension,), bare=True)
    return [scale, *columns.table(variable.path, value, dimension, length)]


def _names(dimension: Dimension, arrays: Mapping[str, np.ndarray]) -> tuple[str, ...] | None:
    stored = arrays.get(dimension.path)
    if stored is None or stored.dtype.kind != "S":
        return None
    return tuple(untext(name) for name in stored)


def _decode(variable: Variable, arrays: Mapping[str, np.ndarray]) -> Any:
    """The value of a row of the table, None where an optional one is not there."""
    path, kind = variable.path, variable.kind
    if kind in ("json", "exact json"):
        return documents.decode(untext(arrays[path]))
    if kind == "text":
        return untext(arrays[path])
    if kind == "numbers":
        return documents.decode(untext(arrays[f"{path}/json"]))
    if kind == "columns":
        return columns.read_table(path, arrays)
    if kind == "tree":
        inside = {name.removeprefix(f"{path}/"): array for name, array in arrays.items() if name.startswith(f"{path}/")}
        return tree.unflatten(untext(inside.pop("tree")), inside) if inside else None
    array = arrays.get(path)
    if array is not None and array.dtype != np.dtype(kind):
        raise TypeError(f"{array.dtype} where {kind} belongs")
    return array
