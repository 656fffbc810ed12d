"""From a Table to a Dataset: roles, order, checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ..errors.counting import count
from ..errors.data import ConstantChannel, NoRows, TooFewRows, ValueMissing
from ..errors.usage import UsageError
from .clock import read_clock
from .columns import Columns
from .dataset import Dataset
from .deviations import deviations
from .drives import check_begin, covariate_values, held_to_the_end, measured_inputs
from .numbers import missing_markers
from .order import Dedupe, Rows, merge_repeats, order_rows
from .roles import Roles, assign_roles
from .sampling import with_times
from .table import Table
from .trajectories import group_codes, separating_columns


def assemble(
    table: Table,
    *,
    time: str | None = None,
    states: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    trajectory: str | None = None,
    covariates: Sequence[str] | Mapping[str, str] = (),
    map: Mapping[str, str] | None = None,
    missing: str | Sequence[str] | bool | None = None,
    sort: bool = False,
    dedupe: Dedupe | None = None,
    replicates: bool = False,
    start: float | str | None = None,
    sample_time: float | None = None,
    sigma: Mapping[str, str] | None = None,
    to_fit: bool = True,
) -> Dataset:
    """The Dataset in a table: which column means what is as given, else guessed and said in `notes`.

    `time`, `states`, `inputs` and `trajectory` are columns. `map` names channels and inputs after columns
    (observed=column); `covariates` are constant in each trajectory (names, or covariate=column); `missing` lists the
    cells that mean "not observed" (`blank,nan,NA`; True is blank and nan). Repeated times are an error unless kept
    (`replicates`) or merged (`dedupe` mean, first or last), unsorted ones unless sorted (`sort`). `start` is where the
    solve begins: a number, or for a column of dates the date that is time 0; no observation may lie before it.
    `sample_time` is the time between rows where no column holds times: each trajectory's first row is at 0. `sigma`
    names the columns of the values' standard deviations (channel=column). Without `to_fit`, one observed time a
    trajectory will do (a start), and a channel may be the same in every row. Raises NoRows and its like, the errors
    D010–D062, with file, line and column, and UsageError for options that exclude each other.
    """
    if dedupe not in (None, "mean", "first", "last"):
        raise UsageError(f"dedupe {dedupe!r} is unknown", help="--dedupe mean, first or last")
    if dedupe and replicates:
        raise UsageError("--dedupe merges repeated times and --replicates keeps them", help="pass one of the two")
    if sigma and dedupe == "mean":
        raise UsageError(
            "--dedupe mean would need the standard deviations of means",
            help="--replicates keeps every value with its own",
        )
    if not table.n_rows:
        raise NoRows("there are no rows", help="at least two rows are wanted", where=table.where())
    map = map or {}
    if not isinstance(covariates, Mapping):
        covariates = {each: map.get(each, each) for each in _several(covariates)}
    columns = Columns(table, missing_markers(missing))
    if sample_time is not None:
        if time is not None:
            raise UsageError("--time names a column and --sample-time replaces it", help="pass one of the two")
        table, time = with_times(columns, float(sample_time), trajectory)
        columns = Columns(table, missing_markers(missing))
    roles = assign_roles(
        columns,
        time=time,
        states=_several(states) or None,
        inputs=_several(inputs),
        trajectory=trajectory,
        covariates=covariates,
        map=map,
        sigma=tuple(dict.fromkeys((sigma or {}).values())),
    )
    t, time_unit, said = read_clock(columns, roles.time, start)
    codes, names = group_codes(columns, roles.trajectory)
    rows, sorted_ = order_rows(
        columns,
        roles.time,
        t,
        codes,
        names,
        sort=sort,
        keep_repeats=replicates or dedupe is not None,
        separating=lambda: separating_columns(columns, t, roles.time),
    )
    notes = [*table.notes, *roles.notes, *said, *sorted_]
    by_covariate = {
        name: covariate_values(columns, name, column, rows, names) for name, column in roles.covariates.items()
    }
    measured = {name: map.get(name, name) for name in roles.inputs}
    values = _matrix(columns, roles.states.values(), rows)
    sd = deviations(columns, sigma, roles.states, rows, values) if sigma else np.zeros((len(values), 0))
    driven = _matrix(columns, measured.values(), rows)
    if dedupe:
        n, width, height = len(rows.t), values.shape[1], sd.shape[1]
        rows, both = merge_repeats(rows, np.hstack([values, sd, driven]), dedupe)
        values, sd, driven = np.split(both, [width, width + height], axis=1)
        if len(rows.t) < n:
            notes.append(f"{count(n - len(rows.t), 'row')} with repeated times merged ({dedupe})")
    made_inputs = measured_inputs(columns, measured, rows, driven, names) if measured else None
    observed = ~np.isnan(values).all(axis=1)
    if not observed.all():
        notes.append(f"{count(int((~observed).sum()), 'row')} without any observed value left out")
    if np.isnan(values[observed]).any():
        notes.append(f"{int(np.isnan(values[observed]).sum())} missing values")
    kept = rows.where(observed)
    values = values[observed]
    _check_sizes(columns, roles.time, rows, kept, names, 2 if to_fit else 1)
    if made_inputs is not None:
        check_begin(columns, made_inputs, kept, names)
        notes += held_to_the_end(made_inputs, kept, names)
    _check_channels(columns, roles, kept, values, to_fit)
    units = {
        name: table.units[column]
        for name, column in {**roles.states, **measured, **roles.covariates}.items()
        if column in table.units
    }
    return Dataset(
        t=kept.t,
        values=values,
        sd=sd[observed] if sigma else None,
        row_size=np.bincount(kept.code, minlength=len(names)),
        channels=tuple(roles.states),
        trajectories=names,
        inputs=made_inputs,
        covariates=by_covariate,
        units=units | ({roles.time: time_unit} if time_unit else {}),
        time=roles.time,
        source=table.file,
        sha256=table.sha256,
        notes=tuple(notes),
    )


def _several(names: Sequence[str] | None) -> tuple[str, ...]:
    """The names as a tuple; one name may stand alone."""
    return (names,) if isinstance(names, str) else tuple(names or ())


def _matrix(columns: Columns, names: Collection[str], rows: Rows) -> np.ndarray:
    """Columns side by side in the order of the rows (kept, column)."""
    matrix = np.empty((len(rows.row), len(names)))
    for number, name in enumerate(names):
        matrix[:, number] = columns.numbers(name)[rows.row]
    return matrix


def _check_sizes(columns: Columns, time: str, rows: Rows, kept: Rows, names: tuple[str, ...], least: int) -> None:
    """Raise TooFewRows for a trajectory with fewer than the least number of distinct times."""
    times = np.bincount(kept.code[~kept.repeats()], minlength=len(names))
    if times.min() < least:
        short = int(np.argmin(times))
        row = int(rows.row[np.searchsorted(rows.code, short)])
        which = f"trajectory {names[short]} has" if len(names) > 1 else "there is"
        count = "only 1 observed time" if times[short] else "no observed time"
        raise TooFewRows(
            f"{which} {count}; at least {least} {'are' if least > 1 else 'is'} needed",
            help="add rows, or leave the trajectory out" if len(names) > 1 else "add rows",
            where=columns.table.where(row, time),
        )


def _check_channels(columns: Columns, roles: Roles, kept: Rows, values: np.ndarray, to_fit: bool) -> None:
    """Raise ValueMissing for a channel that was never observed, ConstantChannel to fit one that never changes."""
    help = "leave it out by naming the others in --states"
    for (channel, column), series in zip(roles.states.items(), values.T, strict=True):
        seen = series[series == series]
        if not len(seen):
            where = columns.table.where(int(kept.row[0]), column)
            raise ValueMissing(f"channel {channel!r} was never observed", help=help, where=where)
        if to_fit and seen.min() == seen.max():
            where = columns.table.where(int(kept.row[0]), column)
            message = f"channel {channel!r} is {seen[0]:.12g} in every row: there is nothing to explain"
            raise ConstantChannel(message, help=help, where=where)
