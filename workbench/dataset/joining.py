"""Several files as one Dataset: each brings trajectories of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import Where
from ..errors.data import ColumnMissing
from .dataset import Dataset, Inputs


def joined(parts: Sequence[Dataset]) -> Dataset:
    """All trajectories of several `parts`, in order; channels, inputs and covariates as the first one has them.

    A trajectory is called after its file, and where a file holds several also by its name there. Raises ColumnMissing
    (D010) where a file lacks what the first one has.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        _require_alike(first, part)
    notes = [f"{Path(part.source).name or part.source}: {note}" for part in parts for note in part.notes]
    same = len({part.notes for part in parts}) == 1
    return replace(
        first,
        t=np.concatenate([part.t for part in parts]),
        values=np.concatenate([part.with_channels(first.channels).values for part in parts]),
        sd=_deviations(parts),
        row_size=np.concatenate([part.row_size for part in parts]),
        trajectories=_names(parts),
        inputs=_inputs(parts),
        covariates={name: np.concatenate([part.covariates[name] for part in parts]) for name in first.covariates},
        units={name: unit for part in reversed(parts) for name, unit in part.units.items()},
        source=f"{first.source} and {len(parts) - 1} more",
        sha256=hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest(),
        notes=first.notes if same else tuple(notes),
    )


def _require_alike(first: Dataset, part: Dataset) -> None:
    for kind, wanted, there in (
        ("channel", first.channels, part.channels),
        ("input", first.inputs.names if first.inputs else (), part.inputs.names if part.inputs else ()),
        ("covariate", tuple(first.covariates), tuple(part.covariates)),
        ("column of deviations of", first.measured, part.measured),
    ):
        odd = sorted(set(wanted) ^ set(there))
        if odd:
            lacking = part if odd[0] in wanted else first
            raise ColumnMissing(
                f"the {kind} {odd[0]!r} is missing here, which another file has",
                help="name the columns that all files have: --states, --inputs",
                where=Where(lacking.source),
            )


def _names(parts: Sequence[Dataset]) -> tuple[str, ...]:
    stems = [Path(part.source).stem or str(number) for number, part in enumerate(parts, start=1)]
    called = [stem if stems.count(stem) == 1 else f"{stem}-{number}" for number, stem in enumerate(stems, start=1)]
    return tuple(
        stem if part.n_trajectories == 1 else f"{stem}:{name}"
        for stem, part in zip(called, parts, strict=True)
        for name in part.trajectories
    )


def _deviations(parts: Sequence[Dataset]) -> np.ndarray | None:
    found = [part.with_channels(parts[0].channels).sd for part in parts]
    return np.concatenate([each for each in found if each is not None]) if found[0] is not None else None


def _inputs(parts: Sequence[Dataset]) -> Inputs | None:
    names = parts[0].inputs.names if parts[0].inputs is not None else ()
    found = [part.inputs for part in parts if part.inputs is not None]
    if not found:
        return None
    return Inputs(
        names,
        np.concatenate([each.t for each in found]),
        np.concatenate([each.values[:, [each.names.index(name) for name in names]] for each in found]),
        np.concatenate([each.row_size for each in found]),
    )
