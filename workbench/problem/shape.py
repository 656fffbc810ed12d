"""Keys and types: what pydantic finds in a problem file, as errors with a line, what stood there and what is meant."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.errors import WorkbenchError
from workbench.errors.nearest import nearest
from workbench.errors.problems import KeyMissing, KeyUnknown, ValueWrong

from .places import Key, Places
from .schema import ProblemKeys

STAND_INS = {"value": 1.0, "equation": "0", "formula": "0", "initial": 0.0, "noise": "gaussian"}
TOGETHER = ({"bounds", "transform"}, {"span", "samples", "start"})  # keys that make no sense without each other
ROUNDS = 3  # of mending, before the rest is left unchecked
MEANT = {
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "list_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def read_shape(table: dict[str, Any], places: Places) -> tuple[ProblemKeys | None, list[WorkbenchError], set[Key]]:
    """The keys of the file, what is wrong with them, and where stand-ins were put so that the rest can be checked.

    The keys are None where too much is wrong to go on.
    """
    try:
        return ProblemKeys.model_validate(table), [], set()
    except ValidationError as error:
        details = error.errors()
    mistakes = [_mistake(detail, places) for detail in details]
    mended, stand_ins = copy.deepcopy(table), set[Key]()
    for _ in range(ROUNDS):
        stand_ins |= {place for detail in details if (place := _mend(mended, detail))}
        try:
            return ProblemKeys.model_validate(mended), mistakes, stand_ins
        except ValidationError as error:
            details = error.errors()
    return None, mistakes, stand_ins


def _mistake(detail: ErrorDetails, places: Places) -> WorkbenchError:
    path, kind = detail["loc"], detail["type"]
    name, where = _dotted(path), places.key(path)
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1])
        near = nearest(str(path[-1]), known)
        here = f"[{_dotted(path[:-1])}]" if len(path) > 1 else "the file"
        help = f"did you mean {near!r}?" if near else f"{here} takes {', '.join(known)}"
        return KeyUnknown(f"unknown key {path[-1]!r} in {here}", help=help, where=where)
    if kind == "missing":
        return KeyMissing(f"{_dotted(path[:-1]) or 'the file'} has no {path[-1]!r}", help=_example(path), where=where)
    found = f"{detail['input']!r}" if not isinstance(detail["input"], dict | list) else _short(detail["input"])
    return ValueWrong(f"{name}: {found} stood there; {_meant(detail)} is meant", where=where, help=_example(path))


def _meant(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "meant":
        return str(context["meant"])
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"a number of {'at least' if 'ge' in context else 'at most'} {context.get('ge', context.get('le'))}"
    if kind in ("too_short", "string_too_short"):
        return "at least one entry" if kind == "too_short" else "a text that is not empty"
    return MEANT.get(kind, detail["msg"])


def _example(path: Key) -> str:
    """What to type, for the keys that a problem cannot do without."""
    examples = {
        "equation": 'equation = "-k*x"',
        "initial": "initial = 1.0",
        "value": "value = 1.0",
        "formula": 'formula = "x"',
        "states": '[states.x] with equation = "-k*x" and initial = 1.0',
        "transform": 'transform = "log"',
        "noise": 'noise = "gaussian"',
        "bounds": "bounds = [0.0, 10.0]",
    }
    return f"write {examples[str(path[-1])]}" if str(path[-1]) in examples else ""


def _mend(table: dict[str, Any], detail: ErrorDetails) -> Key:
    """Take a wrong key out with those that lean on it; for one that is needed put a stand-in and return its path."""
    path = tuple(str(part) for part in detail["loc"])
    outer, place, n = {"": table}, table, 0
    while n < len(path) - 1 and isinstance(place.get(path[n]), dict):
        outer, place, n = place, place[path[n]], n + 1
    key = path[n]
    if detail["type"] == "extra_forbidden":
        place.pop(key, None)
    elif key in STAND_INS and path[0] not in ("events", "reference"):
        place[key] = STAND_INS[key]
        return path[: n + 1]
    elif path[0] in ("data", "events", "reference") and n:
        outer.pop(path[n - 1], None)
    else:
        for each in next((keys for keys in TOGETHER if key in keys), {key}):
            place.pop(each, None)
    return ()


def _known_keys(path: Key) -> list[str]:
    """The keys that the table at a path takes."""
    kind: Any = ProblemKeys
    for part in path:
        models = list(_models(kind))
        kind = models[0].model_fields[str(part)].annotation if models and part in models[0].model_fields else kind
    models = list(_models(kind))
    return list(models[0].model_fields) if models else []


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as dict[str, Annotated[Model, …]] or Model | None."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def _dotted(path: Key) -> str:
    return ".".join(str(part) for part in path)


def _short(value: Mapping[str, Any] | list[Any]) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
