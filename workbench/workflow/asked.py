"""What a caller asks a fit to change, in the forms that Python takes; others are refused with what is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from numbers import Real
from typing import Any

from ..errors.usage import UsageError
from .changes import Changes


def changes_of(
    noise: Any = None, start_values: Any = None, free: Any = (), fix: Any = (), scales: Any = None, limits: Any = None
) -> Changes:
    """The changes that the keywords of `fit` ask for; raises UsageError for what has another form."""
    kinds = _mapping("noise", noise, '{"x": "student"}')
    for channel, kind in kinds.items():
        _require(isinstance(kind, str), f"noise[{channel!r}] is {kind!r}, and no name", 'noise={"x": "student(3)"}')
    values = _mapping("start_values", start_values, '{"k": 0.5}')
    for name, value in values.items():
        number = isinstance(value, Real) and not isinstance(value, bool)  # which ones go is said beside the bounds
        _require(number, f"start_values[{name!r}] is {value!r}, and no number", 'start_values={"k": 0.5}')
    known = _mapping("scales", scales, '{"x": 0.1}')
    for channel, scale in known.items():
        sound = scale == "fit" or (_is_number(scale) and 0 < scale < inf)
        _require(sound, f"scales[{channel!r}] is {scale!r}", 'a number above 0, or "fit": scales={"x": 0.1}')
    ends = {channel: _ends(channel, pair) for channel, pair in _mapping("limits", limits, '{"x": (0, 10)}').items()}
    numbers = {name: float(value) for name, value in values.items()}
    return Changes(kinds, numbers, _names("free", free), _names("fix", fix), known, ends)


def require_counts(*, seed: Any, starts: Any, iterations: Any, max_time: Any) -> None:
    """Raises UsageError for a seed, starts or limits of a fit that are none."""
    for name, value, least in (("seed", seed, 0), ("starts", starts, 1), ("iterations", iterations, 1)):
        whole = _is_number(value) and float(value).is_integer() and value >= least
        optional = value is None and name == "iterations"
        _require(whole or optional, f"{name} is {value!r}", f"a whole number from {least} on: {name}={max(least, 3)}")
    sound = max_time is None or (_is_number(max_time) and max_time >= 0)
    _require(sound, f"max_time is {max_time!r}", "a number of seconds: max_time=60")


def _mapping(name: str, given: Any, example: str) -> dict[str, Any]:
    _require(
        given is None or isinstance(given, Mapping),
        f"{name} is {given!r}, which does not say what it is for",
        f"{name}={example}",
    )
    return dict(given or {})


def _names(name: str, given: Any) -> tuple[str, ...]:
    """Names; one alone is a name too, and not its letters."""
    names = (given,) if isinstance(given, str) else tuple(given or ())
    _require(all(isinstance(each, str) for each in names), f"{name} is {given!r}", f'names: {name}=["k", "x(0)"]')
    return names


def _ends(channel: str, pair: Any) -> tuple[float, float]:
    """Both ends of a range; None leaves a side open."""
    example = f'a pair, None where a side is open: limits={{"{channel}": (0, 10)}}'
    two = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
    sound = two and all(end is None or (isinstance(end, Real) and end == end) for end in pair)
    _require(sound, f"limits[{channel!r}] is {pair!r}", example)
    lower, upper = (-inf if pair[0] is None else float(pair[0])), (inf if pair[1] is None else float(pair[1]))
    _require(lower < upper, f"limits[{channel!r}] is {pair!r}, whose lower end is not below the upper one", example)
    return lower, upper


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and isfinite(value)


def _require(sound: bool, message: str, help: str) -> None:
    if not sound:
        raise UsageError(message, help=help)
