"""An encoder in a graph: the state at the beginning of a trajectory from its first samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .graph import Graph
from .network import Network, inputs_of
from .nodes import Builder

HIDDEN = 16  # units of the layer beside the linear part

Scale = tuple[np.ndarray, np.ndarray]  # centre and size of each of several quantities


@dataclass(frozen=True)
class Encoder:
    """y0 = centre + size · (linear z + L z + network(z)), z the first samples of a trajectory, each scaled.

    `start` are the weights of L and of the network, whose last layer is 0, so that y0 begins at the linear part alone.
    Initial states by a network of the first inputs and outputs: Beintema, Tóth & Schoukens (2021), L4DC, PMLR 144.
    """

    samples: int  # of each trajectory
    spacing: tuple[float, ...]  # their times after the first one; () where these differ, and are themselves given
    graph: Graph  # the group `initial`, of the samples as covariates and of the weights
    start: np.ndarray  # (weight,)

    @classmethod
    def of(
        cls,
        states: Sequence[str],
        samples: int,
        spacing: Sequence[float],
        scale: Scale,
        linear: np.ndarray,
        ends: Scale,
        generator: np.random.Generator,
    ) -> Encoder:
        """`scale` is that of what is given (feature,), `ends` that of the states; `linear` is (state, feature).

        Hidden weights are drawn with variance 1/inputs (LeCun, Bottou, Orr & Müller 1998, section 4.6).
        """
        n_states, n = linear.shape
        b = Builder()
        z = tuple(
            b.div(b.sub(b.leaf("c", i), b.constant(middle)), b.constant(width))
            for i, (middle, width) in enumerate(zip(*scale, strict=True))
        )
        straight = Network((n, n_states), "tanh", 0, 0)
        bent = Network((n, HIDDEN, n_states), "tanh", straight.n_weights, n_states)
        initial = []
        for i, (middle, width) in enumerate(zip(*ends, strict=True)):
            total = b.add(b.leaf("z", i), b.leaf("z", n_states + i))
            for j in np.flatnonzero(linear[i]):
                total = b.add(total, b.mul(b.constant(linear[i, j]), z[j]))
            initial.append(b.add(b.constant(middle), b.mul(b.constant(width), total)))
        names = tuple(f"e{i}" for i in range(straight.n_weights + bent.n_weights))
        groups = {"initial": tuple(initial), inputs_of(0): z, inputs_of(1): z}
        given = tuple(f"s{i}" for i in range(n))
        graph = Graph(tuple(b.nodes), groups, tuple(states), names, (), given, networks=(straight, bent))
        start = np.concatenate([np.zeros(straight.n_weights), *_drawn(bent.sizes, generator)])
        return cls(samples, tuple(float(each) for each in spacing), graph, start)


def _drawn(sizes: tuple[int, ...], generator: np.random.Generator) -> list[np.ndarray]:
    """Weights and biases layer by layer, the last layer 0."""
    parts, layers = [], list(pairwise(sizes))
    for k, (n_in, n_out) in enumerate(layers):
        reach = np.sqrt(3 / n_in) * (k < len(layers) - 1)
        parts += [generator.uniform(-reach, reach, n_in * n_out), np.zeros(n_out)]
    return parts
