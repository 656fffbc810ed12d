"""Hidden states behind channels: a latent ODE whose initial states an encoder makes of the observations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workbench import Block, Graph, Problem
from workbench.errors.usage import UsageError
from workbench.graph import Builder, Network, inputs_of

from .offers import Activation
from .posterior import GaussianPosterior
from .readings import Readings


@dataclass(frozen=True)
class Latent:
    """dz/dt = network(z, u)/span, channels = mean + spread · network(z), z(t0) ~ N(0, 1) beforehand.

    Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366, section 5.
    """

    size: int
    hidden: tuple[int, ...]
    decoder: tuple[int, ...]
    encoder: int
    activation: Activation
    samples: int

    def build(self, problem: Problem, generator: np.random.Generator) -> LatentField:
        """Networks for the problem's channels, their weights drawn from `generator`."""
        if problem.data is None:
            raise UsageError("a network is fitted to data, and there is none", help="give a data file")
        for name, value, most in (
            ("size", self.size, 64),
            ("encoder", self.encoder, 256),
            ("samples", self.samples, 2**31),
        ):
            if not 1 <= value <= most:
                raise UsageError(f"{name} is 1 to {most}, not {value}", help=f"-S dynamics.{name}=8")
        return LatentField(self, problem, generator)


class LatentField:
    """Blocks `weights` (of slopes, then of the decoder) and `encoder`; there is no block of initial values."""

    def __init__(self, family: Latent, problem: Problem, generator: np.random.Generator) -> None:
        assert problem.data is not None
        self.family, self.data = family, problem.data
        self.observed = problem.data.channels
        names = (name for name in (f"z{i}" for i in range(1, 129)) if name not in self.observed)
        self.states = tuple(next(names) for _ in range(family.size))
        self.readings = Readings.of(problem)
        seen = problem.seen
        self._u_mean, self._u_spread = seen.sizes(seen.inputs)
        width = family.size + len(self._u_mean)
        self.sizes = ((width, *family.hidden, family.size), (family.size, *family.decoder, len(self.observed)))
        self._start = np.concatenate([drawn(sizes, generator) for sizes in self.sizes])
        self._encoder = GaussianPosterior.start(len(self.observed), family.encoder, family.size, generator)

    def posterior(self, problem: Problem) -> GaussianPosterior:
        """The encoder on the observations of a problem like the one that the field was built for."""
        return GaussianPosterior(self.readings, problem, self.family.samples, self.family.encoder, self.family.size)

    def graph(self) -> Graph:
        """Slopes and decoder, the weights in the order of the block."""
        b, scales = Builder(), self.readings
        z = tuple(b.leaf("y", i) for i in range(self.family.size))
        u = tuple(
            b.div(b.sub(b.leaf("u", i), b.constant(middle)), b.constant(width))
            for i, (middle, width) in enumerate(zip(self._u_mean, self._u_spread, strict=True))
        )
        slopes = Network(self.sizes[0], self.family.activation, 0, 0)
        decoder = Network(self.sizes[1], self.family.activation, slopes.n_weights, len(z))
        groups = {
            "rhs": tuple(b.mul(b.constant(1 / scales.span), b.leaf("z", i)) for i in range(len(z))),
            "observed": tuple(
                b.add(b.constant(middle), b.mul(b.constant(width), b.leaf("z", len(z) + i)))
                for i, (middle, width) in enumerate(zip(scales.mean, scales.spread, strict=True))
            ),
            inputs_of(0): (*z, *u),
            inputs_of(1): z,
        }
        names = tuple(f"w{i}" for i in range(slopes.n_weights + decoder.n_weights))
        inputs = self.data.inputs.names if self.data.inputs is not None else ()
        return Graph(
            tuple(b.nodes), groups, self.states, names, inputs, tuple(self.data.covariates),
            networks=(slopes, decoder),
        )  # fmt: skip

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        weights = Block("weights", tuple(f"w{i}" for i in range(len(self._start))), self._start)
        return weights, Block(
            "encoder", tuple(f"e{i}" for i in range(len(self._encoder))), self._encoder, origin=self._encoder
        )

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """What depends on what, and what is seen of it; the weights are in the run."""
        shapes = ["-".join(map(str, sizes)) for sizes in self.sizes]
        of = ", ".join([*self.states, *(self.data.inputs.names if self.data.inputs else ())])
        shown = f"[{shapes[0]}]; {', '.join(self.observed)} = decoder({', '.join(self.states)})   [{shapes[1]}]"
        return tuple(
            f"d {z}/dt = network_{i}({of})/{self.readings.span:.4g}   {shown}" for i, z in enumerate(self.states)
        )


def drawn(sizes: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Weights (out, in) and biases (out,) layer by layer, flat: Glorot & Bengio (2010), eq. 16."""
    parts = []
    for n_in, n_out in pairwise(sizes):
        reach = np.sqrt(6.0 / (n_in + n_out))
        parts += [generator.uniform(-reach, reach, n_in * n_out), np.zeros(n_out)]
    return np.concatenate(parts)
