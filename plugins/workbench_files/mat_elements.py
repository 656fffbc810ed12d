"""The elements of MATLAB files of version 4 to 7, as MathWorks' "MAT-File Format" describes them.

SciPy's reader is not used for strangers' files: it ends the process with a segmentation fault on some damaged ones.
Nothing is executed; complex and sparse matrices, objects and function handles are None.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8", 16: "u1"}
_ENCODINGS = {1: "latin-1", 2: "latin-1", 16: "utf-8", 4: "utf-16", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _NUMERIC = 1, 2, 4, range(6, 16)
_COMPLEX = 0x0800
_VERSION_4 = ("f8", "f4", "i4", "i2", "u2", "u1")
DEEPEST = 12  # structs and cells inside each other
MOST_GROWTH = 1100  # deflate packs at most 1032 bytes into one
MOST_BYTES = 4 << 30


def variables(raw: bytes) -> dict[str, Any]:
    """Name → matrix, text (as an array of lines), dictionary (struct), list (cell) or None; ValueError for damage."""
    if len(raw) < 20:
        raise ValueError(f"{len(raw)} bytes are too few")
    if 0 in raw[:4]:
        return dict(_version4(raw))
    if len(raw) < 128 or raw[126:128] not in (b"IM", b"MI"):
        raise ValueError("the header names no byte order")
    order = "<" if raw[126:128] == b"IM" else ">"
    found = {}
    for kind, data in _elements(raw[128:], order):
        if kind == _COMPRESSED:
            [(kind, data)] = _elements(_unpacked(data), order)
        if kind == _MATRIX:
            name, value = _matrix(data, order, 0)
            found[name] = value
    return found


def _unpacked(data: bytes) -> bytes:
    """A compressed element, which may grow no more than deflate can explain."""
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(data, min(MOST_BYTES, MOST_GROWTH * len(data) + 1024))
    if not unpacking.eof:
        raise ValueError("a compressed variable does not end")
    return unpacked


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, bytes) of the elements that stand one after the other, each on a multiple of eight bytes."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:  # up to four bytes stand inside the tag
            kind, size, begin, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise ValueError("a short element is longer than its tag")
        else:
            begin = at + 8
            end = begin + size + (0 if kind == _COMPRESSED else -size % 8)
        if begin + size > len(data):
            raise ValueError(f"an element of {size} bytes stands where {len(data) - begin} are left")
        yield kind, data[begin : begin + size]
        at = end


@dataclass(frozen=True)
class _Parts:
    """The elements inside a matrix, in their order."""

    elements: list[tuple[int, bytes]]
    order: str

    def array(self, at: int) -> np.ndarray:
        """The numbers of one element."""
        kind, data = self._element(at)
        if kind not in _NUMBERS:
            raise ValueError(f"numbers are of type {kind}")
        return np.frombuffer(data, np.dtype(self.order + _NUMBERS[kind]))

    def text(self, at: int) -> str:
        """The characters of one element."""
        kind, data = self._element(at)
        if kind not in _ENCODINGS:
            raise ValueError(f"text is of type {kind}")
        wide = ("-le" if self.order == "<" else "-be") if kind in (4, 17, 18) else ""
        return data.decode(_ENCODINGS[kind] + wide)

    def _element(self, at: int) -> tuple[int, bytes]:
        if at >= len(self.elements):
            raise ValueError("a matrix lacks a part")
        return self.elements[at]


def _matrix(data: bytes, order: str, depth: int) -> tuple[str, Any]:
    """Name and value of one variable, field or cell."""
    if depth > DEEPEST:
        raise ValueError(f"structs are more than {DEEPEST} deep")
    if not data:
        return "", None
    parts = _Parts(list(_elements(data, order)), order)
    flags = int(parts.array(0)[0]) if parts.array(0).size else 0
    kind = flags & 0xFF
    if kind not in (_CELL, _STRUCT, _CHAR, *_NUMERIC):
        return parts.text(2) if kind in (3, 5) else "", None
    shape = tuple(parts.array(1).tolist())
    name = parts.text(2)
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"{name!r} has shape {shape}")
    if kind == _CHAR:
        return name, _lines(parts.text(3), shape) if math.prod(shape) else None
    if kind == _CELL:
        return name, [_matrix(inner, order, depth + 1)[1] for _, inner in parts.elements[3:]]
    if kind == _STRUCT:
        return name, _struct(parts, shape, order, depth)
    if flags & _COMPLEX:
        return name, None
    return name, _shaped(name, parts.array(3), shape)


def _struct(parts: _Parts, shape: tuple[int, ...], order: str, depth: int) -> dict[str, Any] | None:
    """The fields of a single struct; None for an array of them."""
    width, names = parts.array(3), parts.text(4)
    if math.prod(shape) != 1:
        return None
    if not width.size or width[0] < 1:
        raise ValueError("a struct names no fields")
    step = int(width[0])
    fields = [names[at : at + step].split("\0")[0] for at in range(0, len(names), step)]
    values = parts.elements[5:]
    if len(values) != len(fields):
        raise ValueError(f"a struct has {len(fields)} names and {len(values)} values")
    return {name: _matrix(data, order, depth + 1)[1] for name, (_, data) in zip(fields, values, strict=True)}


def _lines(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """The rows of a matrix of characters, which stand column by column."""
    signs = np.array(list(text))
    if len(signs) != math.prod(shape):
        raise ValueError(f"{len(signs)} characters do not fill {shape}")
    return np.array(["".join(row) for row in signs.reshape(shape[0], -1, order="F")])


def _shaped(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers in their shape, axes in MATLAB's order."""
    if array.size != math.prod(shape):
        raise ValueError(f"{name!r} has {array.size} numbers for shape {shape}")
    return array.reshape(shape, order="F")


def _version4(raw: bytes) -> Iterator[tuple[str, Any]]:
    """The variables of a file of version 4: a header of five whole numbers, the name, the numbers."""
    at = 0
    while at < len(raw):
        if at + 20 > len(raw):
            raise ValueError("a variable lacks its header")
        order = "<" if 0 <= struct.unpack_from("<i", raw, at)[0] < 1000 else ">"
        kind, rows, columns, imaginary, length = struct.unpack_from(order + "5i", raw, at)
        number, form = kind // 10 % 10, kind % 10
        if kind // 100 not in (0, 10) or number >= len(_VERSION_4) or form > 2 or min(rows, columns, length) < 0:
            raise ValueError("a variable has a header of no known kind")
        dtype = np.dtype(order + _VERSION_4[number])
        begin = at + 20 + length
        size = rows * columns * dtype.itemsize
        at = begin + size * (1 + bool(imaginary))
        if at > len(raw):
            raise ValueError(f"a variable of {size} bytes stands where {len(raw) - begin} are left")
        name = raw[begin - length : begin].split(b"\0")[0].decode("latin-1")
        values = np.frombuffer(raw[begin : begin + size], dtype).reshape((rows, columns), order="F")
        yield name, values if form == 0 and not imaginary else None
