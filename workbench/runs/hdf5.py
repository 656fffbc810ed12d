"""HDF5 images in memory: entries in, bytes out, and back.

The low-level interface of h5py is used because a commit makes some forty small data sets, and its convenient one takes
three times as long.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5g, h5o, h5p, h5s, h5t

from ..errors.store import LayoutWrong
from .entry import Attribute, Entry, printable, scalar_text
from .guard import checked
from .seal import BLOCK

BARE = "This is a netCDF dimension but not a netCDF variable."


def build(entries: Sequence[Entry], groups: Sequence[str], attributes: Mapping[str, Attribute]) -> io.BytesIO:
    """A whole HDF5 file in memory, its first 512 bytes free for the seal; the same entries give the same bytes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=BLOCK, libver=("earliest", "v110")) as file:
        for name, value in attributes.items():
            _attribute(file.id, name, value)
        opened = {"": file.id}
        for path in groups:
            _group(path, opened)
        scales: dict[str, h5d.DatasetID] = {}
        for number, entry in enumerate(sorted(entries, key=lambda entry: not entry.is_scale)):
            dataset = _write(entry, opened)
            if entry.is_scale:
                h5ds.set_scale(dataset, (f"{BARE}{entry.array.size:10d}" if entry.bare else entry.name).encode())
                _attribute(dataset, "_Netcdf4Dimid", number)
                scales[entry.path] = dataset
            else:
                for axis, dimension in enumerate(entry.dims):
                    h5ds.attach_scale(dataset, scales[dimension], axis)
    return buffer


def read(image: bytes | memoryview) -> tuple[dict[str, np.ndarray], dict[str, str | int]]:
    """Every data set of an image by its path, and the attributes of its root; checked by the guard first.

    Raises HDF5Refused (R010) and LayoutWrong (R011).
    """
    with checked(image) as file:
        try:
            attributes = {name: _plain(value) for name, value in file.attrs.items()}
            return dict(_arrays(h5g.open(file.id, b"/"), "")), attributes
        except (ValueError, TypeError, KeyError, OverflowError) as reason:
            raise LayoutWrong(f"holds what no run file holds ({printable(reason)})") from reason


def _plain(value: object) -> str | int:
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode("utf-8")
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, str):
        return value
    raise ValueError("an attribute of the root is neither text nor a whole number")


def _group(path: str, opened: dict[str, h5g.GroupID]) -> h5g.GroupID:
    if path not in opened:
        above, _, name = path.rpartition("/")
        opened[path] = h5g.create(_group(above, opened), name.encode())
    return opened[path]


def _write(entry: Entry, opened: dict[str, h5g.GroupID]) -> h5d.DatasetID:
    array = entry.array
    parent = _group(entry.path.rpartition("/")[0], opened)
    dataset = h5d.create(parent, entry.name.encode(), _type(array.dtype), _space(array), dcpl=_PLAIN)
    if array.size and not entry.bare:
        dataset.write(h5s.ALL, h5s.ALL, np.array(array, order="C", copy=None), _type(array.dtype))
    for name, value in entry.attributes.items():
        _attribute(dataset, name, value)
    return dataset


def _plain_creation() -> h5p.PropDCID:
    """No modification times: the same content gives the same bytes."""
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    return properties


_PLAIN = _plain_creation()
_SCALAR = h5s.create(h5s.SCALAR)


@lru_cache(maxsize=256)
def _type(dtype: np.dtype) -> h5t.TypeID:
    if dtype.kind != "S":
        return h5t.py_create(dtype)
    kind = h5t.C_S1.copy()
    kind.set_size(dtype.itemsize)
    kind.set_strpad(h5t.STR_NULLPAD)
    kind.set_cset(h5t.CSET_UTF8)
    return kind


def _space(array: np.ndarray) -> h5s.SpaceID:
    return h5s.create_simple(array.shape) if array.shape else _SCALAR


def _attribute(where: h5d.DatasetID | h5g.GroupID, name: str, value: Attribute) -> None:
    array = scalar_text(value, name) if isinstance(value, str) else np.array(value, dtype=np.int32)
    attribute = h5a.create(where, name.encode(), _type(array.dtype), _space(array))
    attribute.write(array, mtype=_type(array.dtype))


def _arrays(group: h5g.GroupID, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    names: list[bytes] = []
    group.links.iterate(names.append)
    for name in names:
        path, member = prefix + name.decode(), h5o.open(group, name)
        if isinstance(member, h5g.GroupID):
            yield from _arrays(member, f"{path}/")
        else:
            yield path, _read(member)


def _read(dataset: h5d.DatasetID) -> np.ndarray:
    array = np.empty(dataset.shape, dtype=dataset.dtype)
    if array.size:
        dataset.read(h5s.ALL, h5s.ALL, array, mtype=dataset.get_type())
    return array
