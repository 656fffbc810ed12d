"""What is exported of a fitted model: its graph with the fitted numbers in place, plain data for every language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..dataset import Inputs
    from ..graph import Graph

GROUPS = ("rhs", "observed")


@dataclass(frozen=True)
class Form:
    """dy/dt = rhs(t, y, u, c, p), channels = observed(t, y, u, c, p), and where each trajectory starts.

    The group `observed` has an output for each of `channels`. `p` is (trajectory, parameter): rows differ where
    trajectories have parameters of their own.
    """

    title: str
    graph: Graph
    channels: tuple[str, ...]
    trajectories: tuple[str, ...]
    p: np.ndarray  # (trajectory, parameter)
    t0: np.ndarray  # (trajectory,)
    y0: np.ndarray  # (trajectory, state)
    c: np.ndarray | None = None  # (trajectory, covariate)
    inputs: Inputs | None = None
    interpolation: tuple[str, ...] = ()  # hold, linear or cubic: of each input
    time: str = "t"
    units: Mapping[str, str] = field(default_factory=dict)  # state, channel, input or time → unit
    events: tuple[str, ...] = ()
    """Names of events, which change states between solves: no part of rhs, so solving is left to who knows them."""

    @property
    def shared(self) -> bool:
        """All trajectories have the same parameters."""
        return bool((self.p == self.p[0]).all())

    @property
    def scalars(self) -> tuple[int, ...]:
        """The parameters that formulas use, in order; the others are weights of networks."""
        from ..graph.derivatives import reachable

        graph = self.graph
        outputs = [number for group in self.groups for number in graph.groups[group]]
        used = {int(graph.nodes[n].value) for n in reachable(graph.nodes, outputs) if graph.nodes[n].op == "p"}
        return tuple(sorted(used))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that are printed: the inputs of networks in their order, then rhs and observed."""
        return (*(f"network {k}" for k in range(len(self.graph.networks))), *GROUPS)
