"""Which column means what: as the user says, else guessed, and every guess said aloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors.data import ColumnTwice
from .columns import Columns
from .guess import guess_states, guess_time, guess_trajectory, named_like_trajectories


@dataclass(frozen=True)
class Roles:
    """The columns that make a Dataset, each by its name in the file."""

    time: str
    states: Mapping[str, str]  # channel → column
    inputs: tuple[str, ...]
    trajectory: str | None
    covariates: Mapping[str, str]  # covariate → column
    notes: tuple[str, ...]


def assign_roles(
    columns: Columns,
    *,
    time: str | None,
    states: Sequence[str] | None,
    inputs: Sequence[str],
    trajectory: str | None,
    covariates: Mapping[str, str],
    map: Mapping[str, str],
    sigma: Sequence[str] = (),
) -> Roles:
    """The roles that were given, checked, and a guess for those that were not.

    Raises ColumnMissing (D010) for a name that no column has, ColumnTwice (D040) for a column with two roles and
    ColumnsUnclear (D031) where nothing can be guessed.
    """
    given: dict[str, str] = {}  # column → its role
    renaming = {column: name for name, column in map.items()}
    for name, column in map.items():
        columns.require(column, f"map {name}={column}", help=f"--map {name}=COLUMN")
    if states is None:
        named = {name: column for name, column in map.items() if name not in (*inputs, *covariates)}
    else:
        named = {renaming.get(name, name): map.get(name, name) for name in states}
    renamed = [map.get(name, name) for name in inputs]
    for role, names in (
        ("time", [time] if time else []),
        ("trajectory", [trajectory] if trajectory else []),
        ("input", renamed),
        ("covariate", covariates.values()),
        ("state", [map.get(name, name) for name in states or named]),
        ("sigma", sigma),
    ):
        _claim(columns, role, names, given)
    free = [name for name in columns.table.columns if name not in given]
    groups = [trajectory] if trajectory else named_like_trajectories(columns, free)
    guessed, flags = [], []
    if time is None:
        time = guess_time(columns, free, groups)
        guessed.append(f'time="{time}"')
        flags.append("--time")
        groups = [name for name in groups if name != time]
    if trajectory is None:
        trajectory = guess_trajectory(columns, time, groups)
        if trajectory is not None:
            guessed.append(f'trajectory="{trajectory}"')
            flags.append("--trajectory")
    free = [name for name in free if name not in (time, trajectory)]
    unused = dict.fromkeys(free, "")
    if states is None:
        named, unused = guess_states(columns, free, trajectory, named)
        guessed.append(f"states={','.join(named)}")
        flags.append("--states")
    notes = [f"{', '.join(guessed)} (guessed; {'/'.join(flags)} override)"] if guessed else []
    if unused:
        listed = [f"{name} ({why})" if why else name for name, why in list(unused.items())[:12]]
        more = f" and {len(unused) - 12} more" if len(unused) > 12 else ""
        notes.append(f"columns not used: {', '.join(listed)}{more}")
    return Roles(time, named, tuple(inputs), trajectory, covariates, tuple(notes))


def _claim(columns: Columns, role: str, names: Iterable[str], given: dict[str, str]) -> None:
    """Note that columns have a role, if they exist and have no other."""
    flag = {"state": "--states", "input": "--inputs"}.get(role, f"--{role}")
    for name in names:
        columns.require(name, role, help=f"{flag} takes the name of a column")
        if given.get(name) == role:
            raise ColumnTwice(f"{name!r} is named twice", help=f"name it once in {flag}", where=columns.table.where())
        if name in given:
            raise ColumnTwice(
                f"column {name!r} is given as {given[name]} and as {role}",
                help="give it one role",
                where=columns.table.where(),
            )
        given[name] = role
