"""The small forms in which options are typed: lists, pairs, durations, percentages, times, states."""

from __future__ import annotations

import re
from typing import Any

import click

from ..errors.usage import TextMalformed

SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


class Form(click.ParamType):
    """A click type around a function that reads text; values from configuration files pass as they are."""

    def __init__(self, name: str, read: Any) -> None:
        self.name = name
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value that the text means; raises TextMalformed with the name of the option."""
        option = param.opts[-1] if param and param.opts else self.name
        return self.read(value, option) if isinstance(value, (str, int, float)) else value


def names(text: Any, option: str) -> tuple[str, ...]:
    """`hare, lynx` as ("hare", "lynx").

    >>> names("hare, lynx", "--states")
    ('hare', 'lynx')
    """
    found = tuple(part.strip() for part in str(text).split(","))
    if not all(found):
        raise TextMalformed(f'{option} is "{text}"', help=f"write names with commas between, as in {option} hare,lynx")
    return found


def pair(text: Any, option: str) -> tuple[str, str]:
    """`hare=lognormal` as ("hare", "lognormal").

    >>> pair("hare=lognormal", "--noise")
    ('hare', 'lognormal')
    """
    key, equals, value = (part.strip() for part in str(text).partition("="))
    if not (key and equals and value):
        raise TextMalformed(f'{option} is "{text}"', help=f"write {option} name=value")
    return key, value


def seconds(text: Any, option: str) -> float:
    """`90`, `90s`, `1.5min`, `2h` or `500ms` in seconds.

    >>> seconds("1.5min", "--max-time"), seconds("90", "--max-time")
    (90.0, 90.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", str(text).strip())
    if not match or (match[2] or "s") not in SECONDS or float(match[1]) <= 0:
        raise TextMalformed(f'{option} is "{text}"', help=f"write a duration, as in {option} 60s, 5min or 2h")
    return float(match[1]) * SECONDS[match[2] or "s"]


def percent(text: Any, option: str) -> float:
    """`95` or `95%` as 95.0, from 1 to below 100: 0.95 is a share, and is asked for in percent.

    >>> percent("95%", "--interval")
    95.0
    """
    body = str(text).strip().removesuffix("%")
    try:
        value = float(body)
    except ValueError:
        value = -1.0
    if 0.0 < value < 1.0:
        raise TextMalformed(f'{option} is "{text}", and takes percent', help=f"write {option} {100 * value:g}")
    if not 1.0 <= value < 100.0:
        raise TextMalformed(f'{option} is "{text}"', help=f"write a percentage below 100, as in {option} 95")
    return value


def numbers(text: Any, option: str) -> tuple[float, ...]:
    """`0, 0.5, 1` as numbers, or `0:10:101` as 101 of them from 0 to 10, both ends included.

    >>> numbers("0, 0.5", "--times"), numbers("0:1:3", "--times")
    ((0.0, 0.5), (0.0, 0.5, 1.0))
    """
    body = str(text)
    try:
        if ":" in body:
            first, last, count = body.split(":")
            n = int(count)
            if n < 2:
                raise ValueError(count)
            from ..workflow.grids import evenly

            return tuple(evenly(_finite(first), _finite(last), n).tolist())
        return tuple(_finite(part) for part in body.split(","))
    except ValueError:
        help = f"write {option} 0,0.5,1 or, as first:last:count, {option} 0:10:101"
        raise TextMalformed(f'{option} is "{text}"', help=help) from None


def span(text: Any, option: str) -> tuple[float, float]:
    """`0:10` or `0,10` as (0.0, 10.0).

    >>> span("0:10", "--span")
    (0.0, 10.0)
    """
    try:
        first, last = (_finite(part) for part in re.split("[:,]", str(text)))
    except ValueError:
        first, last = 0.0, 0.0
    if first == last:
        raise TextMalformed(f'{option} is "{text}"', help=f"write first:last, as in {option} 0:10")
    return first, last


def states(text: Any, option: str) -> tuple[float, ...] | dict[str, float]:
    """`30,4` as numbers in the order of the states, `hare=30,lynx=4` as numbers by name.

    >>> states("30,4", "--x0"), states("hare=30", "--x0")
    ((30.0, 4.0), {'hare': 30.0})
    """
    parts = str(text).split(",")
    try:
        if "=" in str(text):
            return {key: _finite(value) for key, value in (pair(part, option) for part in parts)}
        return tuple(_finite(part) for part in parts)
    except ValueError:
        help = f"write {option} 30,4 or {option} hare=30,lynx=4"
        raise TextMalformed(f'{option} is "{text}"', help=help) from None


def _finite(text: str) -> float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


NAMES = Form("names", names)
PAIR = Form("name=value", pair)
SECONDS_FORM = Form("duration", seconds)
PERCENT = Form("percent", percent)
NUMBERS = Form("numbers", numbers)
SPAN = Form("first:last", span)
STATES = Form("values", states)
