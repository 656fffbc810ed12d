"""A network as acceleration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Block, Graph, Problem
from workbench.errors.usage import UsageError
from workbench.graph import Builder, Network, inputs_of

from .offers import Activation
from .scales import Scales
from .starts import SLOPE_SAMPLES, drawn, first_slopes


@dataclass(frozen=True)
class SecondOrder:
    """dq/dt = v, dv/dt = size · network(q, v, u, c), every quantity in units of its spread.

    Where velocities are hidden they start as slopes through the first values, and are fitted.
    """

    velocities: tuple[str, ...]
    hidden: tuple[int, ...]
    activation: Activation

    def build(self, problem: Problem, generator: np.random.Generator) -> SecondOrderField:
        """A network for the problem's positions, its weights drawn from `generator`."""
        if problem.data is None:
            raise UsageError("a network is fitted to data, and there is none", help="give a data file")
        channels = problem.data.channels
        for name in self.velocities:
            if name not in channels:
                raise UsageError(f"there is no channel {name!r}", help=f"the channels are {', '.join(channels)}")
        positions = len(channels) - len(self.velocities)
        if self.velocities and positions != len(self.velocities):
            raise UsageError(
                f"{len(self.velocities)} velocities for {positions} positions",
                help="name a velocity for each position, in their order, or none",
            )
        return SecondOrderField(self, problem, generator)


class SecondOrderField:
    """Blocks `weights` and `initial`; states are the positions, then their velocities."""

    def __init__(self, family: SecondOrder, problem: Problem, generator: np.random.Generator) -> None:
        assert problem.data is not None
        self.family, self.problem, self.data = family, problem, problem.data
        self.observed = problem.data.channels
        positions = [name for name in self.observed if name not in family.velocities]
        hidden = [f"d{name}" if f"d{name}" not in self.observed else f"d{name}_dt" for name in positions]
        self.states = (*positions, *(family.velocities or hidden))
        self._place = [self.observed.index(name) for name in positions]
        self.scales = Scales.of(problem)
        self._speed = [self.observed.index(name) for name in family.velocities]
        self.sizes = (
            2 * len(positions) + len(self.scales.u_mean) + len(self.scales.c_mean), *family.hidden, len(positions)
        )  # fmt: skip
        self._start = drawn(self.sizes, generator)
        self.start_samples = 1 if self._speed else SLOPE_SAMPLES

    def graph(self) -> Graph:
        """The network with its scaling, its weights in the order of the block."""
        b, scales, n = Builder(), self.scales, len(self._place)
        middle, width = scales.y_mean[self._place], scales.y_spread[self._place]
        speed = scales.y_spread[self._speed] if self._speed else scales.slope[self._place]
        y = [b.leaf("y", i) for i in range(2 * n)]
        drives = [b.leaf("u", i) for i in range(len(scales.u_mean))] + [
            b.leaf("c", i) for i in range(len(scales.c_mean))
        ]
        centres = [*middle, *np.zeros(n), *scales.u_mean, *scales.c_mean]
        spreads = [*width, *speed, *scales.u_spread, *scales.c_spread]
        features = tuple(
            b.div(b.sub(node, b.constant(centre)), b.constant(spread))
            for node, centre, spread in zip((*y, *drives), centres, spreads, strict=True)
        )
        sizes = speed**2 / width
        rhs = (*y[n:], *(b.mul(b.constant(size), b.leaf("z", i)) for i, size in enumerate(sizes)))
        observed = tuple(y[self.states.index(name)] for name in self.observed)
        network = Network(self.sizes, self.family.activation, 0, 0)
        names = tuple(f"w{i}" for i in range(network.n_weights))
        inputs = self.data.inputs.names if self.data.inputs is not None else ()
        groups = {"rhs": rhs, "observed": observed, inputs_of(0): features}
        return Graph(
            tuple(b.nodes), groups, self.states, names, inputs, tuple(self.data.covariates), networks=(network,)
        )

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        seen = self.problem.seen
        first = seen.first(self.scales.y_mean)
        speed = first[:, self._speed] if self._speed else first_slopes(self.data, seen.with_starts)[:, self._place]
        labels = tuple(f"w{i}" for i in range(len(self._start)))
        start = np.column_stack([first[:, self._place], speed])
        return Block("weights", labels, self._start), Block("initial", self.states, start, per="trajectory")

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """What the network maps to what; its weights are in the run."""
        n = len(self._place)
        names = ", ".join([*self.states, *(self.data.inputs.names if self.data.inputs else ()), *self.data.covariates])
        shape = "-".join(map(str, self.sizes))
        moves = [f"d {q}/dt = {v}" for q, v in zip(self.states[:n], self.states[n:], strict=True)]
        return (*moves, *(f"d {v}/dt = network_{i}({names})   [{shape}]" for i, v in enumerate(self.states[n:])))
