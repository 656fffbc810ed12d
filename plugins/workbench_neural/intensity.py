"""Counts of events whose intensity a hidden state says: a point process with a latent ODE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Block, Graph, Problem
from workbench.errors.usage import UsageError
from workbench.graph import Builder, Network, inputs_of

from .offers import Activation, Features
from .scales import Scales
from .starts import drawn


@dataclass(frozen=True)
class Intensity:
    """dn/dt = rate · exp(network(z)), dz/dt = network(z, t)/span: n counts events, z is hidden and of size 1.

    Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366, section 5.1.
    """

    latent: int
    hidden: tuple[int, ...]
    activation: Activation
    features: Features
    decay: float

    def build(self, problem: Problem, generator: np.random.Generator) -> IntensityField:
        """Networks for the problem's channels, their weights drawn from `generator`."""
        if problem.data is None:
            raise UsageError("a network is fitted to data, and there is none", help="give a data file")
        if not 1 <= self.latent <= 64:
            raise UsageError(f"there are 1 to 64 hidden states, not {self.latent}", help="-S dynamics.latent=2")
        return IntensityField(self, problem, generator)


class IntensityField:
    """Blocks `weights` and `initial`: counts are held at their first values, hidden states are free."""

    def __init__(self, family: Intensity, problem: Problem, generator: np.random.Generator) -> None:
        assert problem.data is not None
        self.family, self.problem, self.data = family, problem, problem.data
        self.observed = problem.data.channels
        hidden = (name for name in (f"z{i}" for i in range(1, 129)) if name not in self.observed)
        self.states = (*self.observed, *(next(hidden) for _ in range(family.latent)))
        self.scales = Scales.of(problem)
        width = family.latent + len(self.scales.u_mean) + len(self.scales.c_mean) + self._with_time
        self.sizes = (
            (width, *family.hidden, family.latent),
            (family.latent, *family.hidden, len(self.observed)),
        )
        slopes, logarithms = (drawn(sizes, generator) for sizes in self.sizes)
        last = (family.hidden[-1] + 1 if family.hidden else width + 1) * family.latent
        slopes[-last:] *= 10  # hidden states move from the start; intensities begin near the mean rate
        self._start = np.concatenate([slopes, logarithms])
        self._initial = generator.standard_normal((problem.data.n_trajectories, family.latent))

    @property
    def _with_time(self) -> bool:
        return self.family.features == "state+time"

    @property
    def _span(self) -> float:
        t = self.data.t[self.problem.seen.observations]
        return max(float(np.ptp(t)), 1e-300) / 4  # four lengths of time of z in what was seen

    @property
    def _rates(self) -> np.ndarray:
        """Events a unit of time (channel,)."""
        values = self.problem.seen.values
        grown = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
        watched = self.problem.seen.ends - self.data.t[self.data.starts]
        return np.where(grown > 0, grown, 1.0) / max(float(watched.max()), 1e-300)

    def graph(self) -> Graph:
        """Both networks, the weights of the hidden states' slopes first."""
        b, scales, n, k = Builder(), self.scales, len(self.observed), self.family.latent
        z = tuple(b.leaf("y", n + i) for i in range(k))
        drives = [b.leaf("u", i) for i in range(len(scales.u_mean))]
        drives += [b.leaf("c", i) for i in range(len(scales.c_mean))]
        middles, widths = [*scales.u_mean, *scales.c_mean], [*scales.u_spread, *scales.c_spread]
        if self._with_time:
            drives.append(b.leaf("t"))
            middles.append(scales.t_mean)
            widths.append(scales.t_spread)
        scaled = tuple(
            b.div(b.sub(node, b.constant(middle)), b.constant(width))
            for node, middle, width in zip(drives, middles, widths, strict=True)
        )
        slopes = Network(self.sizes[0], self.family.activation, 0, 0)
        logarithms = Network(self.sizes[1], self.family.activation, slopes.n_weights, k)
        counted = (b.mul(b.constant(rate), b.apply("exp", b.leaf("z", k + i))) for i, rate in enumerate(self._rates))
        hidden = (b.mul(b.constant(1 / self._span), b.leaf("z", i)) for i in range(k))
        groups = {
            "rhs": (*counted, *hidden),
            "observed": tuple(b.leaf("y", i) for i in range(n)),
            inputs_of(0): (*z, *scaled),
            inputs_of(1): z,
        }
        names = tuple(f"w{i}" for i in range(slopes.n_weights + logarithms.n_weights))
        inputs = self.data.inputs.names if self.data.inputs is not None else ()
        return Graph(
            tuple(b.nodes), groups, self.states, names, inputs, tuple(self.data.covariates),
            networks=(slopes, logarithms),
        )  # fmt: skip

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        labels = tuple(f"w{i}" for i in range(len(self._start)))
        first = self.problem.seen.first(np.zeros(len(self.observed)))
        value = np.concatenate([first, self._initial], axis=1)
        free = np.broadcast_to(np.arange(len(self.states)) >= len(self.observed), value.shape)
        weights = Block("weights", labels, self._start, shrink=self.family.decay)
        return weights, Block("initial", self.states, value, free=free, per="trajectory")

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """What depends on what; the weights are in the run."""
        n = len(self.observed)
        hidden = ", ".join([*self.states[n:], *(self.data.inputs.names if self.data.inputs else ())])
        shapes = ["-".join(map(str, sizes)) for sizes in self.sizes]
        counted = [
            f"d {name}/dt = {rate:.4g} exp(network_{i}({', '.join(self.states[n:])}))   [{shapes[1]}]"
            for i, (name, rate) in enumerate(zip(self.observed, self._rates, strict=True))
        ]
        return (*counted, *(f"d {z}/dt = network({hidden})/{self._span:.4g}   [{shapes[0]}]" for z in self.states[n:]))
