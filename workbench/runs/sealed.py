"""A sealed HDF5 file: its bytes held against the seal before the HDF5 library sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Where
from ..errors.store import HDF5Refused, LayoutWrong, NotARun
from .disk import make_folder, read_whole, replace_file
from .entry import Attribute, Entry, printable
from .schema import FINDINGS, FORMAT
from .seal import BLOCK, FORMAT_VERSION, Seal, digest, verify_seal

LARGEST = 4 * 2**30  # bytes of a file
_HOLDS = {FORMAT: "a fit", FINDINGS: "what an experiment found"}


@dataclass(frozen=True)
class Sealed:
    """A file found whole: its seal, every data set by its path, and its format."""

    seal: Seal
    arrays: Mapping[str, np.ndarray]
    format: str


def read_sealed(path: Path, wanted: str | None = None) -> Sealed:
    """The file, read whole: later commits do not change it, and the file may go.

    Raises NotReadable (R009), NotARun (R003; also for a sound file of another format than is wanted), RunDamaged
    (R002), NewerFormat (R004), HDF5Refused (R010) and LayoutWrong (R011).
    """
    data = read_whole(path, LARGEST)
    seal = verify_seal(data, str(path))
    with placed(path):
        from .hdf5 import read  # h5py, which listing runs does without

        arrays, attributes = read(data)
        found = str(attributes.get("format"))
        if found in _HOLDS and wanted is not None and found != wanted:
            raise NotARun(f"holds {_HOLDS[found]}, not {_HOLDS[wanted]}", help=f"workbench show {path}")
        if found not in _HOLDS:
            raise LayoutWrong(f"its attribute format is {printable(found)}; {' or '.join(_HOLDS)} is wanted")
        for name in ("format_version", "run_id", "status"):
            if attributes.get(name) != (said := getattr(seal, name)):
                raise LayoutWrong(
                    f"its attribute {name} is {printable(attributes.get(name))} where the seal says {said}"
                )
        return Sealed(seal, arrays, found)


@contextmanager
def placed(path: Path) -> Iterator[None]:
    """Errors about what a file holds bear its name."""
    try:
        yield
    except (HDF5Refused, LayoutWrong, NotARun) as refusal:
        refusal.at(Where(str(path)))
        raise


def check_replaceable(path: Path, format: str) -> None:
    """Nothing stands there, or a sound file of this format; raises what `read_sealed` raises for any other."""
    if path.is_symlink() or path.exists():
        read_sealed(path, format)


def write_sealed(
    path: Path,
    entries: Sequence[Entry],
    groups: Sequence[str],
    *,
    format: str,
    run_id: str,
    status: str,
    about: Mapping[str, Any],
) -> None:
    """Put a new sealed file in the place of `path`, all of it or nothing, as its first commit.

    A file of another format is not written over: raises NotARun (R003), RunDamaged (R002) for what is damaged, DiskFull
    (R006), NotWritable (R007) or WriteFailed (R008).
    """
    from .hdf5 import build

    make_folder(path.parent)
    check_replaceable(path, format)
    attributes: dict[str, Attribute] = {
        "Conventions": "CF-1.11",
        "format": format,
        "format_version": FORMAT_VERSION,
        "run_id": run_id,
        "status": status,
    }
    image = build(entries, groups, attributes).getbuffer()
    body = image[BLOCK:]
    seal = Seal(len(image), digest(body), 1, run_id, status, about)
    replace_file(path, [seal.block(), body])
