"""Lotka and Volterra's equations, four parameters, fitted to 100 noisy points until nothing changes any more.

dx/dt = αx − βxy, dy/dt = δxy − γy from (1, 1), true (α, β, γ, δ) = (1.5, 1, 3, 1), Gaussian noise of 0.1. A result is
the sum of squares and the parameters; all must find the optimum that least squares at the sharpest tolerances finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .. import ours
from ..contender import Contender, Ready, Result, Work, share
from ..jax_made import jax_in

TRUE = np.array([1.5, 1.0, 3.0, 1.0])
START = np.array([1.3, 0.9, 3.2, 1.1])  # from farther away least squares ends in other minima
Y0 = np.array([1.0, 1.0])
RTOL, ATOL = 1e-8, 1e-8  # of every solve
DONE = 1e-8  # relative change of parameters or of the sum of squares at which a fit ends


@dataclass(frozen=True)
class Hunt:
    """ts (time,) and noisy ys (time, 2)."""

    ts: np.ndarray
    ys: np.ndarray


def f(t: float, y: Any, a: float, b: float, c: float, d: float) -> list[float]:
    """The slopes, on plain numbers."""
    x, z = y
    return [a * x - b * x * z, d * x * z - c * z]


def hunt(tiny: bool) -> Hunt:
    """100 points on [0, 10], or 12 on the first three."""
    from scipy.integrate import solve_ivp

    ts = np.linspace(0.0, 3.0, 12) if tiny else np.linspace(0.0, 10.0, 100)
    clean = solve_ivp(f, (0.0, ts[-1]), Y0, "DOP853", ts, args=tuple(TRUE), rtol=1e-11, atol=1e-12).y.T
    return Hunt(ts, clean + 0.1 * np.random.default_rng(0).standard_normal(clean.shape))


def by_least_squares(problem: Hunt, residuals: Callable[..., Any], jacobian: Any, **more: Any) -> Ready:
    """SciPy's Levenberg–Marquardt (MINPACK) on residuals of p."""
    from scipy.optimize import least_squares

    def run(p: np.ndarray) -> Any:
        return least_squares(residuals, p, jacobian, method="lm", xtol=DONE, ftol=DONE, gtol=DONE, **more)

    return Ready(lambda p: p, run, lambda found: (2 * float(found.cost), found.x))


def by_solve_ivp(problem: Hunt, precision: str, method: str = "LSODA") -> Ready:
    """`least_squares` around `solve_ivp`, its Jacobian by differences."""
    from scipy.integrate import solve_ivp

    def residuals(p: np.ndarray) -> np.ndarray:
        found = solve_ivp(f, (0.0, problem.ts[-1]), Y0, method, problem.ts, args=tuple(p), rtol=RTOL, atol=ATOL)
        return (found.y.T - problem.ys).ravel()

    return by_least_squares(problem, residuals, "2-point", diff_step=1e-6)


@lru_cache(maxsize=1)
def with_sensitivities() -> Callable[..., Any]:
    """(t, y and ∂y/∂p flat (10,), α, β, γ, δ) → their slopes: SymPy's derivatives, as one Python function."""
    import sympy

    x, z, *p = sympy.symbols("x z a b c d")
    a, b, c, d = p
    slope = sympy.Matrix([a * x - b * x * z, d * x * z - c * z])
    seen = sympy.Matrix(2, 4, sympy.symbols("s:8"))
    moved = slope.jacobian([x, z]) * seen + slope.jacobian(p)
    return sympy.lambdify([sympy.Symbol("t"), [x, z, *seen], *p], [*slope, *moved], modules="math", cse=True)


def by_odeint(problem: Hunt, precision: str) -> Ready:
    """`least_squares` around `odeint`, with the sensitivity equations solved beside the states."""
    from scipy.integrate import odeint

    both, begin = with_sensitivities(), np.concatenate([Y0, np.zeros(8)])
    known: dict[bytes, np.ndarray] = {}

    def solved(p: np.ndarray) -> np.ndarray:
        key = p.tobytes()
        if key not in known:
            known.clear()
            known[key] = odeint(both, begin, problem.ts, tuple(p), tfirst=True, rtol=RTOL, atol=ATOL)
        return known[key]

    return by_least_squares(
        problem,
        lambda p: (solved(p)[:, :2] - problem.ys).ravel(),
        lambda p: solved(p)[:, 2:].reshape(-1, 4),
    )


def by_torchdiffeq(problem: Hunt, precision: str) -> Ready:
    """`odeint` with dopri5 and torch's LBFGS with a line search (strong Wolfe)."""
    import torch
    from torchdiffeq import odeint

    y0, ts, ys = (torch.as_tensor(each) for each in (Y0, problem.ts, problem.ys))

    def run(p: Any) -> Any:
        weights = p.clone().requires_grad_()
        optimizer = torch.optim.LBFGS(
            [weights], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-4, tolerance_change=1e-9
        )

        def slopes(t: Any, y: Any) -> Any:
            x, z = y
            return torch.stack([weights[0] * x - weights[1] * x * z, weights[3] * x * z - weights[2] * z])

        def cost() -> Any:
            optimizer.zero_grad()
            value = torch.sum((odeint(slopes, y0, ts, method="dopri5", rtol=RTOL, atol=ATOL) - ys) ** 2)
            value.backward()
            return value

        optimizer.step(cost)
        return cost().detach(), weights.detach()

    return Ready(torch.as_tensor, run, lambda found: (float(found[0]), found[1].numpy()))


def by_diffrax(problem: Hunt, precision: str) -> Ready:
    """Tsit5 and optimistix's Levenberg–Marquardt, jitted; the Jacobian forwards, as four parameters want it."""
    jax = jax_in(precision)
    import diffrax
    import optimistix

    ts, ys = jax.numpy.asarray(problem.ts), jax.numpy.asarray(problem.ys)

    def slopes(t: Any, y: Any, p: Any) -> Any:
        x, z = y
        return jax.numpy.stack([p[0] * x - p[1] * x * z, p[3] * x * z - p[2] * z])

    def residuals(p: Any, _: None) -> Any:
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(slopes), diffrax.Tsit5(), t0=0.0, t1=ts[-1], dt0=None, y0=jax.numpy.asarray(Y0), args=p,
            stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL), saveat=diffrax.SaveAt(ts=ts),
            adjoint=diffrax.ForwardMode(), throw=False,
        )  # fmt: skip  # where a trial step goes too far the states are infinite, and the step is refused
        return (found.ys - ys).ravel()

    def fit(p: Any) -> Any:
        method = optimistix.LevenbergMarquardt(rtol=DONE, atol=DONE)
        found = optimistix.least_squares(residuals, method, p, max_steps=200, options={"jac": "fwd"})
        return jax.numpy.sum(residuals(found.value, None) ** 2), found.value

    compiled = jax.jit(fit).lower(jax.numpy.asarray(START)).compile()
    return Ready(
        lambda p: jax.block_until_ready(jax.numpy.asarray(p)),
        lambda p: jax.block_until_ready(compiled(p)),
        lambda found: (float(found[0]), np.asarray(found[1], float)),
    )


def optimum(problem: Hunt) -> Result:
    """By least squares at sharp tolerances, from the true values."""
    from scipy.integrate import solve_ivp
    from scipy.optimize import least_squares

    def residuals(p: np.ndarray) -> np.ndarray:
        found = solve_ivp(f, (0.0, problem.ts[-1]), Y0, "DOP853", problem.ts, args=tuple(p), rtol=1e-12, atol=1e-12)
        return (found.y.T - problem.ys).ravel()

    found = least_squares(residuals, TRUE, "3-point", method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return 2 * float(found.cost), found.x


CONTENDERS = {
    "torchdiffeq + LBFGS": Contender(by_torchdiffeq, ("torchdiffeq",), calls=1),
    "diffrax + optimistix": Contender(by_diffrax, ("diffrax", "optimistix")),
    "scipy solve_ivp LSODA": Contender(by_solve_ivp),
    "scipy odeint + sensitivities": Contender(by_odeint),
    "workbench compiled": Contender(ours.fit_lotka_volterra, ours=True),
}

WORKS = {
    "lotka_volterra": Work(
        title="Lotka–Volterra, fitted",
        problem=hunt,
        start=lambda problem: START,
        vary=partial(share, size=1e-2),
        contenders=CONTENDERS,
        agree={"float64": 1e-5},
        reference=optimum,
        says="Four parameters, 100 noisy points, from one start to one optimum. Solves at rtol = atol = 1e-8; every "
        "result within 1e-5 of the optimum, found at 1e-12. Starts vary by 1 %.",
        goals={
            "workbench compiled": {
                "torchdiffeq + LBFGS": 2000, "diffrax + optimistix": 20, "scipy solve_ivp LSODA": 100,
                "scipy odeint + sensitivities": 20,
            },
        },
    ),
}  # fmt: skip
