"""A network as energy; what it says of motion are its derivatives, so that the energy is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Block, Graph, Problem
from workbench.errors.usage import UsageError
from workbench.graph import NONE, Builder, Network, inputs_of

from .offers import Activation
from .scales import Scales
from .starts import drawn


@dataclass(frozen=True)
class Hamiltonian:
    """dq/dt = ∂H/∂p, dp/dt = −∂H/∂q with H = size · network(q, p), every coordinate in units of its spread."""

    momenta: tuple[str, ...]
    hidden: tuple[int, ...]
    activation: Activation

    def build(self, problem: Problem, generator: np.random.Generator) -> HamiltonianField:
        """A network for the problem's coordinates, its weights drawn from `generator`."""
        data = problem.data
        if data is None:
            raise UsageError("a network is fitted to data, and there is none", help="give a data file")
        if data.inputs is not None or data.covariates:
            raise UsageError("an energy that is kept depends on no inputs or covariates", help="-d second-order")
        channels = data.channels
        for name in self.momenta:
            if name not in channels:
                raise UsageError(f"there is no channel {name!r}", help=f"the channels are {', '.join(channels)}")
        if len(channels) % 2 or len(self.momenta) not in (0, len(channels) // 2):
            raise UsageError(
                f"positions and momenta come in pairs, and the channels are {', '.join(channels)}",
                help="observe both of each pair, and name the momenta: -S dynamics.momenta=[px,py]; or -d second-order",
            )
        if not self.hidden:
            raise UsageError("an energy without hidden layers is linear: nothing moves", help="-S dynamics.hidden=[32]")
        return HamiltonianField(self, problem, generator)


class HamiltonianField:
    """Blocks `weights` (no bias on the energy itself, which nothing depends on) and `initial`."""

    def __init__(self, family: Hamiltonian, problem: Problem, generator: np.random.Generator) -> None:
        assert problem.data is not None
        self.family, self.problem, self.data = family, problem, problem.data
        self.states = problem.data.channels
        half = len(self.states) // 2
        momenta = family.momenta or self.states[half:]
        self._p = [self.states.index(name) for name in momenta]
        self._q = [i for i in range(len(self.states)) if i not in self._p]
        self.scales = Scales.of(problem)
        self.sizes = (len(self.states), *family.hidden, 1)
        self._start = drawn(self.sizes, generator)[:-1]

    def graph(self) -> Graph:
        """One network a coordinate, all with the same weights: each carries its derivative along that coordinate."""
        b, scales, n = Builder(), self.scales, len(self.states)
        y = [b.leaf("y", i) for i in range(n)]
        scaled = [
            b.div(b.sub(node, b.constant(middle)), b.constant(width))
            for node, middle, width in zip(y, scales.y_mean, scales.y_spread, strict=True)
        ]
        plain = Network(self.sizes, self.family.activation, 0, 0).layers
        places = tuple((layer.matrix, layer.biases if layer is not plain[-1] else NONE) for layer in plain)
        energy = float(np.sqrt(np.prod(scales.slope[self._q] * scales.y_spread[self._p]) ** (2 / len(self._q))))
        groups: dict[str, tuple[int, ...]] = {}
        networks, along = [], []
        for i in range(n):
            unit = [b.constant(float(i == j)) for j in range(n)]
            groups[inputs_of(i)] = (*scaled, *unit)
            networks.append(Network(self.sizes, self.family.activation, 0, 2 * i, places=places, tangent=True))
            along.append(b.mul(b.constant(energy / scales.y_spread[i]), b.leaf("z", 2 * i + 1)))
        rhs = [0] * n
        for q, p in zip(self._q, self._p, strict=True):
            rhs[q], rhs[p] = along[p], b.neg(along[q])
        groups |= {"rhs": tuple(rhs), "observed": tuple(y)}
        names = tuple(f"w{i}" for i in range(len(self._start)))
        return Graph(tuple(b.nodes), groups, self.states, names, networks=tuple(networks))

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        first = self.problem.seen.first(self.scales.y_mean)
        labels = tuple(f"w{i}" for i in range(len(self._start)))
        return Block("weights", labels, self._start), Block("initial", self.states, first, per="trajectory")

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """Hamilton's equations; the weights of H are in the run."""
        names = ", ".join(self.states)
        texts = [""] * len(self.states)
        for q, p in zip(self._q, self._p, strict=True):
            texts[q] = f"d {self.states[q]}/dt = dH/d{self.states[p]}"
            texts[p] = f"d {self.states[p]}/dt = -dH/d{self.states[q]}"
        texts[0] += f"   with H({names}) a network [{'-'.join(map(str, self.sizes))}]"
        return tuple(texts)
