"""Which column of the data measures what a System observes, and which drives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.dataset import Dataset, Inputs
from workbench.errors.nearest import nearest
from workbench.errors.problems import ChannelsUnmatched, DriveMissing

if TYPE_CHECKING:
    from workbench.system import System


def match_channels(system: System, data: Dataset, wanted: Mapping[str, str]) -> tuple[Dataset, tuple[str, ...]]:
    """The data with the channels that the system observes, named and ordered as it does, and what to say aloud.

    By name, then by `wanted` (observed → column), then, where equally many are left over, in order.
    """
    for observed, column in wanted.items():
        if observed in system.observed_names and column not in data.channels and observed not in data.channels:
            raise ChannelsUnmatched(
                f"{observed!r} is mapped to {column!r}, which the data lack; they have {', '.join(data.channels)}",
                help=_near(column, data.channels, f"map it to one of these: --map {observed}=COLUMN"),
            )
    columns = {name: name if name in data.channels else wanted.get(name) for name in system.observed_names}
    found = {name: column for name, column in columns.items() if column}
    missing = [name for name, column in columns.items() if not column]
    extra = [channel for channel in data.channels if channel not in found.values()]
    notes: list[str] = []
    if missing and len(missing) == len(extra):
        found |= dict(zip(missing, extra, strict=True))
        pairs = ", ".join(f"{name}={column}" for name, column in zip(missing, extra, strict=True))
        notes.append(f"matched in order: {pairs} (guessed; --map {missing[0]}=COLUMN overrides)")
        missing, extra = [], []
    if not found:
        raise ChannelsUnmatched(
            f"the problem observes {', '.join(system.observed_names)}, the data have {', '.join(data.channels)}: "
            "none of them match",
            help=f"say which column measures what: --map {system.observed_names[0]}={data.channels[0]}",
        )
    if extra:
        notes.append(f"ignored, for the problem does not observe them: {', '.join(extra)}")
    if missing:
        notes.append(f"not in the data, so treated as hidden: {', '.join(missing)}")
    order = [name for name in system.observed_names if name in found]
    kept = data.with_channels([found[name] for name in order])
    units = {new: data.units[found[new]] for new in order if found[new] in data.units}
    others = {name: unit for name, unit in data.units.items() if name not in data.channels}
    return replace(kept, channels=tuple(order), units=others | units), tuple(notes)


def match_drives(system: System, data: Dataset, wanted: Mapping[str, str]) -> tuple[Dataset, tuple[str, ...]]:
    """The data with the inputs and covariates of the system, named and ordered as it does, and what to say aloud."""
    inputs, notes = _inputs(system, data.inputs, wanted)
    covariates = {}
    for covariate in system.covariates:
        column = covariate.column if covariate.column in data.covariates else covariate.name
        if column not in data.covariates:
            raise DriveMissing(
                f"the equations need the covariate {covariate.name!r} from a column {covariate.column!r} "
                f"that is constant along each trajectory; the data have {', '.join(data.covariates) or 'no covariate'}",
                help=f"add the column, or change [covariates] {covariate.name} = {{ column = … }}",
            )
        covariates[covariate.name] = data.covariates[column]
    return replace(data, inputs=inputs, covariates=covariates), notes


def _inputs(system: System, inputs: Inputs | None, wanted: Mapping[str, str]) -> tuple[Inputs | None, tuple[str, ...]]:
    names = inputs.names if inputs is not None else ()
    columns = {name: name if name in names else wanted.get(name, name) for name in system.input_names}
    missing = [name for name, column in columns.items() if column not in names]
    extra = [name for name in names if name not in columns.values()]
    notes: list[str] = []
    if missing and len(missing) == len(extra):
        columns |= dict(zip(missing, extra, strict=True))
        pairs = ", ".join(f"{name}={columns[name]}" for name in missing)
        notes.append(f"inputs matched in order: {pairs} (guessed; --map {missing[0]}=COLUMN overrides)")
    elif missing:
        raise DriveMissing(
            f"the equations need the input {missing[0]!r}; the data have {', '.join(names) or 'no input'}",
            help=_near(missing[0], names, f"name its column: --inputs {missing[0]}"),
        )
    elif extra:
        notes.append(f"inputs ignored, for the problem does not mention them: {', '.join(extra)}")
    if inputs is None or not columns:
        return None, tuple(notes)
    chosen = [names.index(column) for column in columns.values()]
    return replace(inputs, names=tuple(columns), values=inputs.values[:, chosen]), tuple(notes)


def _near(name: str, among: tuple[str, ...], otherwise: str) -> str:
    found = nearest(name, among)
    return f"did you mean {found!r}?" if found else otherwise
