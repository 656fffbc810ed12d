"""What a fit changes in its problem: noise, start values, and which parameters are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Where
from ..errors.data import OutsideSupport
from ..errors.nearest import did_you_mean
from ..errors.usage import UsageError

if TYPE_CHECKING:
    from ..problem import Problem
    from ..system import System
    from ..system.parts import Parameter, State

NOISE = ("gaussian", "lognormal", "poisson")
SUPPORT = {"lognormal": "positive", "poisson": "no negative"}


@dataclass(frozen=True)
class Changes:
    """Channel → noise, parameter → start value, and the names of what is freed and held; `x(0)` is an initial value."""

    noise: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()

    @classmethod
    def stored(cls, config: Mapping[str, Any]) -> Changes:
        """The changes that a run was made with; its noise has been merged with the problem's."""
        return cls(config["noise"], config["set"], tuple(config["free"]), tuple(config["fix"]))

    def made_to(self, problem: Problem) -> Problem:
        """The problem as changed; raises UsageError for a name that it does not have."""
        for channel, kind in self.noise.items():
            if problem.data is not None and channel not in problem.channels:
                raise _unknown("--noise", channel, problem.channels, "channel")
            if kind not in NOISE:
                raise UsageError(f"--noise {channel}={kind} is no kind of noise", help=f"there are {', '.join(NOISE)}")
        system = self._system(problem.system)
        changed = replace(problem, system=system, noise={**problem.noise, **self.noise})
        _require_support(changed)
        return changed

    def _system(self, system: System | None) -> System | None:
        named = [*self.values, *self.free, *self.fix]
        if not named:
            return system
        if system is None:
            raise UsageError(
                f"{named[0]!r} is set, freed or held, but these dynamics have no named parameters",
                help="give equations that have: --problem NAME, of those in: workbench problems",
            )
        parameters = {parameter.name: parameter for parameter in system.parameters}
        states = {f"{state.name}(0)": state for state in system.states}
        both = [*parameters, *states]
        for name, value in self.values.items():
            if name in states:
                _require_inside(name, value, states[name])
                states[name] = replace(states[name], initial=float(value), given=True)
            elif name in parameters:
                _require_inside(name, value, parameters[name])
                parameters[name] = replace(parameters[name], value=float(value))
            else:
                raise _unknown("--set", name, both, "parameter")
        for flag, names, freed in (("--free", self.free, True), ("--fix", self.fix, False)):
            for name in names:
                if name in parameters:
                    parameters[name] = replace(parameters[name], fixed=not freed)
                elif name in states:
                    _require_number(flag, name, states[name].initial)
                    states[name] = replace(states[name], fit=freed)
                else:
                    raise _unknown(flag, name, both, "parameter")
        return replace(system, parameters=tuple(parameters.values()), states=tuple(states.values()))


def _require_support(problem: Problem) -> None:
    """Every observation can have the noise of its channel: lognormal is positive, a Poisson count not negative."""
    data = problem.data
    for channel, kind in problem.noise.items():
        if data is None or channel not in data.channels or kind not in SUPPORT:
            continue
        values = data.values[:, data.channels.index(channel)]
        outside = np.flatnonzero(values <= 0 if kind == "lognormal" else values < 0)
        if len(outside):
            raise OutsideSupport(
                f"channel {channel!r} is {values[outside[0]]:g} at {data.time} = {data.t[outside[0]]:g}; "
                f"{kind} noise takes {SUPPORT[kind]} values",
                help=f"--noise {channel}=gaussian",
                where=Where(data.source) if data.source else None,
            )


def _require_inside(name: str, value: float, thing: Parameter | State) -> None:
    inside = thing.lower <= value <= thing.upper
    if thing.transform == "log":
        inside = inside and value > 0
    if thing.transform == "logit":
        inside = thing.lower < value < thing.upper
    if not inside:
        positive = " and positive" if thing.transform == "log" else ""
        raise UsageError(
            f"--set {name}={value:g} is outside of its bounds",
            help=f"within [{thing.lower:g}, {thing.upper:g}]{positive}",
        )


def _require_number(flag: str, name: str, initial: float | str) -> None:
    if isinstance(initial, str):
        raise UsageError(
            f"{flag} {name}: its initial value is the formula {initial!r}", help=f"{flag} a parameter of that formula"
        )


def _unknown(flag: str, name: str, known: Sequence[str], kind: str) -> UsageError:
    return UsageError(
        f"{flag} names the {kind} {name!r}, which is not there",
        help=did_you_mean(name, known) or f"there are {', '.join(known)}",
    )
