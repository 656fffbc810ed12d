"""Noisy pieces of two spirals, observed at some of their times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TURNS = 6 * np.pi  # the angle that each spiral runs through
POINTS = 1000  # on a whole spiral
LENGTH = 100  # of a piece, and of what is forecast after it and before it
STEP = TURNS / (POINTS - 1)


@dataclass(frozen=True)
class Spirals:
    """`truth` (trajectory, 3·LENGTH, 2): LENGTH points before the piece, the piece, LENGTH after it; no noise in it.

    `seen` (trajectory, observation) says at which points of the piece there are observations, in order, and `values`
    (trajectory, observation, 2) what they are; `clockwise` (trajectory,) which way each turns.
    """

    truth: np.ndarray
    seen: np.ndarray
    values: np.ndarray
    clockwise: np.ndarray

    @property
    def t(self) -> np.ndarray:
        """When the observations were made (trajectory, observation): angles, from 0 at the piece's first point."""
        return self.seen * STEP


def times(first: int, count: int) -> np.ndarray:
    """The times of `count` points (point,) from the point `first` of a piece on."""
    return STEP * np.arange(first, first + count)


def curves() -> np.ndarray:
    """The two whole spirals (2, point, 2): anticlockwise of radius 0.3 t, clockwise of radius 15/(6π + 1 − t).

    Their centres are at 5 and −5 of the first axis. As in the example of torchdiffeq that its authors published
    (rtqichen/torchdiffeq, examples/latent_ode.py, pull request 5); the paper does not print its own.
    """
    t = np.linspace(0.0, TURNS, POINTS)
    z = TURNS + 1 - t
    out = np.stack([0.3 * t * np.cos(t) + 5, 0.3 * t * np.sin(t)], axis=-1)
    back = np.stack([15 / z * np.cos(z) - 5, 15 / z * np.sin(z)], axis=-1)
    return np.stack([out, back])


def spirals(count: int, observations: int, noise: float, rng: np.random.Generator) -> Spirals:
    """`count` pieces that begin anywhere, each observed at as many of its points, drawn without replacement."""
    whole = curves()
    clockwise = rng.random(count) < 0.5
    first = rng.integers(LENGTH, POINTS - 3 * LENGTH, count)
    place = first[:, None] - LENGTH + np.arange(3 * LENGTH)
    truth = whole[clockwise.astype(int)[:, None], place]
    seen = np.sort(np.argsort(rng.random((count, LENGTH)), axis=1)[:, :observations], axis=1)
    piece = truth[:, LENGTH : 2 * LENGTH]
    values = np.take_along_axis(piece, seen[:, :, None], axis=1)
    return Spirals(truth, seen, values + noise * rng.standard_normal(values.shape), clockwise)
