"""A Reproduction: one experiment, run once, with everything that it found.

Its file has four entries: `/config`, `/provenance` and `/timings`, each one JSON text, and `/findings`, a tree as in
run files: `/findings/tree` holds tables, claims and notes, and every curve of a picture is an array beside it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors.base import WorkbenchError
from ..errors.store import LayoutWrong
from ..errors.usage import UsageError
from ..findings import Claim, Column, Findings, Panel, Picture, Raster, ResultTable, Series
from . import columns, documents, tree
from .entry import Entry, printable, untext
from .schema import FINDINGS
from .sealed import Sealed, placed, read_sealed, write_sealed

STATUS = "done"
_DOCUMENTS = ("config", "provenance", "timings")


@dataclass(frozen=True, eq=False, kw_only=True)
class Reproduction:
    """What an experiment found, how it was asked (`config`: experiment, quick, seeds, options, data), and where."""

    findings: Findings
    config: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)  # versions, plugin, machine
    timings: dict[str, Any] = field(default_factory=dict)  # seconds
    path: Path | None = None
    run_id: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def name(self) -> str:
        """The experiment."""
        return str(self.config["experiment"])

    def write(self, path: Path | str) -> Path:
        """Store it in a sealed file and return the path.

        An earlier reproduction there is replaced, and nothing else: raises UsageError for a `path` without .h5, NotARun
        (R003), RunDamaged (R002), DiskFull (R006), NotWritable (R007), WriteFailed (R008), RecordUnstorable (R012).
        """
        path = Path(path)
        if path.suffix != ".h5":
            raise UsageError(f"{path} does not end in .h5, as run files do", help=f"try {path}.h5")
        text, arrays = tree.flatten(asdict(self.findings), "findings")
        entries = [
            columns.json_entry(name, documents.encode(getattr(self, name), name, exact=name == "config"))
            for name in _DOCUMENTS
        ]
        entries += [columns.json_entry("findings/tree", text)]
        entries += [Entry(f"findings/{name}", array) for name, array in arrays.items()]
        about = {"experiment": self.name[:32]}
        write_sealed(path, entries, ("findings",), format=FINDINGS, run_id=self.run_id, status=STATUS, about=about)
        return path

    @classmethod
    def open(cls, path: Path | str) -> Reproduction:
        """The reproduction in a file, read without any plugin; raises as `Run.open` does."""
        path = Path(path)
        return cls.of(read_sealed(path, FINDINGS), path)

    @classmethod
    def of(cls, sealed: Sealed, path: Path) -> Reproduction:
        """The reproduction in a file that was found whole; raises LayoutWrong (R011)."""
        with placed(path):
            return _unpacked(cls, sealed, path)


def _unpacked(cls: type[Reproduction], sealed: Sealed, path: Path) -> Reproduction:
    """What the arrays hold; a stranger's meet checks that were written for ours."""
    arrays = sealed.arrays
    try:
        found: dict[str, Any] = {name: documents.decode(untext(arrays[name])) for name in _DOCUMENTS}
        inside = {name.removeprefix("findings/"): a for name, a in arrays.items() if name.startswith("findings/")}
        findings = _findings(tree.unflatten(untext(inside.pop("tree")), inside))
        if not all(isinstance(document, dict) for document in found.values()):
            raise TypeError("a document is no object")
        if not isinstance(found["config"]["experiment"], str):
            raise TypeError("the experiment has no name")
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError, OverflowError) as reason:
        raise LayoutWrong(f"holds no findings ({printable(f'{type(reason).__name__}: {reason}')})") from reason
    except WorkbenchError as reason:
        raise LayoutWrong(f"its findings do not fit together ({printable(reason.message)})") from reason
    return cls(findings=findings, **found, path=path, run_id=sealed.seal.run_id)


def _findings(stored: Mapping[str, Any]) -> Findings:
    """Findings from plain values, every text and flag of the type that the records say."""
    return Findings(
        tables=tuple(_table(table) for table in stored["tables"]),
        claims=tuple(Claim(**_typed(claim, "checked", "holds")) for claim in stored["claims"]),
        pictures=tuple(_picture(picture) for picture in stored["pictures"]),
        notes=tuple(map(_text, stored["notes"])),
        sources=tuple(map(_text, stored["sources"])),
    )


def _table(stored: Mapping[str, Any]) -> ResultTable:
    heads = tuple(Column(**_typed(column, "checked", "varies")) for column in stored["columns"])
    return ResultTable(_text(stored["title"]), heads, stored["rows"], _text(stored["note"]))


def _picture(stored: Mapping[str, Any]) -> Picture:
    return Picture(_text(stored["name"]), _text(stored["title"]), tuple(map(_panel, stored["panels"])))


def _panel(stored: Mapping[str, Any]) -> Panel:
    raster = stored["raster"]
    rest = {name: value for name, value in stored.items() if name not in ("series", "raster")}
    return Panel(
        series=tuple(Series(**_typed(one, "x", "y", "low", "high")) for one in stored["series"]),
        raster=None if raster is None else Raster(**_typed(raster, "values", "extent")),
        **_typed(rest, "log_x", "log_y", "equal"),
    )


def _typed(stored: Mapping[str, Any], *others: str) -> dict[str, Any]:
    """The fields of a record; all but `others` are texts, and those are flags or arrays."""
    for name, value in stored.items():
        if name not in others:
            _text(value)
        elif value is not None and not isinstance(value, (bool, np.ndarray, tuple)):
            raise TypeError(f"{name} is {type(value).__name__}")
    return dict(stored)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value
