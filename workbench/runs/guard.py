"""What an HDF5 file may hold before any of it is read.

HDF5 can name other files as the home of its data (external links, external storage, virtual data sets), load filters
from disk, and declare petabytes in a kilobyte. Only files that do none of this pass: groups and data sets of whole
numbers, floats and fixed-length text, each reached by hard links alone. The walk uses identifiers and creation
properties only; no raw data and no attribute value is read. Files are opened from memory, so that what was checked is
what is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5pl, h5s, h5t, h5z

from ..errors import Where
from ..errors.store import HDF5Refused
from .chunks import stored_chunks
from .disk import read_whole
from .entry import printable

NAME = re.compile(rb"[A-Za-z0-9_.-]{1,128}")
SCALE_ATTRIBUTES = {b"DIMENSION_LIST": h5t.VLEN, b"REFERENCE_LIST": h5t.COMPOUND}
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CLASSES = {h5t.INTEGER, h5t.FLOAT, h5t.STRING}
_LAYOUTS = {h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED}
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_TROUBLE = (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError, MemoryError, NotImplementedError)


@dataclass(frozen=True)
class Limits:
    """How much a file may ask for."""

    depth: int = 12
    objects: int = 20_000  # groups, data sets and attributes
    total: int = 4 * 2**30  # declared bytes, over all data sets
    growth: int = 1000  # declared bytes per byte of the file
    chunk: int = 256 * 2**20
    rank: int = 8
    chunked: bool = False  # data sets may lie in chunks and be compressed
    free_attributes: bool = False  # attributes of any type and name may stand there (they must not be read)


RUN_FILES = Limits()
DATA_FILES = Limits(chunked=True, free_attributes=True)  # netCDF and others keep text of variable length in attributes


@contextmanager
def open_hdf5(path: Path | str, limits: Limits = DATA_FILES) -> Iterator[h5py.File]:
    """The HDF5 file of a stranger at `path`, read into memory and checked; for use inside `with`.

    Attribute values are not to be read. `limits` bound what the file may hold. Raises HDF5Refused (R010) for what the
    limits do not allow and for damage that the library finds, NotReadable (R009) where the file cannot be opened.
    """
    data = read_whole(Path(path), limits.total)
    try:
        with checked(data, limits) as file:
            yield file
    except HDF5Refused as refusal:
        refusal.at(Where(str(path)))
        raise


@contextmanager
def checked(image: bytes | memoryview, limits: Limits = RUN_FILES) -> Iterator[h5py.File]:
    """An HDF5 file from memory that has passed the guard, filter plugins switched off as long as it is open."""
    if not any(image[at : at + 8] == SIGNATURE for at in _block_sizes(len(image))):
        raise HDF5Refused("not an HDF5 file: its signature is missing")
    with _no_filter_plugins():
        try:
            file = h5py.File(h5f.open_file_image(bytes(image)))
        except _TROUBLE as reason:
            raise HDF5Refused(f"HDF5 cannot open it ({printable(reason)})") from reason
        with file:
            try:
                check(file.id, len(image), limits)
            except _TROUBLE as reason:
                raise HDF5Refused(f"HDF5 cannot walk it ({printable(reason)})") from reason
            try:
                yield file
            except (OSError, RuntimeError, MemoryError) as reason:
                raise HDF5Refused(f"HDF5 cannot read it ({printable(reason)})") from reason


def check(file: h5f.FileID, size: int, limits: Limits = RUN_FILES) -> None:
    """Walk every object of an open file of `size` bytes; raises HDF5Refused (R010) at the first that is not allowed."""
    _Walk(limits, size).group(h5g.open(file, b"/"), b"", 0)


class _Walk:
    """One pass over a file: what was seen and how much was asked for."""

    def __init__(self, limits: Limits, size: int) -> None:
        self.limits = limits
        self.allowed = min(limits.total, limits.growth * size)
        self.declared = 0
        self.room = size  # bytes of the file that no chunk has claimed yet
        self.objects = 0
        self.groups: set[int] = set()

    def group(self, group: h5g.GroupID, path: bytes, depth: int) -> None:
        _require(depth <= self.limits.depth, path, f"is more than {self.limits.depth} groups deep")
        self.attributes(group, path)
        for name in self.names(group, path):
            here = path + b"/" + name
            link = group.links.get_info(name)
            _require(link.type == h5l.TYPE_HARD, here, "is a soft, external or foreign link")
            member = h5o.open(group, name)  # not h5o.get_info, which sizes indices up and trips over damaged ones
            if isinstance(member, h5g.GroupID):
                _require(link.u not in self.groups, here, "is a group reached twice")
                self.groups.add(link.u)  # the address of the object
                self.group(member, here, depth + 1)
            else:
                _require(isinstance(member, h5d.DatasetID), here, "is neither a group nor a data set")
                self.dataset(member, here)

    def names(self, group: h5g.GroupID, path: bytes) -> list[bytes]:
        """The links of a group: plain names, and no more of them than are allowed in all."""
        names: list[bytes] = []

        def take(name: bytes) -> bool | None:
            names.append(name)
            return True if len(names) > self.limits.objects else None  # anything but None ends the iteration

        group.links.iterate(take)
        self.count(len(names))
        for name in names:
            plain = NAME.fullmatch(name) and name not in (b".", b"..")
            _require(
                bool(plain), path or b"/", f"holds the name {printable(name)}; letters, digits and _ . - are allowed"
            )
        return names

    def dataset(self, dataset: h5d.DatasetID, path: bytes) -> None:
        properties = dataset.get_create_plist()
        layout = properties.get_layout()
        _require(layout in _LAYOUTS, path, "is a virtual data set or of an unknown layout")
        _require(layout == h5d.CHUNKED or properties.get_external_count() == 0, path, "is stored in another file")
        item = _item_bytes(dataset.get_type(), path)
        shape = _shape(dataset.get_space(), path, self.limits.rank)
        filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
        for code in filters:
            _require(code in _FILTERS, path, f"needs filter {code}; deflate, shuffle and fletcher32 are allowed")
        declared = item * math.prod(shape)
        self.declared += declared
        _require(
            self.declared <= self.allowed, path, f"brings the declared size to {self.declared} of {self.allowed} bytes"
        )
        if layout == h5d.CHUNKED:
            _require(self.limits.chunked, path, "is stored in chunks")
            chunk = properties.get_chunk()
            _require(len(chunk) == len(shape) and min(chunk) > 0, path, "has chunks of another rank")
            self.chunks(dataset, path, item * math.prod(chunk), filters)
        else:
            _require(dataset.get_storage_size() in (0, declared), path, "is not stored in its declared length")
            _require(not filters, path, "has filters without chunks")
        self.attributes(dataset, path)

    def chunks(self, dataset: h5d.DatasetID, path: bytes, chunk: int, filters: Sequence[int]) -> None:
        _require(chunk <= self.limits.chunk, path, "has chunks that are too large")
        stored, wrong = stored_chunks(dataset, chunk, filters, self.room)
        _require(not wrong, path, wrong)
        self.room -= stored

    def attributes(self, owner: h5g.GroupID | h5d.DatasetID, path: bytes) -> None:
        number = h5a.get_num_attrs(owner)
        self.count(number)
        if self.limits.free_attributes:
            return
        for index in range(number):
            attribute = h5a.open(owner, index=index)
            here = path + b"@" + attribute.name
            _require(bool(NAME.fullmatch(attribute.name)), path, f"has an attribute {printable(attribute.name)}")
            kind = attribute.get_type()
            if kind.get_class() == SCALE_ATTRIBUTES.get(attribute.name):
                continue
            shape = _shape(attribute.get_space(), here, self.limits.rank)
            self.declared += _item_bytes(kind, here) * math.prod(shape)
            _require(self.declared <= self.allowed, here, "declares more than is allowed")

    def count(self, number: int) -> None:
        self.objects += number
        _require(self.objects <= self.limits.objects, b"/", f"holds more than {self.limits.objects} objects")


def _item_bytes(kind: h5t.TypeID, path: bytes) -> int:
    plain = kind.get_class() in _CLASSES and not (kind.get_class() == h5t.STRING and kind.is_variable_str())
    _require(plain, path, "is not of whole numbers, floats or fixed-length text")
    _require(kind.dtype.itemsize == kind.get_size(), path, "is of numbers that NumPy does not have")
    return kind.get_size()


def _shape(space: h5s.SpaceID, path: bytes, rank: int) -> tuple[int, ...]:
    if space.get_simple_extent_type() == h5s.NULL:
        return (0,)
    _require(space.get_simple_extent_ndims() <= rank, path, f"has more than {rank} axes")
    return space.get_simple_extent_dims()


def _require(holds: bool, path: bytes, what: str) -> None:
    if not holds:
        raise HDF5Refused(
            f"{printable(path) or '/'} {what}", help="only plain HDF5 is read; see `workbench explain R010`"
        )


def _block_sizes(size: int) -> Iterator[int]:
    """Where the signature may stand: after a user block of 0, 512, 1024, … bytes."""
    yield 0
    at = 512
    while at < size:
        yield at
        at *= 2


@contextmanager
def _no_filter_plugins() -> Iterator[None]:
    """HDF5 loads unknown filters from a list of folders: keep the list empty for a while."""
    folders = [h5pl.get(number) for number in range(h5pl.size())]
    for _ in folders:
        h5pl.remove(0)
    try:
        yield
    finally:
        for folder in folders:
            h5pl.append(folder)
