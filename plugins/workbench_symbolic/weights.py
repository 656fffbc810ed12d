"""Where the weights of learned terms start, and what a prior holds them to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from workbench import System

SMALL = 0.1
"""The last layer, as a share of its usual size: an untrained term hardly changes the equations that call it."""


def drawn(system: System, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The origin and the start of the weights of all terms (weight,), in the order of `System.weight_names`.

    Hidden layers are drawn with variance 1/inputs (LeCun, Bottou, Orr & Müller 1998, section 4.6), biases between −1
    and 1. The origin has the same hidden layers and a last layer of 0: held to it, a term is 0 and can still learn,
    while with all weights at 0 it would have no slope by any but the last bias.
    """
    origins, starts = [np.zeros(0)], [np.zeros(0)]
    for network in system.networks:
        hidden, last = list(pairwise(network.sizes))[:-1], network.sizes[-2]
        for n_in, n_out in hidden:
            layer = np.concatenate(
                [_uniform(generator, n_in * n_out, np.sqrt(3 / n_in)), _uniform(generator, n_out, 1)]
            )
            origins.append(layer)
            starts.append(layer)
        origins.append(np.zeros(last + 1))
        starts.append(np.append(_uniform(generator, last, SMALL * np.sqrt(3 / last)), 0.0))
    return np.concatenate(origins), np.concatenate(starts)


def _uniform(generator: np.random.Generator, n: int, reach: float) -> np.ndarray:
    return generator.uniform(-reach, reach, n)
