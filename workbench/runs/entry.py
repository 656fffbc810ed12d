"""An Entry: one data set on its way to or from a file, and text as HDF5 can hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors.store import RecordUnstorable

Attribute = str | int | tuple[int, ...]
UTF8 = {"_Encoding": "utf-8"}  # by this, xarray gives text and not bytes


@dataclass(frozen=True)
class Entry:
    """One data set: whole numbers, floats or bytes ("S": UTF-8 text), with the path of a scale for each axis.

    An entry that is its own axis is a dimension scale; with `bare` it has a length but no values.
    """

    path: str
    array: np.ndarray
    dims: tuple[str, ...] = ()  # () also for arrays that need no named axes
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    bare: bool = False
    json: bool = False

    @property
    def is_scale(self) -> bool:
        """This entry is the dimension that it runs along."""
        return self.dims == (self.path,)

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]


def scalar_text(value: str, name: str) -> np.ndarray:
    """Text of fixed length without axes; raises RecordUnstorable (R012) for what is no UTF-8 or ends in NUL."""
    return texts([value], name).reshape(())


def texts(values: Sequence[str], name: str) -> np.ndarray:
    """Texts (n,) of one fixed length; raises RecordUnstorable (R012) for what is no UTF-8 or ends in NUL.

    >>> texts(["hare", "λ"], "channel")
    array([b'hare', b'\\xce\\xbb'], dtype='|S4')
    """
    try:
        encoded = [value.encode("utf-8") for value in values]
    except (UnicodeEncodeError, AttributeError) as reason:
        raise RecordUnstorable(f"{name} holds what is no text ({reason})") from reason
    if any(value.endswith(b"\0") for value in encoded):
        raise RecordUnstorable(f"{name} holds text that ends in a NUL, which HDF5 would cut off")
    return np.array(encoded, dtype=f"S{max(map(len, encoded), default=0) or 1}")


def printable(thing: object) -> str:
    r"""A stranger's text, cut short and made harmless for a terminal.

    >>> print(printable(b"a\x1b[2J\xff"))
    a\x1b[2J\xff
    """
    text = thing.decode("utf-8", "backslashreplace") if isinstance(thing, bytes) else str(thing)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)[:120]


def untext(stored: np.ndarray | np.bytes_) -> str:
    """The text of one stored element; raises UnicodeDecodeError for what is none, TypeError for numbers."""
    value = stored.item()
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value.decode("utf-8")
