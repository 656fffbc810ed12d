"""Opening a sealed file, whatever it holds."""

from __future__ import annotations

from pathlib import Path

from .reproduction import Reproduction
from .run import Run
from .schema import FORMAT
from .sealed import read_sealed


def open_file(path: Path | str) -> Run | Reproduction:
    """The run or the reproduction in the file at `path`, its seal, structure, layout and shapes found in order.

    Raises as `Run.open` does.
    """
    path = Path(path)
    sealed = read_sealed(path)
    return Run.of(sealed, path) if sealed.format == FORMAT else Reproduction.of(sealed, path)
