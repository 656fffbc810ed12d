"""Tables and documents spread over data sets, so that other programs find numbers where numbers are.

Names of columns are free text and names in an HDF5 file are not, so each group keeps a list of its columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors.store import RecordUnstorable
from . import documents
from .entry import UTF8, Entry, scalar_text, texts, untext

_LINK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_LIST = "columns"


def table(group: str, values: Mapping[str, Any], dimension: str, length: int) -> list[Entry]:
    """Columns of numbers, booleans or text (length,), a data set each, and the list of them.

    Raises RecordUnstorable (R012) for other lengths and types.
    """
    listed: list[list[str]] = []
    written: list[Entry] = []
    used = {_LIST, dimension.rpartition("/")[2]}
    for name, value in values.items():
        array, kind = _column(np.asarray(value), f"{group}.{name}", length)
        link = name if _LINK.fullmatch(name) and name not in used else f"column.{len(listed)}"
        used.add(link)
        listed.append([name, link, kind])
        attributes = UTF8 if kind == "text" else {"dtype": "bool"} if kind == "bool" else {}
        written.append(Entry(f"{group}/{link}", array, (dimension,), attributes))
    return [json_entry(f"{group}/{_LIST}", documents.encode(listed, group)), *written]


def read_table(group: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of a group, in their order."""
    values: dict[str, np.ndarray] = {}
    for name, link, kind in documents.decode(untext(arrays[f"{group}/{_LIST}"])):
        stored = arrays[f"{group}/{link}"]
        if kind == "text":
            values[name] = np.array([untext(item) for item in stored], dtype=str)
        else:
            values[name] = stored.astype(bool) if kind == "bool" else stored
    return values


def numbers(group: str, document: Any) -> list[Entry]:
    """A document as one JSON text, and every number in it by its path: `value(name)`."""
    text = documents.encode(document, group)
    leaves = dict(_leaves(documents.decode(text), ""))
    names, scale = texts(list(leaves), group), f"{group}/name"
    return [
        json_entry(f"{group}/json", text),
        Entry(scale, names, (scale,), UTF8),
        Entry(f"{group}/value", np.array(list(leaves.values()), dtype=np.float64), (scale,)),
    ]


def json_entry(path: str, text: str) -> Entry:
    """One JSON text."""
    return Entry(path, scalar_text(text, path), (), UTF8, json=True)


def _column(array: np.ndarray, name: str, length: int) -> tuple[np.ndarray, str]:
    if array.shape != (length,):
        raise RecordUnstorable(f"{name} has shape {array.shape}; ({length},) is wanted")
    if array.dtype.kind == "b":
        return array.astype(np.int8), "bool"
    if array.dtype.kind in "iuf" and array.dtype.itemsize <= 8:
        return array, "number"
    if array.dtype.kind in "UO" and all(isinstance(value, str) for value in array.tolist()):
        return texts(array.tolist(), name), "text"
    raise RecordUnstorable(f"{name} is a column of {array.dtype}; numbers, booleans or text are wanted")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, float]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _leaves(item, f"{path}/{key}" if path else str(key))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e308:
        yield path, float(value)
