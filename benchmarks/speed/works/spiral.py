"""The damped spiral of torchdiffeq's demonstration: one trajectory, a small network, forward and gradient.

True system: dy/dt = y³ A with A = [[-0.1, 2], [-2, -0.1]] (examples/ode_demo.py of torchdiffeq, which multiplies from
the right). The network sees y itself. `rk4` is Kutta's 3/8 rule in all of them, since it is torchdiffeq's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import ours
from ..contender import Contender, Missing, Ready, Work, step
from ..jax_made import differentiated, jax_in, rk4_38
from ..network import in_torch, jax_network, taught, torch_module

A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
Y0 = np.array([2.0, 0.0])


@dataclass(frozen=True)
class Spiral:
    """ts (time,), ys (time, 2) of the true system, and how it is to be solved."""

    ts: np.ndarray
    ys: np.ndarray
    method: str  # rk4, one step from each time to the next, or dopri5
    sizes: tuple[int, ...] = (2, 50, 2)
    rtol: float = 1e-7
    atol: float = 1e-9

    @property
    def tolerances(self) -> dict[str, float]:
        """Those of an adaptive method."""
        return {"rtol": self.rtol, "atol": self.atol} if self.method == "dopri5" else {}


def truth(ts: np.ndarray) -> np.ndarray:
    """The true system's states at ts."""
    from scipy.integrate import solve_ivp

    found = solve_ivp(lambda t, y: y**3 @ A, (ts[0], ts[-1]), Y0, "DOP853", ts, rtol=1e-11, atol=1e-12)
    return np.asarray(found.y.T)


def spiral(method: str, tiny: bool) -> Spiral:
    """500 points on [0, 25], or 20 on its first second."""
    ts = np.linspace(0.0, 1.0, 20) if tiny else np.linspace(0.0, 25.0, 500)
    return Spiral(ts, truth(ts), method)


def start(problem: Spiral) -> np.ndarray:
    """A network that has learned the slopes of the spiral on the way to its centre."""
    ys = truth(np.linspace(0.0, 25.0, 500))
    return taught(problem.sizes, ys, ys**3 @ A, seed=0)


def by_torchdiffeq(problem: Spiral, precision: str) -> Ready:
    """`odeint`, autograd through its steps."""
    from torchdiffeq import odeint

    return in_torch(
        problem.sizes,
        precision,
        (Y0, problem.ts, problem.ys),
        lambda f, y0, ts: odeint(f, y0, ts, method=problem.method, **problem.tolerances),
    )


def by_torchode(problem: Spiral, precision: str) -> Ready:
    """`AutoDiffAdjoint` with an integral controller, a batch of one."""
    if problem.method != "dopri5":
        raise Missing("torchode has no fixed-step method of order 4")
    import torchode

    def solve(f: Any, y0: Any, ts: Any) -> Any:
        term = torchode.ODETerm(f)
        control = torchode.IntegralController(problem.atol, problem.rtol, term=term)
        solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), control)
        return solver.solve(torchode.InitialValueProblem(y0=y0[None], t_eval=ts[None])).ys[0]

    return in_torch(problem.sizes, precision, (Y0, problem.ts, problem.ys), solve)


def by_diffrax(problem: Spiral, precision: str) -> Ready:
    """`value_and_grad` of `diffeqsolve`, jitted, with its default adjoint; the fixed steps end at the times wanted."""
    jax = jax_in(precision)
    import diffrax

    y0, ts, ys = (jax.numpy.asarray(each) for each in (Y0, problem.ts, problem.ys))
    term = diffrax.ODETerm(lambda t, y, p: jax_network(p, y))
    if problem.method == "dopri5":
        how = {
            "solver": diffrax.Dopri5(), "saveat": diffrax.SaveAt(ts=ts), "max_steps": 4096,
            "stepsize_controller": diffrax.PIDController(rtol=problem.rtol, atol=problem.atol),
        }  # fmt: skip
    else:
        how = {
            "solver": rk4_38(), "saveat": diffrax.SaveAt(t0=True, steps=True), "max_steps": len(problem.ts) - 1,
            "stepsize_controller": diffrax.StepTo(ts=ts),
        }  # fmt: skip

    def loss(p: Any) -> Any:
        found = diffrax.diffeqsolve(term, t0=ts[0], t1=ts[-1], dt0=None, y0=y0, args=p, **how)
        return jax.numpy.mean((found.ys - ys) ** 2)

    return differentiated(loss, start(problem), problem.sizes, precision)


def by_scan(problem: Spiral, precision: str) -> Ready:
    """The same steps written by hand with `jax.lax.scan`, jitted: what JAX can do without a library of solvers."""
    if problem.method != "rk4":
        raise Missing("a loop of equal steps only")
    jax = jax_in(precision)
    y0, ys = jax.numpy.asarray(Y0), jax.numpy.asarray(problem.ys)
    h = float(problem.ts[1] - problem.ts[0])

    def loss(p: Any) -> Any:
        def one(y: Any, _: None) -> Any:
            k1 = jax_network(p, y)
            k2 = jax_network(p, y + h / 3 * k1)
            k3 = jax_network(p, y + h * (k2 - k1 / 3))
            k4 = jax_network(p, y + h * (k1 - k2 + k3))
            y = y + h / 8 * (k1 + 3 * (k2 + k3) + k4)
            return y, y

        found = jax.lax.scan(one, y0, None, length=len(problem.ts) - 1)[1]
        return jax.numpy.mean(jax.numpy.concatenate([y0[None] - ys[:1], found - ys[1:]]) ** 2)

    return differentiated(loss, start(problem), problem.sizes, precision)


def by_us(engine: str, problem: Spiral, precision: str) -> Ready:
    """`wb.prepare`, then the handle and autograd."""
    return ours.gradient(*asked(problem, precision), engine=engine, precision=precision, **how(problem))


def by_us_in_numpy(problem: Spiral, precision: str) -> Ready:
    """`wb.prepare`, then the handle and its solution's own gradient."""
    return ours.gradient_in_numpy(*asked(problem, precision), precision=precision, **how(problem))


def asked(problem: Spiral, precision: str) -> tuple[Any, ...]:
    """The network, its start, the times and the data."""
    return torch_module(problem.sizes, precision), Y0, problem.ts, problem.ys


def how(problem: Spiral) -> dict[str, Any]:
    """The solver and its tolerances."""
    return {"solver": "rk4_38" if problem.method == "rk4" else "dopri5", **problem.tolerances}


PEERS = {
    "torchdiffeq": Contender(by_torchdiffeq, ("torchdiffeq",)),
    "torchode": Contender(by_torchode, ("torchode",)),
    "diffrax": Contender(by_diffrax, ("diffrax",)),
    "jax by hand": Contender(by_scan, ("jax",)),
}
ENGINES = {
    "workbench compiled": Contender(partial(by_us, "compiled"), ours=True),
    "workbench compiled, NumPy": Contender(by_us_in_numpy, ours=True),
    "workbench torch": Contender(partial(by_us, "torch"), ours=True),
}
SAYS = (
    "One trajectory, MLP 2-50-2 with tanh, 500 points on [0, 25]: mean squared error and its gradient in all weights; "
    "of the compiled engine once by torch's autograd through the module, once from NumPy by `Solution.gradient`."
)

WORKS = {
    "spiral_rk4": Work(
        title="damped spiral, rk4",
        problem=partial(spiral, "rk4"),
        start=start,
        vary=step,
        contenders=PEERS | ENGINES,
        agree={"float32": 1e-3, "float64": 1e-9},  # the same steps: rounding only
        says=SAYS + " One step of the 3/8 rule from each point to the next.",
        goals={
            "workbench compiled": {"torchdiffeq": 1000, "diffrax": 40},
            "workbench compiled, NumPy": {"torchdiffeq": 1000, "diffrax": 40},
            "workbench torch": {"torchdiffeq": 50, "diffrax": 2},
        },
    ),
    "spiral_dopri5": Work(
        title="damped spiral, dopri5",
        problem=partial(spiral, "dopri5"),
        start=start,
        vary=step,
        contenders=PEERS | ENGINES,
        agree={"float32": 1e-2, "float64": 1e-3},  # steps of their own, and other curves between them
        says=SAYS + " rtol 1e-7, atol 1e-9.",
        goals={
            "workbench compiled": {"torchdiffeq": 2000, "diffrax": 30},
            "workbench compiled, NumPy": {"torchdiffeq": 2000, "diffrax": 30},
        },
    ),
}
