"""y(t) as a network of one hidden layer, with the derivatives that least squares on its defect needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """The network over s in [0, 1]: N(s) = W₂ tanh(w₁ s + b₁) + b₂ (state,), with `hidden` units.

    The weights are one vector: w₁ (hidden,), b₁ (hidden,), W₂ (state, hidden) row by row, b₂ (state,).
    """

    hidden: int
    states: int

    @property
    def n_weights(self) -> int:
        """The length of the vector of weights."""
        return (2 + self.states) * self.hidden + self.states

    def start(self, rng: np.random.Generator, steepness: float) -> np.ndarray:
        """Units that turn at random places in [0, 1], with slopes up to `steepness`; the outputs begin at 0."""
        slope = rng.uniform(-steepness, steepness, self.hidden)
        turn = rng.uniform(0, 1, self.hidden)
        return np.concatenate([slope, -slope * turn, np.zeros(self.states * (self.hidden + 1))])

    def parts(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """w₁, b₁, W₂, b₂."""
        h = self.hidden
        return w[:h], w[h : 2 * h], w[2 * h : (2 + self.states) * h].reshape(self.states, h), w[(2 + self.states) * h :]

    def values(self, w: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """N and dN/ds (point, state) at s (point,)."""
        w1, b1, w2, b2 = self.parts(w)
        a = np.tanh(np.outer(s, w1) + b1)
        return a @ w2.T + b2, ((1 - a * a) * w1) @ w2.T

    def by_weights(self, w: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """∂N/∂w and ∂(dN/ds)/∂w (point, state, weight)."""
        h, d = self.hidden, self.states
        w1, b1, w2, _ = self.parts(w)
        a = np.tanh(np.outer(s, w1) + b1)
        slope = 1 - a * a
        bend = -2 * a * slope
        value, rate = (np.zeros((len(s), d, self.n_weights)) for _ in range(2))
        value[:, :, :h] = w2 * (slope * s[:, None])[:, None]
        value[:, :, h : 2 * h] = w2 * slope[:, None]
        rate[:, :, :h] = w2 * (slope + w1 * bend * s[:, None])[:, None]
        rate[:, :, h : 2 * h] = w2 * (w1 * bend)[:, None]
        for k in range(d):
            own = slice((2 + k) * h, (3 + k) * h)
            value[:, k, own], rate[:, k, own] = a, slope * w1
            value[:, k, (2 + d) * h + k] = 1.0
        return value, rate


@dataclass(frozen=True)
class Curve:
    """y(t) from t0 over a length of time: y0 + s N(s) where the start is exact, N(s) where it is one more equation."""

    shape: Shape
    y0: np.ndarray  # (state,)
    t0: float
    length: float  # may be negative
    exact: bool

    def start(self, rng: np.random.Generator, steepness: float) -> np.ndarray:
        """Weights with which y is y0 for all times (see Shape.start)."""
        w = self.shape.start(rng, steepness)
        if not self.exact:
            w[-self.shape.states :] = self.y0
        return w

    def place(self, t: np.ndarray) -> np.ndarray:
        """s of times t."""
        return (t - self.t0) / self.length

    def points(self, n: int) -> np.ndarray:
        """Chebyshev's n points of the window (point,), both ends among them."""
        return self.t0 + self.length * 0.5 * (1 - np.cos(np.pi * np.linspace(0, 1, n)))

    def at(self, w: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """y and dy/dt (point, state) at t (point,)."""
        s = self.place(t)
        n, rate = self.shape.values(w, s)
        if self.exact:
            return self.y0 + s[:, None] * n, (n + s[:, None] * rate) / self.length
        return n, rate / self.length

    def by_weights(self, w: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """∂y/∂w and ∂(dy/dt)/∂w (point, state, weight)."""
        s = self.place(t)[:, None, None]
        n, rate = self.shape.by_weights(w, s[:, 0, 0])
        return (s * n, (n + s * rate) / self.length) if self.exact else (n, rate / self.length)
