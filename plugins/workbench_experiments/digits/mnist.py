"""The files of MNIST: images and digits in IDX form, or 5000 of them as lines of a CSV file.

Format: LeCun, Cortes & Burges, "The MNIST database of handwritten digits": a magic number, the sizes as big-endian
32-bit numbers, then the bytes.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.errors import Where
from workbench.errors.data import FileUnreadable

CSV = "mnist_5k.csv"
SIDE = 28
Labelled = tuple[np.ndarray, np.ndarray]  # brightness in [0, 1] (image, row, column), digit (image,)


def read_idx(folder: Path, part: str) -> Labelled | None:
    """The images and digits of a part, "train" or "t10k"; None where a file of the two is not there."""
    names = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    files = [_there(folder, name) for name in names]
    if files[0] is None or files[1] is None:
        return None
    images, digits = _read(files[0], lambda data: _idx(data, 3)), _read(files[1], lambda data: _idx(data, 1))
    if len(images) != len(digits):
        raise _wrong(files[1], f"{len(digits)} digits, for {len(images)} images")
    return images.astype(np.float32) / 255, digits.astype(int)


def read_csv(folder: Path) -> Labelled | None:
    """The images and digits of `mnist_5k.csv`, 784 bytes and the digit a line; None where it is not there."""
    file = _there(folder, CSV)
    if file is None:
        return None
    values = _read(file, lambda data: np.loadtxt(data.decode("ascii").splitlines(), delimiter=",", ndmin=2))
    if values.shape[1] != SIDE * SIDE + 1:
        raise _wrong(file, f"lines of {values.shape[1]} numbers; 784 pixels and the digit are wanted")
    return values[:, :-1].astype(np.float32).reshape(-1, SIDE, SIDE) / 255, values[:, -1].astype(int)


def _there(folder: Path, name: str) -> Path | None:
    return next((file for file in (folder / name, folder / f"{name}.gz") if file.is_file()), None)


def _read(file: Path, parse: Callable[[bytes], np.ndarray]) -> np.ndarray:
    try:
        data = file.read_bytes()
        return parse(gzip.decompress(data) if file.suffix == ".gz" else data)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise _wrong(file, str(error)) from None


def _idx(data: bytes, axes: int) -> np.ndarray:
    magic, *shape = struct.unpack_from(f">{1 + axes}i", data)
    if magic != 0x800 + axes:
        raise ValueError(f"the magic number is {magic:#x}, not {0x800 + axes:#x}")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _wrong(file: Path, fact: str) -> FileUnreadable:
    return FileUnreadable(f"not what its name says: {fact}", help="fetch the file again", where=Where(str(file)))
