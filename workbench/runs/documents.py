"""JSON inside run files: strict in both directions."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ..errors.store import RecordUnstorable

DEEPEST = 64


def encode(document: Any, name: str, exact: bool = False) -> str:
    """The document as ASCII JSON text, keys in their order.

    A number that is not finite becomes null, unless `exact`. Raises RecordUnstorable (R012), naming the entry, for what
    is no JSON: other types, keys that are not text, more than 64 levels.

    >>> encode({"rmse": float("nan"), "n": np.int64(3)}, "metrics")
    '{"rmse": null, "n": 3}'
    """
    return json.dumps(_plain(document, name, exact, 0), allow_nan=False)


def decode(text: str) -> Any:
    """The document of a JSON text; raises ValueError for NaN, infinities and repeated keys."""
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)


def canonical(text: str) -> str:
    """The same document with its keys sorted and without spaces: equal documents, equal text."""
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def _plain(value: Any, name: str, exact: bool, depth: int) -> Any:
    if depth > DEEPEST:
        raise RecordUnstorable(f"{name} is nested more than {DEEPEST} levels deep")
    if isinstance(value, dict):
        return {_key(k, name): _plain(v, f"{name}.{k}", exact, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v, f"{name}[{i}]", exact, depth + 1) for i, v in enumerate(value)]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist(), name, exact, depth)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        if exact:
            raise RecordUnstorable(f"{name} is {value}; JSON has no such number", help="leave the entry out")
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise RecordUnstorable(f"{name} is a {type(value).__name__}; JSON holds text, numbers, lists and objects")


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise RecordUnstorable(f"{name} has the key {key!r}; JSON wants text")
    return key


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key is repeated")
    return document
