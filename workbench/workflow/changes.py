"""What a fit changes in its problem: noise, start values, and which parameters are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from ..errors.nearest import did_you_mean
from ..errors.usage import UsageError
from ..noise import kind_of
from .contradictions import require_consistent

if TYPE_CHECKING:
    from ..problem import Problem
    from ..system import System
    from ..system.parts import Parameter, State


@dataclass(frozen=True)
class Changes:
    """Channel → noise, its scale and its limits, parameter → start value, and the names of what is freed and held.

    `x(0)` is an initial value; a scale is a number or "fit", limits are a pair, infinite where a side is open.
    """

    noise: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    scales: Mapping[str, float | str] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def stored(cls, config: Mapping[str, Any]) -> Changes:
        """The changes that a run was made with; its noise has been merged with the problem's."""
        limits = {name: _opened(ends) for name, ends in config["noise_limits"].items()}
        free, fix = tuple(config["free"]), tuple(config["fix"])
        return cls(config["noise"], config["set"], free, fix, config["scales"], limits)

    def document(self) -> dict[str, Any]:
        """What `stored` reads back, but for the noise, which is the problem's; JSON has no infinite numbers."""
        limits = {name: [end if isfinite(end) else None for end in ends] for name, ends in self.limits.items()}
        return {
            "set": dict(self.values),
            "free": list(self.free),
            "fix": list(self.fix),
            "scales": dict(self.scales),
            "noise_limits": limits,
        }

    def made_to(self, problem: Problem) -> Problem:
        """The problem as changed; raises UsageError for a name that it does not have."""
        for flag, named in (("--noise", self.noise), ("--scale", self.scales), ("--limits", self.limits)):
            for channel in named if problem.data is not None else ():
                if channel not in problem.channels:
                    raise _unknown(flag, channel, problem.channels, "channel")
        for kind in self.noise.values():
            kind_of(kind)  # raises for what is none
        system = self._system(problem.system)
        measured = problem.data.measured if problem.data is not None else ()
        implied = dict.fromkeys((*measured, *self.scales, *self.limits), "gaussian")
        changed = replace(
            problem,
            system=system,
            noise={**implied, **problem.noise, **self.noise},
            scales={**problem.scales, **self.scales},
            limits={**problem.limits, **self.limits},
        )
        require_consistent(changed)
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


def _opened(ends: Sequence[float | None]) -> tuple[float, float]:
    lower, upper = ends
    return -inf if lower is None else float(lower), inf if upper is None else float(upper)


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
