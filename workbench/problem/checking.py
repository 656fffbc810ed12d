"""What the keys of a problem file say together: names, bounds, noise, events and the things they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import inf, isfinite

from workbench.errors import WorkbenchError
from workbench.errors.nearest import did_you_mean
from workbench.errors.problems import BoundsExclude, KeyMissing, NameTaken, NameWrong, ValueWrong
from workbench.formula.functions import FUNCTIONS
from workbench.noise import kind_of
from workbench.priors import density_of

from .places import Key, Places
from .schema import InitialKeys, ObservedKeys, ParameterKeys, ProblemKeys

NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,62}_?")
LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
KINDS = {
    "states": "state",
    "parameters": "parameter",
    "inputs": "input",
    "covariates": "covariate",
    "expressions": "expression",
    "networks": "network",
}


def check_keys(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    """Every mistake that needs no formula to be read, with its line."""
    yield from _something(keys, places)
    yield from _names(keys, places)
    for name, state in keys.states.items():
        yield from _start(state.initial, ("states", name, "initial"), places)
    for name, parameter in keys.parameters.items():
        yield from _bounds(parameter.value, parameter, ("parameters", name), places)
    yield from _noise(keys, places)
    yield from _events(keys, places)
    yield from _time(keys, places)
    yield from _references(keys, places)


def _something(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    """Without states there is a curve: an observed formula of t."""
    if not keys.states and not keys.observed:
        yield KeyMissing(
            "the file has neither 'states' nor 'observed'",
            help='write [states.x] with equation = "-k*x" and initial = 1.0, or, for a curve without dynamics, '
            '[observed.y] with formula = "a + b*t"',
            where=places.key(("states",)),
        )


def _names(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    """Names that formulas mention are of one kind each; labels of results are short and plain."""
    owner: dict[str, str] = {"t": "time"}
    for section, kind in KINDS.items():
        for name in getattr(keys, section):
            where = places.key((section, name))
            if not NAME.fullmatch(name):
                yield NameWrong(
                    f"{section}.{name}: a {kind} cannot be named {name!r}; a letter and then at most 63 letters, "
                    "digits and single underscores are meant",
                    help=f"try {_plain(name)!r}",
                    where=where,
                )
            elif kind == "network" and name in FUNCTIONS:
                yield NameTaken(
                    f"{section}.{name}: {name!r} already names a function of formulas",
                    help="give the learned term another name",
                    where=where,
                )
            elif name in owner:
                what = "is kept for time" if name == "t" else f"already names a {owner[name]}"
                yield NameTaken(f"{section}.{name}: {name!r} {what}", help="give one of them another name", where=where)
            else:
                owner[name] = kind
    for section in ("observed", "derived", "invariants", "events"):
        for name in getattr(keys, section):
            if not LABEL.fullmatch(name):
                meant = "a letter and then at most 63 letters, digits, '_', '.' or '-' are meant"
                yield NameWrong(f"{section}.{name}: {name!r} is no name; {meant}", where=places.key((section, name)))
    for name in set(keys.derived) & set(owner):
        yield NameTaken(
            f"derived.{name}: {name!r} already names a {owner[name]}",
            help="give the derived quantity another name",
            where=places.key(("derived", name)),
        )


def _plain(name: str) -> str:
    """A name near this one that formulas can mention."""
    words = re.sub(r"_{2,}", "_", re.sub(r"[^A-Za-z0-9]+", "_", name)).strip("_")
    return words[:60] if words[:1].isalpha() else f"x_{words}"[:60].rstrip("_")


def _start(initial: InitialKeys, path: Key, places: Places) -> Iterator[WorkbenchError]:
    if isinstance(initial.value, float):
        yield from _bounds(initial.value, initial, path, places)
    elif initial.fit or initial.bounds or initial.prior or initial.transform != "identity":
        yield ValueWrong(
            f"{_dotted(path)}: {initial.value!r} is a formula: there is nothing to fit, bound or transform here",
            help="fit, bound or transform the parameters in the formula",
            where=places.key(path),
        )


def _bounds(value: float, keys: InitialKeys | ParameterKeys, path: Key, places: Places) -> Iterator[WorkbenchError]:
    """The start value lies inside its bounds, and where the transform can represent it."""
    lower, upper = keys.bounds or (-inf, inf)
    name, where = _dotted(path), places.key((*path, "value"))
    if keys.prior:
        yield from _prior(value, keys, path, places)
        support = density_of(keys.prior).support
        lower, upper = max(lower, support[0]), min(upper, support[1])
        if lower >= upper or not density_of(keys.prior).admits(value):
            return
    if not lower <= value <= upper:
        yield BoundsExclude(
            f"{name}: the value {value:g} is outside its bounds [{lower:g}, {upper:g}]",
            help="change the value or the bounds",
            where=where,
        )
    if keys.transform == "log" and (value <= 0 or (keys.bounds and lower < 0)):
        what = f"the value {value:g}" if value <= 0 else f"the lower bound {lower:g}"
        yield BoundsExclude(
            f'{name}: {what} has no logarithm; transform = "log" is for positive numbers',
            help='take transform = "log" out, or use positive numbers',
            where=where if value <= 0 else places.key((*path, "bounds")),
        )
    if keys.transform == "logit" and not (isfinite(lower) and isfinite(upper) and lower < value < upper):
        yield BoundsExclude(
            f'{name}: transform = "logit" is for a value strictly between two finite bounds; '
            f"the value is {value:g} and the bounds are [{lower:g}, {upper:g}]",
            help="write bounds = [lower, upper] around the value",
            where=places.key((*path, "transform")),
        )


def _prior(value: float, keys: InitialKeys | ParameterKeys, path: Key, places: Places) -> Iterator[WorkbenchError]:
    """The prior allows the start value, and its peak lies inside the bounds."""
    prior = density_of(keys.prior or "")
    lower, upper = keys.bounds or (-inf, inf)
    where = places.key((*path, "prior"))
    apart = prior.support[0] >= upper or prior.support[1] <= lower
    if apart or not (prior.peak is None or lower <= prior.peak <= upper):
        peak = "" if prior.peak is None else f" with its peak at {prior.peak:.6g}"
        yield BoundsExclude(
            f"{_dotted(path)}: the prior {prior.text}{peak} lies outside of the bounds [{lower:g}, {upper:g}]",
            help="change the prior or the bounds",
            where=where,
        )
    elif not prior.admits(value):
        yield BoundsExclude(
            f"{_dotted(path)}: the value {value:g} is impossible under the prior {prior.text}",
            help="start where the prior allows it",
            where=places.key((*path, "value")),
        )


def _noise(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    for name, observed in keys.observed.items():
        kind = kind_of(observed.noise) if observed.noise else None
        for key in ("scale", "limits", "sigma"):
            if getattr(observed, key) is None or (kind and getattr(kind, key)):
                continue
            what = f"{kind.name} noise takes no {key}" if kind else f"a {key} belongs to a noise"
            help = f"take {key} out" if kind else 'write noise = "gaussian" beside it'
            yield ValueWrong(f"observed.{name}.{key}: {what}", help=help, where=places.key(("observed", name, key)))
        yield from _sizes(name, observed, places)


def _sizes(name: str, observed: ObservedKeys, places: Places) -> Iterator[WorkbenchError]:
    """Of scale and sigma one is enough, unless the scale is fitted; limits of a logarithm are positive."""
    if observed.sigma is not None and isinstance(observed.scale, float):
        yield ValueWrong(
            f"observed.{name}.scale: each value has a standard deviation from the column {observed.sigma!r} already",
            help='take one of them out, or write scale = "fit" for deviations that are known up to a factor',
            where=places.key(("observed", name, "scale")),
        )
    kind = kind_of(observed.noise) if observed.noise else None
    if observed.limits is not None and kind and not kind.admits(*observed.limits):
        yield ValueWrong(
            f"observed.{name}.limits: {kind.name} values are positive, and so are their limits",
            help="write limits = [0.1, inf]; -inf leaves the lower side open",
            where=places.key(("observed", name, "limits")),
        )


def _events(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    for name, event in keys.events.items():
        where = places.key(("events", name))
        if (event.time is None) == (event.trigger is None):
            yield KeyMissing(f"events.{name} needs either 'time' or 'trigger', one of them", where=where)
        if not event.map and not event.terminate:
            yield KeyMissing(
                f"events.{name} does nothing; a 'map' of states or 'terminate = true' is meant", where=where
            )
        yield from _known(event.map, keys.states, ("events", name, "map"), "state", places)


def _time(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    span, start = keys.time.span, keys.time.start
    if span and start is not None and start > span[0]:
        yield ValueWrong(
            f"time.start: {start:g} lies after the beginning of the span, {span[0]:g}",
            help="let solves begin at or before the first time",
            where=places.key(("time", "start")),
        )
    if keys.time.samples is not None and not span:
        yield KeyMissing(
            "time has 'samples' but no 'span' to put them on", help="write span = [0, 10]", where=places.key(("time",))
        )
    if keys.reference and keys.reference.time <= (span[0] if span else 0.0):
        yield ValueWrong(
            f"reference.time: {keys.reference.time:g} is not after the start of the solve",
            where=places.key(("reference", "time")),
        )


def _references(keys: ProblemKeys, places: Places) -> Iterator[WorkbenchError]:
    """Names that `reference` and `data` refer to are declared."""
    if keys.reference:
        yield from _known(keys.reference.values, keys.states, ("reference", "values"), "state", places)
    if keys.data:
        if keys.data.time is not None and keys.data.sample_time is not None:
            yield ValueWrong(
                "data.sample_time: 'time' names the column of times already",
                help="take one of the two out",
                where=places.key(("data", "sample_time")),
            )
        measured = [*(keys.observed or keys.states), *keys.inputs]
        yield from _known(keys.data.map, measured, ("data", "map"), "observed quantity or input", places)
        declared = keys.data.inputs or []
        for number, name in enumerate(declared):
            if name not in keys.inputs:
                yield ValueWrong(
                    f"data.inputs: no input is named {name!r}",
                    help=did_you_mean(name, keys.inputs, "declare it under [inputs]"),
                    where=places.key(("data", "inputs", number)),
                )


def _known(
    names: Iterable[str], among: Iterable[str], path: Key, kind: str, places: Places
) -> Iterator[WorkbenchError]:
    among = list(among)
    for name in names:
        if name not in among:
            yield ValueWrong(
                f"{_dotted(path)}: no {kind} is named {name!r}",
                help=did_you_mean(name, among, f"there are {', '.join(among)}"),
                where=places.key((*path, name)),
            )


def _dotted(path: Key) -> str:
    return ".".join(str(part) for part in path)
