"""Steps of an explicit Runge–Kutta method on torch tensors, side by side as lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Field = Callable[[torch.Tensor, torch.Tensor, np.ndarray, np.ndarray, np.ndarray], torch.Tensor]
"""f(time, y, t, row, middle) over lines: time (line,) is t (line,) as a tensor, y (line, entry)."""

Weighted = Sequence[tuple[int, torch.Tensor | float]]
"""Σ weight · values[i] as (i, weight), the weight (line, 1), or a number where all lines have the same."""


@dataclass(frozen=True)
class Nodes:
    """Where f is evaluated: time (line,) as a tensor and as t in float64, row and middle (line,)."""

    time: torch.Tensor
    t: np.ndarray
    row: np.ndarray
    middle: np.ndarray

    def value(self, f: Field, y: torch.Tensor) -> torch.Tensor:
        """f (line, entry)."""
        return f(self.time, y, self.t, self.row, self.middle)

    def part(self, lines: slice | np.ndarray) -> Nodes:
        """Some of them."""
        return Nodes(self.time[lines], self.t[lines], self.row[lines], self.middle[lines])

    def repeated(self, copies: int) -> Nodes:
        """Every line so many times in succession."""
        t, row, middle = (np.repeat(x, copies) for x in (self.t, self.row, self.middle))
        return Nodes(self.time.repeat_interleave(copies), t, row, middle)


@dataclass(frozen=True)
class Stages:
    """The steps from given states: the slopes of each stage and the steps' ends (line, entry)."""

    slopes: Sequence[torch.Tensor]
    ends: torch.Tensor


@dataclass(frozen=True)
class Steps:
    """Lines with their nodes, one each stage, and h a_ij and h b_i where they are not 0."""

    nodes: Sequence[Nodes]
    ha: Sequence[Weighted]
    hb: Weighted

    def from_states(self, f: Field, y: torch.Tensor) -> Stages:
        """The steps from the states y (line, entry), in torch's graph where one is recorded."""
        slopes: list[torch.Tensor] = []
        for node, ha in zip(self.nodes, self.ha, strict=True):
            slopes.append(node.value(f, weighted_sum(y, ha, slopes)))
        return Stages(slopes, weighted_sum(y, self.hb, slopes))


def weighted_sum(start: torch.Tensor, terms: Weighted, values: Sequence[torch.Tensor]) -> torch.Tensor:
    """start + Σ weight · values[i] over terms (i, weight)."""
    total = start
    for i, weight in terms:
        if isinstance(weight, float):
            total = torch.add(total, values[i], alpha=weight)
        else:
            total = torch.addcmul(total, weight, values[i])
    return total
