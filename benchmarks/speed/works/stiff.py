"""Van der Pol's oscillator with μ = 1000 and Robertson's reaction, solved to errors that are the same for all.

Both as in Mazzia & Magherini (2008), Test Set for Initial Value Problem Solvers (VDPOL, ROBER): the values at the end
are theirs. Every contender has the loosest tolerance at which it reaches the error wanted, and an exact Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import ours
from ..contender import Contender, Ready, Result, Work, share
from ..jax_made import jax_in
from ..tolerance import Stiff, loosest

TARGETS = (1e-4, 1e-6, 1e-8)


def van_der_pol(target: float, tiny: bool) -> Stiff:
    """x″ = μ(1 − x²)x′ − x from (2, 0) to t = 2000."""
    return Stiff(
        f=lambda t, y, mu: [y[1], mu * (1 - y[0] * y[0]) * y[1] - y[0]],
        jacobian=lambda t, y, mu: [[0.0, 1.0], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] * y[0])]],
        p=np.array([1000.0]),
        y0=np.array([2.0, 0.0]),
        t1=2000.0,
        end=np.array([1.706167732170469, -0.8928097010248125e-3]),
        sizes=np.array([1e-3, 1e-3]),
        target=target,
    )


def robertson(target: float, tiny: bool) -> Stiff:
    """A → B, 2B → B + C, B + C → A + C from (1, 0, 0) to t = 1e11."""

    def slopes(t: float, y: Any, k1: float, k2: float, k3: float) -> list[float]:
        a, b, c = y
        return [-k1 * a + k3 * b * c, k1 * a - k2 * b * b - k3 * b * c, k2 * b * b]

    def jacobian(t: float, y: Any, k1: float, k2: float, k3: float) -> list[list[float]]:
        _, b, c = y
        return [[-k1, k3 * c, k3 * b], [k1, -2 * k2 * b - k3 * c, -k3 * b], [0.0, 2 * k2 * b, 0.0]]

    return Stiff(
        f=slopes,
        jacobian=jacobian,
        p=np.array([0.04, 3e7, 1e4]),
        y0=np.array([1.0, 0.0, 0.0]),
        t1=1e11,
        end=np.array([0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]),
        sizes=np.array([1e-9, 1e-15, 1e-1]),
        target=target,
    )


def at_loosest(problem: Stiff, solve: Callable[[Any, float], Any], load: Callable[[np.ndarray], Any]) -> Ready:
    """`solve(parameters, rtol)` gives y(t1), NaN where it fails; timed at the loosest rtol that reaches the target."""
    arguments = load(problem.p)
    rtol, note = loosest(problem, lambda rtol: solve(arguments, rtol))

    def read(y: Any) -> Result:
        return 0.0, np.asarray(y, float) / problem.end

    return Ready(load, lambda p: solve(p, rtol), read, note=note)


def by_solve_ivp(method: str, problem: Stiff, precision: str) -> Ready:
    """`solve_ivp` on plain numbers."""
    from scipy.integrate import solve_ivp

    def solve(p: tuple[float, ...], rtol: float) -> np.ndarray:
        found = solve_ivp(
            problem.f, (0.0, problem.t1), problem.y0, method, (problem.t1,), args=p, jac=problem.jacobian, rtol=rtol,
            atol=rtol * problem.sizes,
        )  # fmt: skip
        return np.asarray(found.y[:, -1]) if found.success else np.full(len(problem.y0), np.nan)

    return at_loosest(problem, solve, lambda p: tuple(p.tolist()))


def by_odeint(problem: Stiff, precision: str) -> Ready:
    """`odeint`: LSODA in Fortran, with less Python around it."""
    from scipy.integrate import odeint

    ts = np.array([0.0, problem.t1])

    def solve(p: tuple[float, ...], rtol: float) -> np.ndarray:
        found, told = odeint(
            problem.f, problem.y0, ts, p, problem.jacobian, tfirst=True, rtol=rtol, atol=rtol * problem.sizes,
            mxstep=10**6, full_output=True, printmessg=False,
        )  # fmt: skip
        return np.asarray(found[-1]) if told["message"] == "Integration successful." else found[-1] * np.nan

    return at_loosest(problem, solve, lambda p: tuple(p.tolist()))


def by_cvode(problem: Stiff, precision: str) -> Ready:
    """SUNDIALS' CVODE (BDF, dense) as scikit-sundae wraps it."""
    from sksundae.cvode import CVODE

    ts = np.array([0.0, problem.t1 / 2, problem.t1])

    def solve(p: tuple[float, ...], rtol: float) -> np.ndarray:
        def slopes(t: float, y: np.ndarray, out: np.ndarray) -> None:
            out[:] = problem.f(t, y.tolist(), *p)

        def jacobian(t: float, y: np.ndarray, yp: np.ndarray, out: np.ndarray) -> None:
            out[:] = problem.jacobian(t, y.tolist(), *p)

        solver = CVODE(slopes, rtol=rtol, atol=rtol * problem.sizes, jacfn=jacobian, max_num_steps=10**6)
        found = solver.solve(ts, problem.y0)
        return np.asarray(found.y[-1]) if found.success else np.full(len(problem.y0), np.nan)

    return at_loosest(problem, solve, lambda p: tuple(p.tolist()))


def by_diffrax(problem: Stiff, precision: str) -> Ready:
    """Kvaerno5, jitted; the tolerance is an argument, so that it is compiled once."""
    jax = jax_in(precision)
    import diffrax

    jnp = jax.numpy
    sizes = jnp.asarray(problem.sizes)
    term = diffrax.ODETerm(lambda t, y, p: jnp.stack(problem.f(t, y, *p)))

    def solved(p: Any, rtol: Any) -> Any:
        found = diffrax.diffeqsolve(
            term, diffrax.Kvaerno5(), t0=0.0, t1=problem.t1, dt0=None, y0=jnp.asarray(problem.y0), args=p,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol * sizes), max_steps=60_000,
            saveat=diffrax.SaveAt(t1=True), throw=False,
        )  # fmt: skip
        return jnp.where(found.result == diffrax.RESULTS.successful, found.ys[-1], jnp.nan)

    compiled = jax.jit(solved).lower(jnp.asarray(problem.p), jnp.asarray(1e-3)).compile()
    return at_loosest(
        problem,
        lambda p, rtol: jax.block_until_ready(compiled(p, jnp.asarray(rtol))),
        lambda p: jax.block_until_ready(jnp.asarray(p)),
    )


def by_us(problem: Stiff, precision: str) -> Ready:
    """A Rosenbrock method, compiled."""
    return ours.solve_stiff(problem, precision)


def work(title: str, make: Callable[[float, bool], Stiff], target: float) -> Work:
    """The work of one problem at one error."""
    return Work(
        title=f"{title}, error {target:.0e}",
        problem=partial(make, target),
        start=lambda problem: problem.p,
        vary=partial(share, size=1e-6),
        contenders={
            "diffrax Kvaerno5": Contender(by_diffrax, ("diffrax",)),
            "scipy Radau": Contender(partial(by_solve_ivp, "Radau")),
            "scipy LSODA": Contender(partial(by_solve_ivp, "LSODA")),
            "scipy odeint": Contender(by_odeint),
            "scikit-sundae CVODE": Contender(by_cvode, ("sksundae",)),
            "workbench compiled": Contender(by_us, ours=True),
        },
        agree={"float64": target},
        reference=lambda problem: (0.0, np.ones(len(problem.y0))),
        says="At the loosest tolerance that reaches the error: the largest relative one of a component at the end. "
        "Parameters vary by 1e-6.",
        goals={"workbench compiled": {"diffrax Kvaerno5": 100, "scipy Radau": 200}},
        inside=True,
    )


WORKS = {
    f"{name}_{-round(np.log10(target))}": work(title, make, target)
    for name, title, make in (
        ("van_der_pol", "van der Pol, μ = 1000", van_der_pol),
        ("robertson", "Robertson", robertson),
    )
    for target in TARGETS
}
