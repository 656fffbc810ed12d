"""Memory and gradient error against the number of steps, and where the states cannot be solved backwards."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from workbench.errors.usage import UsageError
from workbench.findings import Claim, Column, Findings, Lab, Panel, Picture, ResultTable, Series

from .measured import Measured, measure
from .network import MODES, Network, apart, gradient, solved, start

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS, Algorithm 1 and section 3"
ANODE = "Gholami, Keutzer & Biros (2019), IJCAI: ANODE"
CONTRACTIONS = (1.0, 10.0, 30.0, 100.0)
ENOUGH = 1000  # steps beside whose memory what does not grow is small


@dataclass(frozen=True)
class Tolerance:
    """The adjoint by dopri5 at one tolerance."""

    rtol: float
    error: float  # of its gradient, relative to that of the ODE
    reverse: float  # how far the states came back from where they had been
    forward: int
    backward: int


@dataclass(frozen=True)
class Contraction:
    """Gradients of a field that contracts at the rate k, by dopri5 at 1e-6."""

    k: float
    discrete: float  # error, relative to the gradient of the ODE
    adjoint: float
    reverse: float


@dataclass(frozen=True)
class AdjointMemory:
    """`steps` are the numbers of equal rk4 steps on [0, 1]."""

    steps: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        ascend = all(one < other for one, other in pairwise((0, *self.steps)))
        if self.steps and not (len(self.steps) > 1 and ascend):
            raise UsageError(
                f"steps are {list(self.steps)}; memory grows between two numbers at least, in ascending order",
                help="-S steps=[10,100,1000]",
            )

    def usual_seeds(self, quick: bool, data: Path | None) -> int:
        """One: what is measured does not depend on the weights."""
        return 1

    def run(self, lab: Lab) -> Findings:
        """Three tables, seven claims, two pictures, all for the first seed."""
        steps = self.steps or ((10, 30, 100) if lab.quick else (10, 100, 1000))
        seed = lab.seeds[0]
        measured: dict[tuple[str, int], Measured] = {}
        for n in steps:
            for mode in MODES:
                lab.say(f"{mode}, {n} steps")
                measured[mode, n] = measure(mode, n, seed)
        lab.say("the adjoint at tolerances from 1e-3 to 1e-10")
        tolerances = [_tolerance(10.0**-digits, seed) for digits in (3, 4, 6, 8, 10)]
        lab.say("fields that contract")
        contractions = [_contraction(k, seed) for k in CONTRACTIONS]
        exact = _exact(seed, 1.0)
        return Findings(
            tables=(_memory(steps, measured, exact), _tolerances(tolerances), _contractions(contractions)),
            claims=(
                *_of_memory(steps, measured),
                _of_the_discrete(steps, measured),
                *_of_tolerances(tolerances),
                _of_the_way_back(contractions),
            ),
            pictures=(_picture(steps, measured, exact), _way_back(contractions)),
            notes=(
                "Counted is what NumPy and Python hold at most in a forward and a backward pass (tracemalloc), and all "
                "tensors that torch's autograd saves for the way back. Libraries and buffers of torch are not in it.",
                "A solve keeps the times of its steps, and a buffer of slopes of at most 256 kB.",
                f"All numbers are of seed {seed}.",
            ),
            sources=(CHEN, ANODE),
        )


def _exact(seed: int, contraction: float) -> np.ndarray:
    f, y0 = Network(seed, contraction), start(seed)
    return np.asarray(gradient(f, y0, solved(f, y0, "discrete", "dop853", rtol=1e-12, atol=1e-12)))


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def _tolerance(rtol: float, seed: int) -> Tolerance:
    f, y0 = Network(seed), start(seed)
    solution = solved(f, y0, "adjoint", "dopri5", rtol=rtol, atol=rtol)
    forward, f.calls = f.calls, 0
    error = _error(np.asarray(gradient(f, y0, solution)), _exact(seed, 1.0))
    return Tolerance(rtol, error, float(np.max(solution.stats["reverse_error"])), forward, f.calls)


def _contraction(k: float, seed: int) -> Contraction:
    exact, errors, reverse = _exact(seed, k), {}, 0.0
    for mode in ("discrete", "adjoint"):
        f, y0 = Network(seed, k), start(seed)
        solution = solved(f, y0, mode, "dopri5", rtol=1e-6, atol=1e-8)
        errors[mode] = _error(np.asarray(gradient(f, y0, solution)), exact)
        if mode == "adjoint":
            reverse = float(np.max(solution.stats["reverse_error"]))
    return Contraction(k, errors["discrete"], errors["adjoint"], reverse)


# --- tables ------------------------------------------------------------------------------------------------------


def _memory(steps: tuple[int, ...], measured: dict[tuple[str, int], Measured], exact: np.ndarray) -> ResultTable:
    rows = []
    for n in steps:
        of_steps = measured["backprop", n].gradient
        for mode in MODES:
            found = measured[mode, n]
            error = _error(np.asarray(found.gradient), exact)
            rows.append((n, mode, found.peak / 1e3, apart(found.gradient, of_steps), error, found.seconds))
    return ResultTable(
        "Memory and gradient error against the number of steps",
        (
            Column("steps"),
            Column("gradient"),
            Column("peak memory", "kB", varies=True),
            Column("apart from backprop"),
            Column("apart from the ODE's"),
            Column("time", "s", varies=True),
        ),
        tuple(rows),
        "rk4 with equal steps on [0, 1], 4 trajectories of 8 states, 552 weights. The ODE's gradient is that of dop853 "
        "at 1e-12. Times are lengthened by the counting of memory.",
    )


def _tolerances(found: list[Tolerance]) -> ResultTable:
    return ResultTable(
        "The adjoint by dopri5",
        (
            Column("rtol"),
            Column("gradient error"),
            Column("reverse error"),
            Column("evaluations forward"),
            Column("backward"),
            Column("ratio"),
        ),
        tuple((t.rtol, t.error, t.reverse, t.forward, t.backward, t.backward / t.forward) for t in found),
        "Reverse error: how far the states, solved backwards, came back from where they had been, in units of their "
        "size. Evaluations are calls of the network.",
    )


def _contractions(found: list[Contraction]) -> ResultTable:
    return ResultTable(
        "Fields that contract at the rate k",
        (Column("k"), Column("discrete: error"), Column("adjoint: error"), Column("adjoint: reverse error")),
        tuple((c.k, c.discrete, c.adjoint, c.reverse) for c in found),
        "dopri5 at rtol 1e-6, atol 1e-8. Backwards in time, what contracts grows like e^(k t).",
    )


# --- claims ------------------------------------------------------------------------------------------------------


def _of_memory(steps: tuple[int, ...], measured: dict[tuple[str, int], Measured]) -> list[Claim]:
    """How each mode's memory grows from the last but one number of steps to the last."""
    power = {
        mode: float(
            np.log(measured[mode, steps[-1]].peak / measured[mode, steps[-2]].peak) / np.log(steps[-1] / steps[-2])
        )
        for mode in MODES
    }
    wanted = {"backprop": (0.8, 1.2, "linearly"), "checkpointed": (0.2, 0.7, "like √n"), "adjoint": (-0.2, 0.2, "not")}
    said = {
        "backprop": "Backpropagation through the solver needs memory in proportion to the steps",
        "checkpointed": "The discrete adjoint with checkpoints needs memory like the square root of the steps",
        "adjoint": "The adjoint needs memory that is constant in the number of steps",
    }
    claims = []
    for mode, (low, high, word) in wanted.items():
        holds = low <= power[mode] <= high if steps[-1] >= ENOUGH else None
        reason = "beside it stand parts that do not grow so" if holds is False else f"it takes {ENOUGH} steps to tell"
        claims.append(
            Claim(
                said[mode],
                f"grows {word}: a power of n in {low} … {high}",
                f"n^{power[mode]:.2f} from {steps[-2]} to {steps[-1]} steps",
                holds,
                "" if holds else reason,
                CHEN if mode != "checkpointed" else "",
            )
        )
    return claims


def _of_the_discrete(steps: tuple[int, ...], measured: dict[tuple[str, int], Measured]) -> Claim:
    worst = max(
        apart(measured[mode, n].gradient, measured["backprop", n].gradient)
        for n in steps
        for mode in ("discrete", "checkpointed")
    )
    return Claim(
        "The discrete adjoint, with checkpoints or without, is backpropagation",
        "relative difference below 1e-12",
        f"{worst:.1e}",
        worst < 1e-12,
        "" if worst < 1e-12 else "they differ by more than rounding",
    )


def _of_tolerances(found: list[Tolerance]) -> list[Claim]:
    tightest = min(found, key=lambda t: t.rtol)
    close = tightest.error < 1e-6
    ratio = float(np.median([t.backward / t.forward for t in found]))
    half = ratio < 0.75
    return [
        Claim(
            "The adjoint's gradient tends to that of the ODE as the tolerance is tightened",
            "an error below 1e-6 at rtol 1e-10",
            f"{tightest.error:.1e}",
            close,
            "" if close else "the states did not come back",
            CHEN,
        ),
        Claim(
            "The backward pass needs half as many evaluations as the forward pass",
            "a ratio below 0.75",
            f"a median of {ratio:.1f} over the tolerances",
            half,
            ""
            if half
            else "each evaluation backwards is of the augmented system under the same tolerance, and every observation "
            "ends a solve; the published ratio is that of one image classifier at its own tolerances",
            CHEN,
            checked=False,
        ),
    ]


def _of_the_way_back(found: list[Contraction]) -> Claim:
    worst = max(found, key=lambda c: c.k)
    holds = worst.reverse < 1e-2
    return Claim(
        "The states can be solved backwards, so that none need be stored",
        f"a reverse error below 0.01 at k = {worst.k:g}",
        f"{worst.reverse:.1e}; error of the gradient {worst.adjoint:.1e}, of the discrete one {worst.discrete:.1e}",
        holds,
        ""
        if holds
        else "backwards in time a contraction is an explosion (Gholami et al. 2019); checkpoints do not mind",
        CHEN,
    )


# --- pictures ----------------------------------------------------------------------------------------------------


def _picture(steps: tuple[int, ...], measured: dict[tuple[str, int], Measured], exact: np.ndarray) -> Picture:
    n = np.array(steps, dtype=float)
    memory, errors = (
        tuple(Series(mode, n, np.array([value(measured[mode, k]) for k in steps]), "line and points") for mode in MODES)
        for value in (lambda m: m.peak / 1e3, lambda m: _error(np.asarray(m.gradient), exact))
    )
    return Picture(
        "memory",
        "What a gradient costs and is worth, against the number of rk4 steps",
        (
            Panel("peak memory", "steps", "kB", memory, log_x=True, log_y=True),
            Panel("distance from the ODE's gradient", "steps", "relative", errors, log_x=True, log_y=True),
        ),
    )


def _way_back(found: list[Contraction]) -> Picture:
    k = np.array([c.k for c in found])
    return Picture(
        "way-back",
        "Fields that contract",
        (
            Panel(
                "gradient error",
                "contraction k",
                "relative",
                (
                    Series("discrete", k, np.array([c.discrete for c in found]), "line and points"),
                    Series("adjoint", k, np.array([c.adjoint for c in found]), "line and points"),
                ),
                log_x=True,
                log_y=True,
            ),
            Panel(
                "states solved backwards",
                "contraction k",
                "distance, in units of their size",
                (Series("adjoint", k, np.array([c.reverse for c in found]), "line and points"),),
                log_x=True,
                log_y=True,
            ),
        ),
    )
