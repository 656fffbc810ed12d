"""A method in a TOML file: the fields of `Tableau` or `RosenbrockTableau` as keys, read strictly."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields
from fractions import Fraction
from importlib.resources.abc import Traversable
from typing import Any

from ..errors.base import Where
from ..errors.nearest import did_you_mean
from ..errors.plugins import PluginFileUnusable
from .controllers import CONTROLLERS
from .rosenbrock_tableau import RosenbrockTableau
from .tableau import Tableau

LARGEST_FILE = 256 * 1024  # bytes; dop853 takes 8 thousand
MOST_STAGES = 64
LONGEST_ENTRY = 400  # letters of one coefficient; the longest of vern7 has 143
KINDS = ("explicit", "dirk", "firk", "rosenbrock")

_NUMBER = re.compile(r"[+-]?(\d+(/\d+)?|(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d{1,3})?)", re.ASCII)

Wrong = Callable[..., PluginFileUnusable]


def read_tableau(file: Traversable) -> Tableau | RosenbrockTableau:
    """The method in a file; raises PluginFileUnusable with the file, the key and what was meant.

    `kind` is "explicit", "dirk", "firk" or "rosenbrock", and what the other keys say unless it is given. Coefficients
    are texts ("1/6", "0.161") or whole numbers: a bare 0.161 would be rounded before anyone sees it.
    """

    def wrong(message: str, help: str = "", line: int | None = None, column: int | None = None) -> PluginFileUnusable:
        return PluginFileUnusable(message, help=help, where=Where(str(file), line, column))

    keys = _parsed(file, wrong)
    given = keys.pop("kind", None)
    if given is not None and given not in KINDS:
        hint = did_you_mean(given, KINDS) if isinstance(given, str) else ""
        raise wrong(f"kind is {given!r}, one of {', '.join(KINDS)} was wanted", hint)
    home: type[Tableau | RosenbrockTableau] = Tableau
    if given == "rosenbrock" or (given is None and {"gamma", "m"} & keys.keys()):
        home = RosenbrockTableau
    _check_keys(keys, home, wrong)
    values = {key: _value(key, value, home, wrong) for key, value in keys.items()}
    try:
        method = home(**values)
    except ValueError as error:
        raise wrong(str(error)) from None
    if isinstance(method, Tableau) and given not in (None, _kind(method)):
        rows = {"explicit": "0, 1, 2, …", "dirk": "1, 2, 3, …", "firk": f"{len(method.b)}, {len(method.b)}, …"}
        hint = 'rows of "dirk" hold their diagonal, those of "firk" are full'
        raise wrong(f"kind is {given}, but the rows of a have {rows[_kind(method)]} entries", hint)
    return method


def _kind(method: Tableau) -> str:
    if method.fully_implicit:
        return "firk"
    return "dirk" if method.implicit else "explicit"


def _parsed(file: Traversable, wrong: Wrong) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise wrong(f"it cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST_FILE:
        raise wrong(f"it is larger than {LARGEST_FILE // 1024} KiB: no method is")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise wrong("it is not UTF-8 text") from None
    except RecursionError:
        raise wrong("its lists are nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        text = str(error)[: place.start()] if place else str(error)
        raise wrong(f"no TOML: {text}", "", *(map(int, place.groups()) if place else ())) from None
    except ValueError as error:  # a whole number of thousands of digits
        raise wrong(f"no TOML: {error}") from None


def _check_keys(keys: Collection[str], home: type[Tableau | RosenbrockTableau], wrong: Wrong) -> None:
    known = {field.name for field in fields(home)}
    for key in keys:
        if key not in known:
            hint = did_you_mean(key, known | {"kind"}) or f"the keys are kind, {', '.join(sorted(known))}"
            raise wrong(f'there is no key "{key}" in a method of this kind', hint)
    needed = [field.name for field in fields(home) if field.default is MISSING]
    for key in [*needed, "summary"]:
        if key not in keys:
            raise wrong(f'the key "{key}" is missing', f"a method needs {', '.join(needed)} and summary")


def _value(key: str, value: Any, home: type[Tableau | RosenbrockTableau], wrong: Wrong) -> Any:
    meant = next(str(field.type) for field in fields(home) if field.name == key)
    if meant.startswith("int"):
        least = 1 if key in ("order", "digits") else 0
        if type(value) is not int or not least <= value <= 100:
            raise wrong(f"{key} is {_shown(value)}, a whole number from {least} to 100 was wanted")
        return value
    if key in ("gamma", "filter"):
        return _entry(key, value, wrong)
    if key == "controller":
        if value not in CONTROLLERS:
            hint = did_you_mean(value, CONTROLLERS) if isinstance(value, str) else ""
            raise wrong(f"controller is {_shown(value)}, one of {', '.join(CONTROLLERS)} was wanted", hint)
        return value
    if meant == "str":
        if not isinstance(value, str) or not value.strip() or len(value.splitlines()) > 1:
            raise wrong(f"{key} is {_shown(value)}, one line of text was wanted")
        return value
    if meant == "Row":
        return _row(key, value, wrong)
    if not isinstance(value, list) or len(value) > 2 * MOST_STAGES:
        raise wrong(f"{key} is {_shown(value)}, a list of rows was wanted", f'{key} = [["1/2"], ["0", "3/4"]]')
    return [_row(f"{key}[{i}]", row, wrong) for i, row in enumerate(value, start=1)]


def _row(key: str, value: Any, wrong: Wrong) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_STAGES:
        raise wrong(
            f"{key} is {_shown(value)}, a list of at most {MOST_STAGES} coefficients was wanted",
            '["1/6", "2/3", "1/6"]',
        )
    return [_entry(f"{key}[{i}]", entry, wrong) for i, entry in enumerate(value, start=1)]


def _entry(key: str, value: Any, wrong: Wrong) -> str:
    if isinstance(value, float):
        raise wrong(f"{key} is the number {value!r}, a text was wanted", f'write "{value!r}" with its quotes')
    if type(value) is int and abs(value) < 10**LONGEST_ENTRY:
        return str(value)
    if not isinstance(value, str) or len(value) > LONGEST_ENTRY or not _NUMBER.fullmatch(value):
        raise wrong(f"{key} is {_shown(value)}, a coefficient was wanted", 'such as "1/6", "-0.161" or 1')
    try:
        Fraction(value)
    except ZeroDivisionError:
        raise wrong(f"{key} is {_shown(value)}, which divides by zero") from None
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
