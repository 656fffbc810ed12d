"""256 trajectories of two coupled pendulums, a larger network, forward and gradient.

True system: q₁″ = −sin q₁ + (q₂ − q₁)/2 − q₁′/20, q₂″ = −sin q₂ + (q₁ − q₂)/2 − q₂′/20, starts uniform in [−1, 1]⁴.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import ours
from ..contender import Contender, Ready, Work, step
from ..jax_made import differentiated, jax_in
from ..network import in_torch, jax_network, taught, torch_module


@dataclass(frozen=True)
class Trajectories:
    """y0 (trajectory, 4), ts (time,), ys (trajectory, time, 4)."""

    y0: np.ndarray
    ts: np.ndarray
    ys: np.ndarray
    sizes: tuple[int, ...] = (4, 64, 64, 4)
    rtol: float = 1e-6
    atol: float = 1e-8


def slopes(y: np.ndarray) -> np.ndarray:
    """f at y (…, 4)."""
    q, v = y[..., :2], y[..., 2:]
    return np.concatenate([v, -np.sin(q) + (q[..., ::-1] - q) / 2 - v / 20], axis=-1)


def trajectories(tiny: bool) -> Trajectories:
    """256 trajectories at 50 times on [0, 5], or 8 of them at 10 on the first second."""
    from scipy.integrate import solve_ivp

    n, ts = (8, np.linspace(0.0, 1.0, 10)) if tiny else (256, np.linspace(0.0, 5.0, 50))
    y0 = np.random.default_rng(0).uniform(-1, 1, (n, 4))
    found = solve_ivp(
        lambda t, y: slopes(y.reshape(n, 4)).ravel(), (0.0, ts[-1]), y0.ravel(), "DOP853", ts, rtol=1e-11, atol=1e-11
    )
    return Trajectories(y0, ts, found.y.T.reshape(len(ts), n, 4).swapaxes(0, 1))


def start(problem: Trajectories) -> np.ndarray:
    """A network that has learned slopes around the origin."""
    y = np.random.default_rng(1).uniform(-1.5, 1.5, (2000, 4))
    return taught(problem.sizes, y, slopes(y), seed=0)


def by_torchdiffeq(problem: Trajectories, precision: str) -> Ready:
    """`odeint`: one step size for all trajectories, its norm their root mean square."""
    from torchdiffeq import odeint

    tolerances = {"rtol": problem.rtol, "atol": problem.atol}
    return in_torch(
        problem.sizes,
        precision,
        (problem.y0, problem.ts, problem.ys),
        lambda f, y0, ts: odeint(f, y0, ts, method="dopri5", **tolerances).swapaxes(0, 1),
    )


def by_torchode(problem: Trajectories, precision: str) -> Ready:
    """`AutoDiffAdjoint`: a step size for each trajectory."""
    import torchode

    def solve(f: Any, y0: Any, ts: Any) -> Any:
        term = torchode.ODETerm(f)
        control = torchode.IntegralController(problem.atol, problem.rtol, term=term)
        solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), control)
        return solver.solve(torchode.InitialValueProblem(y0=y0, t_eval=ts.expand(len(y0), -1))).ys

    return in_torch(problem.sizes, precision, (problem.y0, problem.ts, problem.ys), solve)


def by_diffrax(each: bool, problem: Trajectories, precision: str) -> Ready:
    """`value_and_grad` of `diffeqsolve`, jitted: one step size for all, or with vmap one `each`."""
    jax = jax_in(precision)
    import diffrax

    y0, ts, ys = (jax.numpy.asarray(part) for part in (problem.y0, problem.ts, problem.ys))
    term = diffrax.ODETerm(lambda t, y, p: jax_network(p, y))
    control = diffrax.PIDController(rtol=problem.rtol, atol=problem.atol)

    def solve(y0: Any, p: Any) -> Any:
        return diffrax.diffeqsolve(
            term, diffrax.Dopri5(), t0=ts[0], t1=ts[-1], dt0=None, y0=y0, args=p, stepsize_controller=control,
            saveat=diffrax.SaveAt(ts=ts),
        ).ys  # fmt: skip

    def loss(p: Any) -> Any:
        found = jax.vmap(solve, (0, None))(y0, p) if each else solve(y0, p).swapaxes(0, 1)
        return jax.numpy.mean((found - ys) ** 2)

    return differentiated(loss, start(problem), problem.sizes, precision)


def by_us(engine: str, problem: Trajectories, precision: str) -> Ready:
    """`wb.prepare`, then the handle and autograd: a step size for each trajectory."""
    return ours.gradient(
        torch_module(problem.sizes, precision), problem.y0, problem.ts, problem.ys, precision=precision, engine=engine,
        solver="dopri5", rtol=problem.rtol, atol=problem.atol,
    )  # fmt: skip


WORKS = {
    "trajectories": Work(
        title="256 trajectories, dopri5",
        problem=trajectories,
        start=start,
        vary=step,
        contenders={
            "torchdiffeq": Contender(by_torchdiffeq, ("torchdiffeq",)),
            "torchode": Contender(by_torchode, ("torchode",)),
            "diffrax": Contender(partial(by_diffrax, False), ("diffrax",)),
            "diffrax vmap": Contender(partial(by_diffrax, True), ("diffrax",)),
            "workbench compiled": Contender(partial(by_us, "compiled"), ours=True),
            "workbench torch": Contender(partial(by_us, "torch"), ours=True),
        },
        agree={"float32": 1e-2, "float64": 1e-3},  # steps of their own, and other curves between them
        threads=(1, 2),
        says="Coupled pendulums, MLP 4-64-64-4 with tanh, 50 times on [0, 5], rtol 1e-6, atol 1e-8: mean squared error "
        "and its gradient in all weights. torchdiffeq and diffrax take one step size for all trajectories, torchode "
        "and diffrax under vmap one for each.",
        goals={"workbench compiled": {"torchdiffeq": 5, "diffrax": 2}},
    ),
}
