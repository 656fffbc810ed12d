"""The options of an offer: read from the signature of its factory, filled from text or Python values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from ..errors.nearest import did_you_mean
from ..errors.plugins import OfferWrong
from ..errors.usage import SettingOfWrongType, UnknownSetting
from .values import Mismatch, from_text, from_value, type_name

SCALARS = (bool, int, float, str)


@dataclass(frozen=True)
class Option:
    """One option of a factory: what `-S kind.name=value` sets."""

    name: str
    type: Any  # bool, int, float, str, a Literal or a tuple of these
    default: Any

    @property
    def type_name(self) -> str:
        """The type as a user reads it: `float`, `"relu" or "tanh"`, `list of int`."""
        return type_name(self.type)


def options_of(make: Callable[..., Any]) -> tuple[Option, ...]:
    """The options of the factory `make`; raises OfferWrong where its signature cannot be a command line's."""
    try:
        signature = inspect.signature(make)
        parameters = [_with_type(parameter, make) for parameter in signature.parameters.values()]
    except (TypeError, ValueError, NameError, AttributeError, SyntaxError) as error:
        raise OfferWrong(f"its signature cannot be read: {error}", help="import the names of annotations") from error
    return tuple(_option(parameter) for parameter in parameters)


def _with_type(parameter: inspect.Parameter, make: Callable[..., Any]) -> inspect.Parameter:
    """The parameter with its annotation evaluated; what `make` returns may be a name that only type checkers import."""
    if not isinstance(parameter.annotation, str):
        return parameter
    function = inspect.unwrap(make.__init__ if isinstance(make, type) else make)  # type: ignore[misc]
    alone = type("annotated", (), {"__annotations__": {"it": parameter.annotation}})
    found = inspect.get_annotations(alone, globals=getattr(function, "__globals__", {}), eval_str=True)
    return parameter.replace(annotation=found["it"])


def _option(parameter: inspect.Parameter) -> Option:
    name = parameter.name
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise OfferWrong(f"{parameter} cannot be typed on a command line", help="give every option a name of its own")
    if parameter.annotation is parameter.empty:
        raise OfferWrong(f"option {name} has no type", help=f"write {name}: float = …")
    if not _is_typeable(parameter.annotation):
        wanted = "bool, int, float, str, Literal or a tuple of them"
        raise OfferWrong(f"option {name} has the type {parameter.annotation}", help=f"an option's type is {wanted}")
    if parameter.default is parameter.empty:
        raise OfferWrong(f"option {name} has no default", help=f"write {name}: {type_name(parameter.annotation)} = …")
    try:
        default = from_value(parameter.default, parameter.annotation)
    except Mismatch as error:
        raise OfferWrong(f"the default of option {name} is {parameter.default!r}", help=str(error)) from error
    return Option(name, parameter.annotation, default)


def _is_typeable(kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return all(isinstance(choice, SCALARS) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        items = [item for item in get_args(kind) if item is not Ellipsis]
        return bool(items) and all(_is_typeable(item) for item in items)
    return kind in SCALARS


def fill(options: tuple[Option, ...], settings: Mapping[str, Any], owner: str, kind: str) -> dict[str, Any]:
    """The keyword arguments for a factory: `settings` checked against `options`, defaults for the rest.

    `owner` (as in `solver "tsit5"`) and `kind` are for messages. Raises UnknownSetting and SettingOfWrongType.
    """
    known = {option.name: option for option in options}
    arguments = {option.name: option.default for option in options}
    for name, value in settings.items():
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it has no options"
            hint = "; ".join(filter(None, (did_you_mean(name, known), takes)))
            raise UnknownSetting(f'{owner} has no option "{name}"', help=hint)
        try:
            read = from_text if isinstance(value, str) else from_value
            arguments[name] = read(value, known[name].type)
        except Mismatch as error:
            raise SettingOfWrongType(f"{kind}.{name} is {value!r}", help=str(error)) from error
    return arguments
