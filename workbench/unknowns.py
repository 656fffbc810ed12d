"""The vector that is fitted: named blocks of values, each with bounds, a transform and a place in one flat float64 x.

A block is shared, shape (label,), or one value a trajectory, shape (trajectory, label). Held entries are not in x.
Bounds and starts are physical; x is in the transformed scale: log x for `log`, the log-odds between the bounds for
`logit`, else the distance from the block's origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np

Transform = Literal["identity", "log", "logit"]


@dataclass(frozen=True)
class Block:
    """Unknowns that belong together: `value` (label,) or (trajectory, label); the other arrays broadcast against it."""

    name: str
    labels: tuple[str, ...]
    value: np.ndarray
    free: np.ndarray | bool = True
    lower: np.ndarray | float = -np.inf
    upper: np.ndarray | float = np.inf
    transform: tuple[Transform, ...] = ()  # one a label; () means identity
    per: Literal["", "trajectory"] = ""
    prior: tuple[str, ...] = ()  # one a label, as normal(0, 1), "" for none; () means none at all
    shrink: float = 0.0  # precision of a Gaussian prior around 0, in the transformed scale (weight decay)
    origin: np.ndarray | float = 0.0  # what is 0 in the scale of entries without a transform

    def spread(self, field: str) -> np.ndarray:
        """One of free, lower, upper, origin, in the shape of `value`."""
        return np.broadcast_to(np.asarray(getattr(self, field)), self.value.shape)

    def transforms(self) -> np.ndarray:
        """The transform of every entry, in the shape of `value`."""
        kinds = np.array(self.transform or ("identity",) * len(self.labels))
        return np.broadcast_to(kinds, self.value.shape)


def to_free_scale(value: np.ndarray, kind: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Physical → transformed `value` (entry,): `kind` (entry,) is identity, log or logit, which is between `lower`
    and `upper` (entry,).

    >>> to_free_scale(np.array([1.0]), np.array(["log"]), np.array([0.0]), np.array([np.inf]))
    array([0.])
    """
    x = np.array(value, dtype=float)
    if (kind == "identity").all():
        return x
    logs, odds = kind == "log", kind == "logit"
    with np.errstate(divide="ignore", invalid="ignore"):
        x[logs] = np.log(value[logs])
        share = (value[odds] - lower[odds]) / (upper[odds] - lower[odds])
        x[odds] = np.log(share / (1 - share))
    return x


def to_physical(x: np.ndarray, kind: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transformed x (entry,) → physical values (entry,), and the derivative of each by its own x (entry,).

    `kind`, `lower` and `upper` (entry,) are as in `to_free_scale`.
    """
    value, slope = np.array(x, dtype=float), np.ones_like(x)
    if (kind == "identity").all():
        return value, slope
    logs, odds = kind == "log", kind == "logit"
    with np.errstate(over="ignore"):
        value[logs] = slope[logs] = np.exp(x[logs])
        share = 1 / (1 + np.exp(-x[odds]))
    width = upper[odds] - lower[odds]
    value[odds], slope[odds] = lower[odds] + width * share, width * share * (1 - share)
    return value, slope


class Unknowns:
    """Blocks laid out as one flat vector x of their free entries.

    >>> u = Unknowns([Block("parameters", ("k", "c"), np.array([2.0, 1.0]), free=np.array([True, False]))])
    >>> u.start, u.labels
    (array([2.]), ('k',))
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        self.index: dict[str, np.ndarray] = {}
        parts: dict[str, list[np.ndarray]] = {"value": [], "lower": [], "upper": [], "kind": [], "origin": []}
        labels: list[str] = []
        for block in self.blocks:
            free = block.spread("free")
            index = np.full(block.value.shape, -1)
            index[free] = len(labels) + np.arange(free.sum())
            self.index[block.name] = index
            labels.extend(_entry_labels(block, free))
            parts["value"].append(block.value[free])
            parts["lower"].append(block.spread("lower")[free])
            parts["upper"].append(block.spread("upper")[free])
            parts["kind"].append(block.transforms()[free])
            parts["origin"].append(np.where(block.transforms() == "identity", block.spread("origin"), 0.0)[free])
        joined = {key: np.concatenate(found) if found else np.zeros(0) for key, found in parts.items()}
        self.labels = tuple(labels)
        shrinks = [np.full(int(block.spread("free").sum()), block.shrink) for block in self.blocks]
        self.shrink = np.concatenate(shrinks) if shrinks else np.zeros(0)
        self.priors = tuple(text for block in self.blocks for text in _entry_priors(block))
        """The declared prior of every free entry, "" where there is none (unknown,)."""
        self.kind, self.low, self.high = joined["kind"], joined["lower"].astype(float), joined["upper"].astype(float)
        self.origin = joined["origin"].astype(float)
        self.start = self.to_x(joined["value"])
        above = np.where(self.kind == "log", np.maximum(self.low, 0.0), self.low)  # a logarithm has its own bound, 0
        self.lower = np.where(self.kind == "logit", -np.inf, self.to_x(above))
        self.upper = np.where(self.kind == "logit", np.inf, self.to_x(self.high))

    def starting(self, x: np.ndarray) -> Unknowns:
        """The same unknowns with another start x (unknown,); what is held keeps its value."""
        other = copy(self)
        other.start = np.clip(x, self.lower, self.upper)
        return other

    def to_x(self, free_values: np.ndarray) -> np.ndarray:
        """The physical `free_values` (unknown,) as x (unknown,)."""
        return to_free_scale(np.asarray(free_values, dtype=float), self.kind, self.low, self.high) - self.origin

    def physical(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The free entries at x, physical (unknown,), and the derivative of each by its x."""
        return to_physical(x + self.origin, self.kind, self.low, self.high)

    def values(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Block name → its values at x (unknown,), held entries included, in the block's shape."""
        free, _ = self.physical(x)
        return {block.name: self._fill(block, free) for block in self.blocks}

    def _fill(self, block: Block, free: np.ndarray) -> np.ndarray:
        index = self.index[block.name]
        return np.where(index >= 0, free[index], block.value) if len(free) else block.value.copy()

    def mask(self, *names: str) -> np.ndarray:
        """Which entries of x belong to the named blocks (unknown,)."""
        inside = np.zeros(len(self.labels), dtype=bool)
        for name in names:
            index = self.index.get(name, np.zeros(0, dtype=int))
            inside[index[index >= 0]] = True
        return inside

    @property
    def starts(self) -> np.ndarray:
        """Which entries of x initial states alone depend on (unknown,): their values, or an encoder's weights."""
        return self.mask("initial", "encoder")


def _entry_labels(block: Block, free: np.ndarray) -> list[str]:
    """A name for every free entry; `k[2]` for the third trajectory's own k, `x(0)` for an initial value."""
    written = [f"{label}(0)" if block.name == "initial" else label for label in block.labels]
    if block.value.ndim == 1:
        return [label for label, is_free in zip(written, free, strict=True) if is_free]
    rows = block.value.shape[0]
    names = [[f"{label}[{i}]" if rows > 1 else label for label in written] for i in range(rows)]
    return [names[i][j] for i, j in zip(*np.nonzero(free), strict=True)]


def _entry_priors(block: Block) -> list[str]:
    texts = np.array(block.prior or ("",) * len(block.labels), dtype=object)
    return list(np.broadcast_to(texts, block.value.shape)[block.spread("free")])
