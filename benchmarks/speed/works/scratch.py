"""The damped spiral from scratch: seconds until the whole trajectory is met to a mean squared error of 1e-4.

Peers train on 49 segments of 10 points at once, with Adam at 1e-2, as their users do who are in a hurry; the whole
trajectory is looked at every 25 iterations, in time that does not count. Weights start as N(0, 0.1²), biases at 0, as
in torchdiffeq's demonstration. What is varied is the seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .. import ours
from ..contender import Contender, Ready, Result, Work
from ..jax_made import jax_in
from ..network import evaluate, jax_network, layers, load_torch, torch_module
from .spiral import Y0, truth

LOOK = 25  # iterations between two looks at the whole trajectory
RATE = 1e-2
SEGMENT = 10  # points


@dataclass(frozen=True)
class Scratch:
    """ts (time,), ys (time, 2) without noise, the error to be reached, and the seconds after which it is given up."""

    ts: np.ndarray
    ys: np.ndarray
    target: float
    hidden: int = 50
    longest: float = 180.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the network."""
        return (2, self.hidden, 2)

    @property
    def starts(self) -> np.ndarray:
        """Where segments begin."""
        return np.arange(0, len(self.ts) - SEGMENT, SEGMENT)

    def segments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Starts (segment, 2), times within a segment (11,), and the points to be met (10, segment, 2)."""
        wanted = np.stack([self.ys[self.starts + k] for k in range(1, SEGMENT + 1)])
        return self.ys[self.starts], self.ts[: SEGMENT + 1] - self.ts[0], wanted

    def error(self, p: np.ndarray) -> float:
        """The mean squared error of the whole trajectory."""
        h, y, ys = self.ts[1] - self.ts[0], Y0[None], [Y0]
        with np.errstate(all="ignore"):
            for _ in self.ts[1:]:
                k1 = evaluate(p, self.sizes, y)
                k2 = evaluate(p, self.sizes, y + h / 2 * k1)
                k3 = evaluate(p, self.sizes, y + h / 2 * k2)
                y = y + h / 6 * (k1 + 2 * (k2 + k3) + evaluate(p, self.sizes, y + h * k3))
                ys.append(y[0])
            off = float(np.mean((np.array(ys) - self.ys) ** 2))
        return off if np.isfinite(off) else float("inf")


def scratch(tiny: bool) -> Scratch:
    """The spiral's 500 points, or 40 on the first two seconds and an error that is soon reached."""
    ts = np.linspace(0.0, 2.0, 40) if tiny else np.linspace(0.0, 25.0, 500)
    return Scratch(ts, truth(ts), 1e-1, hidden=8, longest=120.0) if tiny else Scratch(ts, truth(ts), 1e-4)


def drawn(problem: Scratch, seed: np.ndarray) -> np.ndarray:
    """Start weights."""
    rng, parts = np.random.default_rng(int(seed[0])), []
    for n_in, n_out in pairwise(problem.sizes):
        parts += [0.1 * rng.standard_normal(n_out * n_in), np.zeros(n_out)]
    return np.concatenate(parts)


def trained(problem: Scratch, advance: Callable[[], None], weights: Callable[[], np.ndarray]) -> tuple[float, float]:
    """The error reached and the seconds of training; infinite where the target was not reached."""
    spent = 0.0
    while spent < problem.longest:
        began = time.perf_counter()
        for _ in range(LOOK):
            advance()
        spent += time.perf_counter() - began
        error = problem.error(weights())
        if error <= problem.target:
            return error, spent
    return error, float("inf")


def ready(problem: Scratch, run: Callable[[Any], tuple[float, float]]) -> Ready:
    """`run(seed)` gives the error and the seconds that count."""

    def read(result: tuple[float, float]) -> Result:
        return 0.0, np.array([float(result[0] <= problem.target)])

    return Ready(lambda seed: seed, run, read, spent=lambda result: result[1])


def by_torchdiffeq(problem: Scratch, precision: str) -> Ready:
    """`odeint` with rk4 and torch's Adam."""
    import torch
    from torchdiffeq import odeint

    y0, ts, wanted = (torch.as_tensor(each, dtype=getattr(torch, precision)) for each in problem.segments())

    def run(seed: np.ndarray) -> tuple[float, float]:
        module = torch_module(problem.sizes, precision)
        load_torch(module, drawn(problem, seed))
        optimizer = torch.optim.Adam(module.parameters(), RATE)

        def advance() -> None:
            optimizer.zero_grad()
            torch.mean((odeint(module, y0, ts, method="rk4")[1:] - wanted) ** 2).backward()
            optimizer.step()

        return trained(
            problem,
            advance,
            lambda: torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy().astype(float),
        )

    return ready(problem, run)


def by_diffrax(problem: Scratch, precision: str) -> Ready:
    """`diffeqsolve` with Tsit5 at the same steps, and Adam (Kingma & Ba 2015, algorithm 1), jitted as one step."""
    jax = jax_in(precision)
    import diffrax

    jnp = jax.numpy
    y0, ts, wanted = (jnp.asarray(each) for each in problem.segments())
    term = diffrax.ODETerm(lambda t, y, p: jax_network(layers(p, problem.sizes), y))

    def loss(p: Any) -> Any:
        found = diffrax.diffeqsolve(
            term, diffrax.Tsit5(), t0=ts[0], t1=ts[-1], dt0=None, y0=y0, args=p, saveat=diffrax.SaveAt(steps=True),
            stepsize_controller=diffrax.StepTo(ts=ts), max_steps=SEGMENT,
        )  # fmt: skip
        return jnp.mean((found.ys - wanted) ** 2)

    def advance(p: Any, m: Any, v: Any, k: Any) -> Any:
        g = jax.grad(loss)(p)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        return p - RATE * m / (1 - 0.9**k) / (jnp.sqrt(v / (1 - 0.999**k)) + 1e-8), m, v, k + 1

    def begin(seed: np.ndarray) -> Any:
        p = jnp.asarray(drawn(problem, seed))
        return p, p * 0, p * 0, jnp.asarray(1.0)

    compiled = jax.jit(advance).lower(*begin(np.zeros(1))).compile()

    def run(seed: np.ndarray) -> tuple[float, float]:
        state = [begin(seed)]

        def one() -> None:
            state[0] = jax.block_until_ready(compiled(*state[0]))

        return trained(problem, one, lambda: np.asarray(state[0][0], float))

    return ready(problem, run)


WORKS = {
    "scratch": Work(
        title="damped spiral from scratch",
        problem=scratch,
        start=lambda problem: np.zeros(1),
        vary=lambda start, number: np.array([float(number)]),
        contenders={
            "torchdiffeq segments + Adam": Contender(by_torchdiffeq, ("torchdiffeq",), calls=1),
            "diffrax segments + Adam": Contender(by_diffrax, ("diffrax",), calls=1),
            "workbench ladder": Contender(ours.ladder, ours=True, calls=1),
        },
        agree={"float64": 0.0},
        reference=lambda problem: (0.0, np.ones(1)),
        rounds=5,
        says="MLP 2-50-2 with tanh, 500 points without noise, to a mean squared error of 1e-4 over the whole "
        "trajectory. Five seeds; a contender's first call is the first seed. Compilation is not in it.",
        goals={"workbench ladder": {"torchdiffeq segments + Adam": 100}},
    ),
}
