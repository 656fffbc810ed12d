"""What the declared noise and the data say against each other, refused before a fit begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..dataset import TRAIN
from ..errors import Where
from ..errors.data import AllBeyond, OutsideSupport
from ..errors.usage import UsageError
from ..noise import Kind, kind_of

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem


def require_consistent(problem: Problem) -> None:
    """Every observation can have the noise of its channel, and what is said beside the noise goes with it.

    Raises UsageError, OutsideSupport (D061) and AllBeyond (D063).
    """
    data = problem.data
    if data is None:
        return
    scales, limits = problem.noise_scales, problem.noise_limits
    for channel in data.channels:
        kind = kind_of(problem.noise.get(channel, "gaussian"))
        _require_scale(channel, kind, scales.get(channel), measured=channel in data.measured)
        if channel in data.measured and not kind.sigma:
            raise UsageError(
                f"{kind.name} noise takes no standard deviations of single values, and {channel!r} has some",
                help=f"--noise {channel}=gaussian or {channel}=lognormal, or leave --sigma out",
            )
        if channel in limits:
            _require_limits(channel, kind, limits[channel], problem)
        _require_support(channel, kind, limits.get(channel, (-np.inf, np.inf)), data)


def _require_scale(channel: str, kind: Kind, scale: float | str | None, measured: bool) -> None:
    if scale is None:
        return
    if not kind.scale:
        raise UsageError(f"{kind.name} noise has no scale of its own", help=f"leave --scale {channel} out")
    if measured and scale != "fit":
        raise UsageError(
            f"{channel!r} has standard deviations of single values and the scale {scale:g}",
            help=f"one of both, or --scale {channel}=fit: the deviations count up to a factor",
        )


def _require_limits(channel: str, kind: Kind, limits: tuple[float, float], problem: Problem) -> None:
    lower, upper = limits
    if not kind.limits:
        raise UsageError(
            f"{kind.name} noise takes no limits, and {channel!r} has some",
            help=f"--noise {channel}=gaussian, lognormal or student",
        )
    if not kind.admits(lower, upper):
        raise UsageError(
            f"the limits [{lower:g}, {upper:g}] of {channel!r} are not positive, as {kind.name} values are",
            help=f"--limits {channel}=0.1, or --noise {channel}=gaussian",
        )
    data = problem.data
    assert data is not None
    values = data.values[np.asarray(problem.part) == TRAIN, data.channels.index(channel)]
    if not ((values > lower) & (values < upper)).any():
        raise AllBeyond(
            f"no value of {channel!r} that is fitted lies between its limits {lower:g} and {upper:g}",
            help="correct the limits, or leave the channel out with --states",
            where=Where(data.source) if data.source else None,
        )


def _require_support(channel: str, kind: Kind, limits: tuple[float, float], data: Dataset) -> None:
    """A lognormal value is positive, unless it lies at a limit; a count is whole and not negative."""
    values = data.values[:, data.channels.index(channel)]
    with np.errstate(invalid="ignore"):
        inside = (values > limits[0]) & (values < limits[1])
        bad = np.zeros(len(values), dtype=bool)
        if kind.positive:
            bad = inside & (values <= 0)
        if kind.counts:
            bad = inside & ((values < 0) | (values != np.rint(values)))
    if bad.any():
        first = int(np.argmax(bad))
        raise OutsideSupport(
            f"channel {channel!r} is {values[first]:g} at {data.time} = {data.t[first]:g}; "
            f"{kind.name} noise takes {kind.values} values",
            help=f"--noise {channel}=gaussian",
            where=Where(data.source) if data.source else None,
        )
