"""A Dataset: what was observed, as contiguous ragged arrays over trajectories."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..errors.data import ColumnMissing, DatasetInconsistent
from ..errors.nearest import did_you_mean


@dataclass(frozen=True, eq=False)
class Inputs:
    """Measured inputs on a clock of their own, trajectory after trajectory."""

    names: tuple[str, ...]
    t: np.ndarray  # (sample,), strictly increasing within a trajectory
    values: np.ndarray  # (sample, input), finite
    row_size: np.ndarray  # (trajectory,) samples of each trajectory

    def __post_init__(self) -> None:
        _freeze(self, names="names")
        _check_ragged("inputs", self.t, self.values, self.row_size, len(self.names), strictly=True)
        if not np.isfinite(self.values).all():
            raise DatasetInconsistent("inputs hold values that are not finite", help="give every input at every sample")

    @cached_property
    def starts(self) -> np.ndarray:
        """The first sample of each trajectory (trajectory,)."""
        return np.concatenate([[0], np.cumsum(self.row_size)[:-1]]).astype(np.int64)

    def rows(self, trajectory: int) -> slice:
        """The samples of one trajectory."""
        return slice(int(self.starts[trajectory]), int(self.starts[trajectory] + self.row_size[trajectory]))

    def select(self, trajectories: np.ndarray) -> Inputs:
        """The inputs of some `trajectories` (number,), in the order given."""
        rows = _gather(self.starts, self.row_size, trajectories)
        return Inputs(self.names, self.t[rows], self.values[rows], self.row_size[trajectories])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Observations of one or more trajectories; every array is read-only.

    Times are finite and increase within a trajectory (equal times in a row are replicates); NaN in `values` is a value
    that was not observed. Raises DatasetInconsistent (D035) where the arrays do not fit each other.

    >>> data = Dataset(t=[0, 1, 2, 0, 1], values=[[1], [2], [3], [4], [5]], row_size=[3, 2], channels=("x",))
    >>> data.n_trajectories, data.trajectories, data.t[data.rows(1)].tolist()
    (2, ('1', '2'), [0.0, 1.0])
    """

    t: np.ndarray  # (observation,) float64
    values: np.ndarray  # (observation, channel) float64, NaN = missing
    row_size: np.ndarray  # (trajectory,) int64
    channels: tuple[str, ...]
    trajectories: tuple[str, ...] = ()  # "1", "2", … where no names are given
    inputs: Inputs | None = None
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)  # name → (trajectory,)
    units: Mapping[str, str] = field(default_factory=dict)  # channel, input, covariate or time → unit
    time: str = "t"
    source: str = ""  # the file, or what made the data
    sha256: str = ""  # of the raw bytes of the file
    notes: tuple[str, ...] = ()  # what was guessed or left out, to be said aloud
    sd: np.ndarray | None = None  # (observation, channel) standard deviation of each value; NaN: none is known

    def __post_init__(self) -> None:
        _freeze(self, names="channels")
        n = len(self.row_size)
        names = tuple(str(name) for name in self.trajectories) or tuple(str(i + 1) for i in range(n))
        object.__setattr__(self, "trajectories", names)
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "units", dict(self.units))
        object.__setattr__(self, "covariates", {k: _frozen(v, np.float64) for k, v in self.covariates.items()})
        _check_ragged("data", self.t, self.values, self.row_size, len(self.channels), strictly=False)
        if self.sd is not None:
            object.__setattr__(self, "sd", _frozen(self.sd, np.float64))
            _check_deviations(self.values, self.sd, self.channels)
        if len(set(names)) != n or len(names) != n:
            raise DatasetInconsistent(f"{len(set(names))} distinct trajectory names for {n} trajectories")
        for name, covariate in self.covariates.items():
            if covariate.shape != (n,):
                raise DatasetInconsistent(f"covariate {name!r} has shape {covariate.shape}; ({n},) is wanted")
        if self.inputs is not None and len(self.inputs.row_size) != n:
            raise DatasetInconsistent(f"inputs for {len(self.inputs.row_size)} trajectories; {n} are wanted")

    @property
    def n_trajectories(self) -> int:
        """How many trajectories there are."""
        return len(self.row_size)

    @property
    def n_channels(self) -> int:
        """How many channels are observed."""
        return len(self.channels)

    @property
    def n_observations(self) -> int:
        """Rows over all trajectories; a row is one time at which at least one channel was observed."""
        return len(self.t)

    @cached_property
    def mask(self) -> np.ndarray:
        """Which values were observed (observation, channel) bool."""
        return _frozen(self.values == self.values, np.bool_)

    @cached_property
    def trajectory_of(self) -> np.ndarray:
        """The trajectory that each observation belongs to (observation,) int64."""
        return _frozen(np.repeat(np.arange(self.n_trajectories), self.row_size), np.int64)

    @cached_property
    def starts(self) -> np.ndarray:
        """The first observation of each trajectory (trajectory,) int64."""
        return _frozen(np.concatenate([[0], np.cumsum(self.row_size)[:-1]]), np.int64)

    @property
    def measured(self) -> tuple[str, ...]:
        """The channels whose values bring standard deviations."""
        if self.sd is None:
            return ()
        return tuple(name for name, column in zip(self.channels, self.sd.T, strict=True) if np.isfinite(column).any())

    def rows(self, trajectory: int) -> slice:
        """The observations of one trajectory."""
        return slice(int(self.starts[trajectory]), int(self.starts[trajectory] + self.row_size[trajectory]))

    def padded(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """ts (trajectory, time), ys (trajectory, time, channel) and index (trajectory, time) into observations.

        Shorter trajectories end in NaN times and values, and in index −1.
        """
        column = np.arange(int(self.row_size.max()))
        index = np.where(column < self.row_size[:, None], self.starts[:, None] + column, -1)
        inside = index >= 0
        ts = np.where(inside, self.t[index], np.nan)
        ys = np.where(inside[..., None], self.values[index], np.nan)
        return ts, ys, index

    def select(self, trajectories: Sequence[int | str] | np.ndarray) -> Dataset:
        """Some `trajectories` (number or name,), in the order given."""
        chosen = np.array([self._number(which) for which in trajectories], dtype=np.int64)
        rows = _gather(self.starts, self.row_size, chosen)
        return replace(
            self,
            t=self.t[rows],
            values=self.values[rows],
            sd=None if self.sd is None else self.sd[rows],
            row_size=self.row_size[chosen],
            trajectories=tuple(self.trajectories[i] for i in chosen),
            inputs=None if self.inputs is None else self.inputs.select(chosen),
            covariates={name: covariate[chosen] for name, covariate in self.covariates.items()},
        )

    def with_channels(self, names: Sequence[str]) -> Dataset:
        """The channels of these `names`, in their order; rows in which none of them was observed are kept.

        Raises ColumnMissing.
        """
        for name in names:
            if name not in self.channels:
                raise ColumnMissing(
                    f"no channel is named {name!r}; there are {', '.join(self.channels)}",
                    help=did_you_mean(name, self.channels, "name one of these"),
                )
        chosen = [self.channels.index(name) for name in names]
        sd = None if self.sd is None else self.sd[:, chosen]
        return replace(self, values=self.values[:, chosen], sd=sd, channels=tuple(names))

    def content_sha256(self) -> str:
        """A hash of what was observed: names, times, values, their deviations, inputs and covariates.

        Neither the file nor the notes are in it.
        """
        digest = hashlib.sha256()
        for part in (self.time, *self.channels, "", *self.trajectories, ""):
            digest.update(part.encode() + b"\0")
        arrays = [self.t, self.values, self.row_size]
        for name, covariate in sorted(self.covariates.items()):
            digest.update(name.encode() + b"\0")
            arrays.append(covariate)
        if self.inputs is not None:
            digest.update("\0".join(self.inputs.names).encode())
            arrays += [self.inputs.t, self.inputs.values, self.inputs.row_size]
        if self.sd is not None:
            digest.update(b"sd\0")
            arrays.append(self.sd)
        for array in arrays:
            plain: np.ndarray = np.where(array == array, array + 0, np.nan)  # one NaN, one zero
            digest.update(repr(array.shape).encode() + plain.astype("<f8").tobytes())
        return digest.hexdigest()

    def _number(self, which: int | str) -> int:
        if isinstance(which, str):
            if which not in self.trajectories:
                raise ColumnMissing(
                    f"no trajectory is named {which!r}",
                    help=did_you_mean(which, self.trajectories, f"there are {_some(self.trajectories)}"),
                )
            return self.trajectories.index(which)
        if not -self.n_trajectories <= which < self.n_trajectories:
            raise ColumnMissing(f"no trajectory has number {which}; there are {self.n_trajectories}, counted from 0")
        return int(which) % self.n_trajectories


def _frozen(array: object, dtype: type) -> np.ndarray:
    """The array in C order and of this type, read-only; copied unless it is read-only already."""
    plain: np.ndarray = np.ascontiguousarray(array, dtype=dtype)
    if plain is array and plain.flags.writeable:
        plain = plain.copy()
    plain.flags.writeable = False
    return plain


def _freeze(owner: Dataset | Inputs, names: str) -> None:
    """Put the arrays of a frozen dataclass into their final types, read-only."""
    object.__setattr__(owner, names, tuple(str(name) for name in getattr(owner, names)))
    for name, dtype in (("t", np.float64), ("values", np.float64), ("row_size", np.int64)):
        object.__setattr__(owner, name, _frozen(getattr(owner, name), dtype))


def _check_ragged(
    what: str, t: np.ndarray, values: np.ndarray, row_size: np.ndarray, n_names: int, *, strictly: bool
) -> None:
    """Raise DatasetInconsistent unless t, values and row_size describe trajectories of increasing time."""
    if t.ndim != 1 or values.shape != (len(t), n_names):
        raise DatasetInconsistent(
            f"{what}: values have shape {values.shape}; {(len(t), n_names)} is wanted: a row a time, a column a name"
        )
    if row_size.ndim != 1 or not len(row_size) or row_size.min() < 1 or row_size.sum() != len(t):
        raise DatasetInconsistent(f"{what}: row_size must be positive and add up to the {len(t)} rows")
    if not np.isfinite(t).all():
        raise DatasetInconsistent(f"{what}: times must be finite")
    if np.isinf(values).any():
        raise DatasetInconsistent(f"{what}: values must be finite, or NaN where missing")
    step = np.diff(t)
    step[np.cumsum(row_size)[:-1] - 1] = 1.0  # from one trajectory to the next
    if (step <= 0).any() if strictly else (step < 0).any():
        raise DatasetInconsistent(f"{what}: times must increase within a trajectory", help="sort the rows by time")


def _check_deviations(values: np.ndarray, sd: np.ndarray, channels: tuple[str, ...]) -> None:
    """Raise DatasetInconsistent unless every value of a channel with standard deviations has one above 0."""
    if sd.shape != values.shape:
        raise DatasetInconsistent(f"data: sd has shape {sd.shape}; {values.shape} is wanted, as the values have")
    for name, column, series in zip(channels, sd.T, values.T, strict=True):
        if np.isfinite(column).any() and not (column[np.isfinite(series)] > 0).all():
            raise DatasetInconsistent(f"data: not every value of {name} has a standard deviation above 0")
    if np.isinf(sd).any():
        raise DatasetInconsistent("data: standard deviations must be finite, or NaN where there are none")


def _gather(starts: np.ndarray, row_size: np.ndarray, trajectories: np.ndarray) -> np.ndarray:
    """The rows of some trajectories, one after the other."""
    sizes = row_size[trajectories]
    ends = np.cumsum(sizes)
    return np.arange(sizes.sum()) + np.repeat(starts[trajectories] - (ends - sizes), sizes)


def _some(names: Sequence[str]) -> str:
    """The first names of a long list."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
