"""Everything that is measured of one solver, as the lines of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..contracts import Solver
from ..engine import LoopSolver
from ..errors.base import WorkbenchError
from ..errors.numerics import GradientUnavailable
from ..registry import Registry
from .behaviour import batch_difference, repeats_its_bits, reversal_error, statuses
from .candidate import Candidate, solved
from .convergence import SLACK, claimed_between, measured_dense_order, measured_order
from .findings import Finding, held
from .gradient import MODES, gradient_error
from .stability import stability
from .stiff import RATES, kaps, prothero_robinson
from .work import TARGET, work

BESIDE = "dopri5"
"""The solver that work is compared with."""


PARTS = ("orders", "between steps", "stiffness", "gradients", "statuses", "behaviour", "stability", "work")


def solver_findings(registry: Registry, name: str, parts: Sequence[str] = PARTS) -> list[Finding]:
    """One line after the other; what a measurement itself trips over is a failure with its reason.

    Raises UnknownName, or what the plugin's own factory raises.
    """
    candidate = Candidate.of(registry, name)
    solver = candidate.usable
    if solver is None:
        return [Finding("settings", "skipped", note="it has neither step control nor an option `step`")]
    measured: dict[str, Callable[[], Iterator[Finding]]] = {
        "orders": lambda: _orders(candidate),
        "between steps": lambda: _dense_orders(candidate),
        "stiffness": lambda: _stiffness(candidate, solver),
        "gradients": lambda: _gradients(candidate),
        "statuses": lambda: _statuses(candidate, solver),
        "behaviour": lambda: _behaviour(candidate, solver),
        "stability": lambda: _stability(candidate),
        "work": lambda: _work(candidate),
    }
    return [finding for part in parts for finding in _guarded(part, measured[part])]


def _guarded(title: str, part: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found = []
    try:
        for finding in part():
            found.append(finding)
    except WorkbenchError as error:
        found.append(Finding(title, "failed", note=error.message))
    except Exception as error:  # a stranger's code: its fault is the finding
        found.append(Finding(title, "failed", note=f"{type(error).__name__}: {error}"))
    return found


def _orders(candidate: Candidate) -> Iterator[Finding]:
    claim = candidate.solver.order
    for problem in candidate.long:
        name = f"order, {problem.name}"
        found = measured_order(candidate, problem)
        if found is None or claim is None:
            yield Finding(name, "skipped", _shown(claim), note="it claims no order, or takes no equal steps")
        else:
            yield held(name, abs(found - claim) <= SLACK, str(claim), f"{found:.2f}", f"more than {SLACK} off")


def _dense_orders(candidate: Candidate) -> Iterator[Finding]:
    claim = claimed_between(candidate)
    for problem in candidate.long:
        name = f"order between steps, {problem.name}"
        repeats = isinstance(candidate.solver, LoopSolver)
        found = measured_dense_order(candidate, problem) if repeats else None
        if found is None or claim is None:
            yield Finding(name, "skipped", _shown(claim), note="a whole solver: it need not repeat its steps")
        else:
            yield held(name, found > claim - SLACK, str(claim), f"{found:.2f}", f"more than {SLACK} below")


def _stiffness(candidate: Candidate, solver: Solver) -> Iterator[Finding]:
    if not candidate.stiff:
        yield Finding("stiff problems", "skipped", "no", note="it does not claim to be for stiff problems")
        return
    for family in (prothero_robinson, kaps):
        steps, error = [], 0.0
        for rate in (RATES[0], RATES[-1]):
            problem = family(rate)
            ts = np.linspace(0, problem.t1, 9)
            found = solved(solver, problem, ts)
            if found.status != ("ok",):
                yield Finding(problem.name, "failed", "ok", found.status[0], found.message[0])
                return
            steps.append(int(found.stats["accepted"][0]))
            error = max(error, float(np.abs(found.ys[0, -1] - problem.y(ts)[-1]).max()))
        good = steps[1] <= 3 * steps[0] + 100 and error < 1e-3
        name = family(1.0).name.split(" at ")[0]
        shown = f"{steps[0]} and {steps[1]} steps at 1e3 and 1e6, error {error:.1e}"
        yield held(name, good, "steps that the rate does not raise", shown, "steps grow with the rate, or errors do")


def _gradients(candidate: Candidate) -> Iterator[Finding]:
    for mode in MODES:
        try:
            error = gradient_error(candidate, mode)
        except GradientUnavailable as reason:
            yield Finding(f"gradient {mode}", "skipped", note=reason.message)
            continue
        measured = f"{error.exact:.1e}" + ("" if error.replay is None else f"; {error.replay:.1e} on the same steps")
        yield held(f"gradient {mode}", error.ok, f"{error.allowed:.0e}", measured, "off the exact gradient")


def _statuses(candidate: Candidate, solver: Solver) -> Iterator[Finding]:
    for what, (status, right) in statuses(candidate, solver).items():
        claimed = right[0] if len(right) == 1 else "not ok"
        yield held(f"status, {what}", status in right, claimed, status, "the status is not true")


def _behaviour(candidate: Candidate, solver: Solver) -> Iterator[Finding]:
    difference = batch_difference(candidate, solver)
    yield held("batch equals single", difference <= 1e-12, "1e-12", f"{difference:.1e}", "rows see each other")
    same = repeats_its_bits(candidate, solver)
    yield held("same bits again", same, "yes", "yes" if same else "no", "two equal solves differ")
    back = reversal_error(candidate, solver)
    allowed = 1e-3 if candidate.solver.order is None or candidate.solver.order > 1 else 0.1
    yield held("there and back again", back <= allowed, f"{allowed:.0e}", f"{back:.1e}", "it does not return")


def _stability(candidate: Candidate) -> Iterator[Finding]:
    found = stability(candidate)
    if found is None:
        yield Finding("stability", "skipped", note="it takes no single step of y' = λy with complex λ")
        return
    if not candidate.separable:
        yield Finding("stable on the real axis to", "told", measured=_bound(found.real))
    yield Finding("stable on the imaginary axis to", "told", measured=_bound(found.imaginary))
    yield Finding("largest |R(iy)|, y to 1e6", "told", measured=f"{found.largest_on_imaginary:.4g}")
    if not candidate.separable:
        yield Finding("|R(−1e6)|", "told", measured=f"{found.at_infinity:.3g}")
        yield Finding("A-stable", "told", measured="yes" if found.a_stable else "no")


def _work(candidate: Candidate) -> Iterator[Finding]:
    name = f"work beside {BESIDE} at error {TARGET:.0e}"
    registry = candidate.registry
    if BESIDE not in [listed.name for listed in registry.offers("solver")]:
        yield Finding(name, "skipped", note=f"{BESIDE} is not installed")
        return
    problem = candidate.long[0]
    found = work(candidate, Candidate.of(registry, BESIDE), problem)
    if found is None:
        yield Finding(name, "skipped", note="it does not reach that error")
    else:
        yield Finding(name, "told", measured=f"{found.rhs:.2f} × right-hand sides, {found.seconds:.2f} × time")


def _bound(value: float) -> str:
    return "beyond 1e6" if np.isinf(value) else f"{value:.4g}"


def _shown(claim: int | None) -> str:
    return "–" if claim is None else str(claim)
