"""Checkpoints: nested Python values and arrays, stored so that every bit comes back.

Arrays become data sets; what holds them becomes one JSON text in which `{"$array": …}` stands for each. Plain JSON
values stand for themselves, whole numbers of any size included (a PCG64 state has 128 bits). What JSON does not know
is written as an object with one key that starts with "$".
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors.store import RecordUnstorable

DEEPEST = 64
NATIVE = re.compile(r"[<>|]?[iuf][1248]")  # what HDF5 holds as it is; the rest is stored as bytes
STORABLE = re.compile(r"[<>|=]?(?:b1|[iuf][0-9]{1,2}|c[0-9]{1,2}|[SU][1-9][0-9]{0,8}|[mM]8\[[0-9a-zA-Z]{1,8}\])")


def flatten(tree: Any, name: str) -> tuple[str, dict[str, np.ndarray]]:
    """The tree as JSON text and named arrays; `name` is how errors call it.

    Raises RecordUnstorable (R012) for objects, functions and anything else that is no plain value.

    >>> flatten({"x": np.zeros(2), "step": 3}, "checkpoint")
    ('{"x": {"$array": "x", "dtype": "<f8", "shape": [2]}, "step": 3}', {'x': array([0., 0.])})
    """
    arrays: dict[str, np.ndarray] = {}
    return json.dumps(_encode(tree, (), name, arrays), allow_nan=False), arrays


def unflatten(text: str, arrays: Mapping[str, np.ndarray]) -> Any:
    """The tree that `flatten` took apart; raises ValueError, KeyError or TypeError for a text that it did not write."""
    return _decode(json.loads(text), arrays)


def _encode(value: Any, path: tuple[str, ...], name: str, arrays: dict[str, np.ndarray]) -> Any:
    if len(path) > DEEPEST:
        raise RecordUnstorable(f"{name} is nested more than {DEEPEST} levels deep")
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if value.bit_length() <= 1024 else {"$int": hex(value)}  # Python reads no longer decimals
    if kind is np.str_:
        return str(value)
    if kind is float:
        return value if np.isfinite(value) else {"$float": struct.pack(">d", value).hex()}
    if kind is dict:
        pairs = [(key, _encode(item, (*path, str(key)), name, arrays)) for key, item in value.items()]
        if all(type(key) is str and not key.startswith("$") for key, _ in pairs):
            return dict(pairs)
        return {"$dict": [[_encode(key, path, name, arrays), item] for key, item in pairs]}
    if kind in (list, tuple):
        items = [_encode(item, (*path, str(i)), name, arrays) for i, item in enumerate(value)]
        return items if kind is list else {"$tuple": items}
    if isinstance(value, np.generic):
        dtype = _dtype(value.dtype, path, name)
        return {"$scalar": dtype, "bytes": value.tobytes().hex()}
    if kind is np.ndarray:
        return _encode_array(value, path, name, arrays)
    where = ".".join((name, *path))
    raise RecordUnstorable(
        f"{where} is a {kind.__module__}.{kind.__name__}",
        help="a checkpoint holds dicts, lists, NumPy arrays, numbers, text, booleans and None",
    )


def _encode_array(array: np.ndarray, path: tuple[str, ...], name: str, arrays: dict[str, np.ndarray]) -> Any:
    dtype = _dtype(array.dtype, path, name)
    link = _link(path, arrays)
    turned = array.flags.f_contiguous and not array.flags.c_contiguous  # BLAS sums in another order then: keep it
    flat = np.array(array.T if turned else array, order="C", copy=None)
    arrays[link] = flat if NATIVE.fullmatch(dtype) else np.frombuffer(flat.tobytes(), dtype=np.uint8)
    return {"$array": link, "dtype": dtype, "shape": list(flat.shape)} | ({"order": "F"} if turned else {})


def _dtype(dtype: np.dtype, path: tuple[str, ...], name: str) -> str:
    if dtype.hasobject or not STORABLE.fullmatch(dtype.str):
        raise RecordUnstorable(f"{'.'.join((name, *path))} is an array of {dtype}, which cannot be stored exactly")
    return dtype.str


def _link(path: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> str:
    """A new name for an array that shows where in the tree it stands."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", ".".join(path))[:80].strip(".") or "array"
    link, n = plain, 1
    while link in arrays or link == "tree":
        n += 1
        link = f"{plain}-{n}"
    return link


def _decode(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), "")
    if tag == "":
        return {key: _decode(item, arrays) for key, item in value.items()}
    if tag == "$int":
        return int(value[tag], 16)
    if tag == "$float":
        return struct.unpack(">d", bytes.fromhex(value[tag]))[0]
    if tag == "$dict":
        return {_decode(key, arrays): _decode(item, arrays) for key, item in value[tag]}
    if tag == "$tuple":
        return tuple(_decode(item, arrays) for item in value[tag])
    if tag == "$scalar":
        return np.frombuffer(bytes.fromhex(value["bytes"]), _storable(value[tag]))[0]
    if tag == "$array":
        return _decode_array(value, arrays[value[tag]])
    raise ValueError(f"unknown mark {tag!r}")


def _decode_array(mark: dict[str, Any], stored: np.ndarray) -> np.ndarray:
    dtype, shape = _storable(mark["dtype"]), tuple(mark["shape"])
    if not NATIVE.fullmatch(mark["dtype"]):
        stored = np.frombuffer(stored.tobytes(), dtype) if stored.size else np.empty(0, dtype)
    if stored.dtype != dtype:
        raise ValueError(f"{mark['$array']} is {stored.dtype}, not {dtype}")
    array = stored.reshape(shape).copy()
    return array.T if mark.get("order") == "F" else array


def _storable(text: str) -> np.dtype:
    if not STORABLE.fullmatch(text):
        raise ValueError(f"{text!r} is no storable dtype")
    return np.dtype(text)
