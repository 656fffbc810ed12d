"""A multilayer perceptron as right-hand side, every channel a state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench import Block, Graph, Problem, from_network
from workbench.errors.usage import UsageError
from workbench.graph import Encoder

from .offers import Activation, Features
from .scales import Scales
from .starts import drawn

if TYPE_CHECKING:
    import torch

LARGEST_INITIAL = 200  # initial values that are freed; with more of them they stay at the first observations


@dataclass(frozen=True)
class Mlp:
    """dy/dt = slope · network((y − mean)/spread, u, c[, t]); sizes are measured on the data without the test part."""

    hidden: tuple[int, ...]
    activation: Activation
    features: Features
    decay: float
    augment: int = 0
    encoder: int = 0  # samples that the initial state is made of; 0: each trajectory has its own

    def build(self, problem: Problem, generator: np.random.Generator) -> MlpField:
        """A network for the problem's channels, its weights drawn from `generator`."""
        if problem.data is None:
            raise UsageError(
                "a network is fitted to data, and there is none", help="give a data file, or simulate one first"
            )
        if not 0 <= self.augment <= 64:
            raise UsageError(f"0 to 64 states can be added, not {self.augment}", help="-S dynamics.augment=2")
        return MlpField(self, problem, Scales.of(problem).widened(self.augment), generator)


class MlpField:
    """The network with its start weights: Glorot & Bengio (2010, eq. 16), the last layer at a tenth of that."""

    def __init__(self, family: Mlp, problem: Problem, scales: Scales, generator: np.random.Generator) -> None:
        assert problem.data is not None
        self.family, self.problem, self.data, self.scales = family, problem, problem.data, scales
        taken = problem.data.channels
        added = (name for name in (f"a{i}" for i in range(1, 129)) if name not in taken)
        self.states = (*taken, *(next(added) for _ in range(family.augment)))
        width = len(self.states) + len(scales.u_mean) + len(scales.c_mean) + (family.features == "state+time")
        self.sizes = (width, *family.hidden, len(self.states))
        self._start = drawn(self.sizes, generator)
        self.encoder = self._encoder(generator) if family.encoder else None

    def _encoder(self, generator: np.random.Generator) -> Encoder:
        """Channels begin at their first sample, added states at 0."""
        scales, d = self.scales, self.data.n_channels
        first = self.problem.seen.first_samples(self.family.encoder)
        scale = first.scale((scales.y_mean[:d], scales.y_spread[:d]), (scales.u_mean, scales.u_spread))
        linear = np.eye(len(self.states), len(scale[0])) * (np.arange(len(self.states)) < d)[:, None]
        ends = (scales.y_mean, scales.y_spread)
        return Encoder.of(self.states, self.family.encoder, first.spacing, scale, linear, ends, generator)

    def graph(self) -> Graph:
        """The network with its scaling, its weights in the order of the block."""
        data, scales, with_time = self.data, self.scales, self.family.features == "state+time"
        time = ([scales.t_mean], [scales.t_spread]) if with_time else ([], [])
        return from_network(
            self.family.hidden,
            self.family.activation,
            states=self.states,
            inputs=data.inputs.names if data.inputs is not None else (),
            covariates=tuple(data.covariates),
            with_time=with_time,
            centre=[*scales.y_mean, *scales.u_mean, *scales.c_mean, *time[0]],
            spread=[*scales.y_spread, *scales.u_spread, *scales.c_spread, *time[1]],
            slope=scales.slope,
        )

    def module(self) -> torch.nn.Module:
        """forward(t (rows, 1), y (rows, state), u (rows, input), c (rows, covariate)) → (rows, state)."""
        from .network import Network

        return Network(self.sizes, self.family.activation, self.scales, self.family.features == "state+time")

    def blocks(self) -> tuple[Block, ...]:
        """`weights` (shared) and `initial` (one each trajectory, starting at its first observations), or `encoder`."""
        labels = tuple(f"w{i}" for i in range(len(self._start)))
        weights = Block("weights", labels, self._start, shrink=self.family.decay)
        if self.encoder is not None:
            names, start = self.encoder.graph.parameters, self.encoder.start
            return weights, Block("encoder", names, start, origin=start)
        first = self.problem.seen.first(self.scales.y_mean[: self.data.n_channels])
        first = np.pad(first, ((0, 0), (0, self.family.augment)))
        free = first.size <= LARGEST_INITIAL
        return weights, Block("initial", self.states, first, free=free, per="trajectory")

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """What the network maps to what; its weights are in the run."""
        names = ", ".join([*self.states, *(self.data.inputs.names if self.data.inputs else ()), *self.data.covariates])
        shape = "-".join(map(str, self.sizes))
        return tuple(
            f"d {s}/dt = mlp_{i}({names})   [{shape}, {self.family.activation}]" for i, s in enumerate(self.states)
        )
