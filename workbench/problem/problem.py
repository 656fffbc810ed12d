"""The Problem: a question put to data, with what is known about its dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.dataset import Dataset
from workbench.dataset import split as split_parts
from workbench.errors.problems import StartTooLate

from .matching import match_channels, match_drives
from .seen import Seen

if TYPE_CHECKING:
    from workbench.system import Observed, Scaling, System


@dataclass(frozen=True)
class DataFile:
    """Where a problem's observations lie and what their columns mean; nothing is opened before it is needed."""

    path: Path  # beside the problem file
    time: str | None = None
    sample_time: float | None = None  # between rows, where no column holds times
    trajectory: str | None = None
    inputs: tuple[str, ...] = ()
    map: Mapping[str, str] = field(default_factory=dict)  # observed quantity or input → column
    start: float | str | None = None  # the date that is time 0
    missing: str | bool | None = None
    replicates: bool = False  # repeated times are repeated observations


@dataclass(frozen=True, eq=False)
class Problem:
    """Data and what is known of the system behind them; either may be absent, not both.

    Once data are there, their channels bear the names of what the system observes, in the order of `observed`.
    """

    name: str
    system: System | None = None
    data: Dataset | None = None
    part: np.ndarray | None = None  # (observation,) int8: TRAIN, VALIDATION or TEST
    noise: Mapping[str, str] = field(default_factory=dict)  # channel → kind, where declared
    scales: Mapping[str, float | str] = field(default_factory=dict)  # channel → scale of its noise, beside the system's
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # channel → what it can show, likewise
    start: float | None = None  # where solves begin; None: at the first observation of each trajectory
    data_file: DataFile | None = None
    notes: tuple[str, ...] = ()  # what was guessed or left out, to be said aloud

    @property
    def seen(self) -> Seen:
        """What of the data may be looked at before the fit has ended; there must be data."""
        assert self.data is not None, "only data can be looked at"
        return Seen.of(self.data, self.part)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of y: the system's, or the channels where nothing is known."""
        return self.system.state_names if self.system else self.channels

    @property
    def n_states(self) -> int:
        """How many states there are."""
        return len(self.states)

    @property
    def channels(self) -> tuple[str, ...]:
        """What is observed: the data's channels, or what the system could show."""
        if self.data is not None:
            return self.data.channels
        return self.system.observed_names if self.system else ()

    @property
    def noise_scales(self) -> dict[str, float | str]:
        """Channel → the scale of its noise, or "fit", where something is said of it."""
        said = self.system.observed if self.system else ()
        return {each.name: each.scale for each in said if each.scale is not None} | dict(self.scales)

    @property
    def noise_limits(self) -> dict[str, tuple[float, float]]:
        """Channel → the lowest and the highest value that it can show, where there are limits."""
        said = self.system.observed if self.system else ()
        return {each.name: each.limits for each in said if each.limits is not None} | dict(self.limits)

    @property
    def observed(self) -> tuple[Observed, ...]:
        """The system's formula of each channel; () without a system."""
        if not self.system:
            return ()
        known = {observed.name: observed for observed in self.system.observed}
        return tuple(known[channel] for channel in self.channels)

    @property
    def observed_index(self) -> np.ndarray:
        """The place of each channel in the graph's group `observed` (channel,)."""
        names = self.system.observed_names if self.system else self.channels
        return np.array([names.index(channel) for channel in self.channels], dtype=int)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of u."""
        if self.system:
            return self.system.input_names
        return self.data.inputs.names if self.data is not None and self.data.inputs is not None else ()

    @property
    def covariates(self) -> tuple[str, ...]:
        """The names of c."""
        if self.system:
            return self.system.covariate_names
        return tuple(self.data.covariates) if self.data is not None else ()

    def assembly(self, own_file: bool = True) -> dict[str, Any]:
        """What `workbench.dataset.assemble` must be told of the columns: its keyword arguments, so far as known.

        For another file than the problem's own, that is what the equations need: the names of inputs and covariates.
        """
        options: dict[str, Any] = {}
        if self.system:
            options["inputs"] = self.system.input_names
            options["covariates"] = {each.name: each.column for each in self.system.covariates}
            sigma = {each.name: each.sigma for each in self.system.observed if each.sigma}
            options |= {"sigma": sigma} if sigma else {}
        if own_file and (file := self.data_file):
            known = {name: getattr(file, name) for name in ("time", "sample_time", "trajectory", "missing", "start")}
            options |= {name: value for name, value in known.items() if value is not None}
            options |= {"map": dict(file.map)} if file.map else {}
            options |= {"replicates": True} if file.replicates else {}
        return options

    def scaling(self) -> dict[str, Scaling]:
        """Learned term → how its arguments and its output are scaled, by what the data tell outside the test part."""
        from .scaling import scaling

        return scaling(self)

    @property
    def is_curve(self) -> bool:
        """It is a formula of t without states: t need not be a time, and what comes last is no future."""
        return self.system is not None and not self.system.states

    @property
    def own_split(self) -> str:
        """How the data are split where nobody says."""
        return "none" if self.is_curve else "last:20%"

    def with_data(self, dataset: Dataset, split: str | None = None, map: Mapping[str, str] | None = None) -> Problem:
        """The same question put to these data, split as `own_split` says where `split` does not.

        Channels match what is observed by name, through `map` and the problem file's map (observed → column), and,
        where equally many are left over, in order; what was guessed or left out stands in the notes. Raises
        ChannelsUnmatched, DriveMissing and StartTooLate.
        """
        notes: tuple[str, ...] = ()
        if self.system:
            own = self.data_file.map if self.data_file else {}
            columns = (*dataset.channels, *(dataset.inputs.names if dataset.inputs is not None else ()))
            wanted = {name: column for name, column in own.items() if column in columns} | dict(map or {})
            dataset, said = match_channels(self.system, dataset, wanted)
            dataset, more = match_drives(self.system, dataset, wanted)
            notes = (*said, *more)
            _require_start(self.start, dataset)
        if split is None and self.is_curve:
            notes = (*notes, "a curve: nothing is held out (--split overrides)")
        noise = {name: kind for name, kind in self.noise.items() if name in dataset.channels}
        part = split_parts(dataset, self.own_split if split is None else split)
        return replace(self, data=dataset, part=part, noise=noise, notes=(*self.notes, *notes))


def _require_start(start: float | None, dataset: Dataset) -> None:
    """Raises StartTooLate where a trajectory is observed before its solve would begin."""
    if start is None:
        return
    first = dataset.t[dataset.starts]
    late = np.flatnonzero(first < start)
    if late.size:
        name = dataset.trajectories[late[0]]
        raise StartTooLate(
            f"time.start is {start:g}, but trajectory {name!r} is observed from {first[late[0]]:g}",
            help="let solves begin at or before the first observation",
        )
