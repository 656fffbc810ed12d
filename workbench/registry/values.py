"""Values of options: TOML text or Python values made into what an option's type says."""

from __future__ import annotations

import math
import operator
from typing import Any, Literal, get_args, get_origin

from ..errors.nearest import did_you_mean


class Mismatch(ValueError):
    """A value that is not of the wanted type; its text says what is wanted."""


def from_text(text: str, kind: Any) -> Any:
    """What was typed behind `-S kind.option=` as a value of the type `kind`; raises Mismatch.

    Read as TOML, a bare word as a string; a list may come without its brackets.

    >>> from_text("1e-6", float), from_text("[16, 16]", tuple[int, ...]), from_text("16", tuple[int, ...])
    (1e-06, (16, 16), (16,))
    >>> from_text("tanh", str), from_text("1900-01-01", str)
    ('tanh', '1900-01-01')
    """
    if get_origin(kind) is tuple:
        return from_value(_list_from_text(text.strip()), kind)
    return from_value(_scalar_from_text(text.strip(), _is_textual(kind)), kind)


def from_value(value: Any, kind: Any) -> Any:
    """A Python value as one of the type `kind` (an int is a float, a list a tuple); raises Mismatch.

    >>> from_value(3, float), from_value([16], tuple[int, ...])
    (3.0, (16,))
    """
    if get_origin(kind) is tuple:
        return _tuple(value, get_args(kind))
    if get_origin(kind) is Literal:
        return _choice(value, get_args(kind))
    return _scalar(value, kind)


def type_name(kind: Any) -> str:
    """The type as a user reads it.

    >>> type_name(Literal["relu", "tanh"]), type_name(tuple[int, ...])
    ('"relu" or "tanh"', 'list of int')
    """
    if get_origin(kind) is Literal:
        return _choices_name(get_args(kind))
    if get_origin(kind) is tuple:
        return _items_name(get_args(kind))
    return str(kind.__name__)


def _choices_name(choices: tuple[Any, ...]) -> str:
    return " or ".join(toml(choice) for choice in choices)


def _items_name(items: tuple[Any, ...]) -> str:
    if len(items) == 2 and items[1] is Ellipsis:
        return f"list of {type_name(items[0])}"
    return f"[{', '.join(type_name(item) for item in items)}]"


def toml(value: Any) -> str:
    """A value as it is typed behind `-S kind.option=`.

    >>> toml(True), toml("tanh"), toml((16, 16)), toml(1e-06)
    ('true', '"tanh"', '[16, 16]', '1e-06')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    return repr(value)


def read_toml(text: str) -> Any:
    """The TOML value that `text` is, or `text` itself where it is none (a bare word).

    >>> read_toml("[1, 2]"), read_toml("true"), read_toml("levenberg-marquardt")
    ([1, 2], True, 'levenberg-marquardt')
    """
    text = text.strip()
    if "\n" in text or "\r" in text:  # would be several keys, not one value
        return text
    import tomllib  # only where a value comes as text

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _is_textual(kind: Any) -> bool:
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return kind is str or (bool(choices) and all(isinstance(choice, str) for choice in choices))


def _scalar_from_text(text: str, textual: bool) -> Any:
    """TOML, but 1900-01-01 or 3 stay text where text is wanted, and `.5` and `1.` are numbers where it is not."""
    value = read_toml(text)
    if textual:
        return value if isinstance(value, str) else text
    if value == text:  # no TOML
        try:
            return float(text)
        except ValueError:
            pass
    return value


def _list_from_text(text: str) -> Any:
    """`[16, 16]`, `16, 16`, `16` and `relu, tanh` are lists all."""
    value = read_toml(text if text.startswith("[") else f"[{text}]")
    return value if isinstance(value, list) else [word.strip() for word in text.strip("[]").split(",")]


def _scalar(value: Any, kind: type) -> bool | int | float | str:
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str):
        return value
    if kind is int and not isinstance(value, (bool, str)):
        try:
            return operator.index(value)
        except TypeError:
            pass
    if kind is float and not isinstance(value, (bool, str)) and hasattr(value, "__float__") and not math.isnan(value):
        return float(value)
    raise Mismatch(f"it takes {_wanted(kind)}")


def _wanted(kind: type) -> str:
    return {
        bool: "true or false",
        int: "a whole number, such as 16",
        float: "a number, such as 1e-6",
        str: 'text, such as "word"',
    }[kind]


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if value == choice and type(value) is type(choice):
            return choice
    hint = did_you_mean(value, [c for c in choices if isinstance(c, str)]) if isinstance(value, str) else ""
    raise Mismatch("; ".join(filter(None, (f"it takes {_choices_name(choices)}", hint))))


def _tuple(value: Any, items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise Mismatch(f"it takes a {_items_name(items)}, such as [16, 16]")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(from_value(item, items[0]) for item in value)
    if len(value) != len(items):
        raise Mismatch(f"it takes {len(items)} values: {_items_name(items)}")
    return tuple(from_value(item, kind) for item, kind in zip(value, items, strict=True))
