"""A residual network of N blocks is N steps of Euler's method, to the bit; with blocks of 1/N it tends to the ODE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import workbench as wb
from workbench.findings import Claim, Column, Findings, Lab, Panel, Picture, ResultTable, Series

from .seeds import spread
from .tanh_network import TanhNetwork

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS, eqs. 1 and 2"
SOURCES = (
    "He, Zhang, Ren & Sun (2016), CVPR, 770–778 (residual networks)",
    "E (2017), Commun. Math. Stat. 5, 1–11",
    "Haber & Ruthotto (2018), Inverse Problems 34, 014004",
)
STATES = 5  # a batch


class Block(TanhNetwork):
    """What a residual block adds, the same weights at all depths."""

    def __init__(self, width: int, hidden: int, seed: int) -> None:
        super().__init__(width, hidden, 0.4, seed)


class Stack(torch.nn.Module):
    """A block of its own from each multiple of `length` to the next."""

    rowwise = False  # all trajectories share the time, by which the block is chosen

    def __init__(self, blocks: int, width: int, hidden: int, seed: int, length: float = 1.0) -> None:
        super().__init__()
        self.length = length
        self.blocks = torch.nn.ModuleList(Block(width, hidden, 1000 * seed + i) for i in range(blocks))

    def forward(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        """dy/dt."""
        found: torch.Tensor = self.blocks[min(int(float(t) / self.length), len(self.blocks) - 1)](t, y)
        return found


def network(block: Callable[[float, torch.Tensor], torch.Tensor], y: torch.Tensor, n: int, length: float) -> Any:
    """y after n residual blocks y + length · block(t, y); with length 1 these are the blocks of He et al. (2016)."""
    for i in range(n):
        change = block(i * length, y)
        y = y + (change if length == 1.0 else length * change)
    return y


def start(width: int, seed: int) -> torch.Tensor:
    """A batch of inputs (state, width)."""
    return torch.randn(STATES, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 1))


class ResnetEuler:
    """Equality at h = 1 and at h = 1/N, convergence of order 1, and depth against tolerance."""

    def __init__(self, width: int = 4, hidden: int = 16) -> None:
        self.width, self.hidden = width, hidden

    def run(self, lab: Lab) -> Findings:
        """Two tables, three claims, one picture."""
        equal = [self._equality(n, unit, lab) for n in (1, 2, 3, 7, 8, 16, 64) for unit in (False, True)]
        depths = [2**k for k in range(2, 8 if lab.quick else 11)]
        distances = np.array([self._distances(depths, seed) for seed in lab.seeds])  # (seed, depth)
        orders = [-float(np.polyfit(np.log(depths[-4:]), np.log(d[-4:]), 1)[0]) for d in distances]
        return Findings(
            tables=(_table_of_equality(equal), _table_of_distances(depths, distances)),
            claims=(*_claims(equal), _claim_of_order(orders)),
            pictures=(self._picture(depths, distances, lab),),
            notes=(
                "On [0, 1] a block adds f(y)/N. Where N is no power of two, the number 1/N is rounded, and so are the "
                "times n/N between which Euler's method steps: the two then agree to rounding, not to the bit.",
            ),
            sources=SOURCES,
        )

    def _equality(self, n: int, unit: bool, lab: Lab) -> tuple[int, bool, bool, float, float]:
        """N, whether on [0, 1], equal to the bit for all seeds and both kinds, largest difference of y and gradient."""
        equal, apart, gradient = True, 0.0, 0.0
        length = 1.0 / n if unit else 1.0
        ts = np.linspace(0.0, n * length, n + 1)
        for seed in lab.seeds:
            y0 = start(self.width, seed)
            stack = Stack(n, self.width, self.hidden, seed, length)
            for block in (Block(self.width, self.hidden, seed), *((stack,) if not unit else ())):
                theirs = network(block, y0, n, length)
                ours = wb.solve(block, y0, ts, "euler").ys[:, -1]
                equal &= torch.equal(theirs, ours)
                apart = max(apart, float((theirs - ours).detach().abs().max()))
                one, other = (_gradient(block, y) for y in (theirs, ours))
                gradient = max(gradient, float((one - other).norm() / one.norm()))
        return n, unit, equal, apart, gradient

    def _distances(self, depths: list[int], seed: int) -> list[float]:
        """How far the network of each depth is from the ODE at t = 1."""
        block, y0 = Block(self.width, self.hidden, seed), start(self.width, seed)
        with torch.no_grad():
            limit = wb.solve(block, y0, [0.0, 1.0], "dop853", rtol=1e-12, atol=1e-12).ys[:, -1]
            return [float((network(block, y0, n, 1.0 / n) - limit).abs().max()) for n in depths]

    def _picture(self, depths: list[int], distances: np.ndarray, lab: Lab) -> Picture:
        middle, low, high = spread(distances)
        counts, errors = self._adaptive(lab.seeds[0])
        n = np.array(depths, dtype=float)
        panel = Panel(
            "from blocks to the ODE",
            "evaluations of the block",
            "distance from the ODE at t = 1",
            (
                Series("N blocks of 1/N", n, middle, "line and points", low, high),
                Series("1/N", n, middle[0] * n[0] / n, "reference"),
                Series("dopri5, tolerance 1e-2 … 1e-11", counts, errors, "line and points"),
            ),
            log_x=True,
            log_y=True,
        )
        return Picture("depth", "Depth, and what an adaptive solver makes of it", (panel,))

    def _adaptive(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Evaluations and error of dopri5 as its tolerance is tightened digit by digit."""
        block, y0 = Block(self.width, self.hidden, seed), start(self.width, seed)
        counts, errors = [], []
        with torch.no_grad():
            limit = wb.solve(block, y0, [0.0, 1.0], "dop853", rtol=1e-13, atol=1e-13).ys[:, -1]
            for digits in range(2, 12):
                found = wb.solve(block, y0, [0.0, 1.0], "dopri5", rtol=10.0**-digits, atol=10.0**-digits)
                counts.append(float(np.max(found.stats["rhs"])))
                errors.append(float((found.ys[:, -1] - limit).abs().max()))
        return np.array(counts), np.array(errors)


def _gradient(block: torch.nn.Module, y: torch.Tensor) -> torch.Tensor:
    """d‖y‖²/d(weights); weights that y does not depend on count 0."""
    found = torch.autograd.grad(y.square().sum(), list(block.parameters()), allow_unused=True)
    return torch.cat([g.flatten() for g in found if g is not None])


def _table_of_equality(rows: list[tuple[int, bool, bool, float, float]]) -> ResultTable:
    return ResultTable(
        "A network of N blocks and N steps of Euler's method",
        (
            Column("N"),
            Column("interval"),
            Column("h"),
            Column("equal to the bit"),
            Column("largest difference"),
            Column("gradients apart, relative"),
        ),
        tuple(
            (n, "[0, 1]" if unit else "[0, N]", f"1/{n}" if unit else "1", equal, apart, gradient)
            for n, unit, equal, apart, gradient in rows
        ),
        "Over all seeds; on [0, N] with one block for all depths and with a block of its own for each. The gradient of "
        "the network is torch's own through its blocks, that of the solver is the discrete adjoint.",
    )


def _table_of_distances(depths: list[int], distances: np.ndarray) -> ResultTable:
    middle, low, high = spread(distances)
    ratios = [None, *(middle[:-1] / middle[1:]).tolist()]
    return ResultTable(
        "Blocks of 1/N against the ODE at t = 1",
        (Column("N"), Column("distance"), Column("lowest"), Column("highest"), Column("half as many blocks: times")),
        tuple(zip(depths, middle.tolist(), low.tolist(), high.tolist(), ratios, strict=True)),
        "Median, lowest and highest of the seeds; the ODE is solved by dop853 at a tolerance of 1e-12.",
    )


def _claims(rows: list[tuple[int, bool, bool, float, float]]) -> tuple[Claim, ...]:
    whole = [equal for _, unit, equal, *_ in rows if not unit]
    halves = [equal for n, unit, equal, *_ in rows if unit and n & (n - 1) == 0]
    worst = max(gradient for *_, gradient in rows)
    differ = "at least one value differs; see the table"
    return (
        Claim(
            "N residual blocks are N steps of Euler's method with h = 1 on [0, N]",
            "equal to the bit for every N",
            f"{sum(whole)} of {len(whole)} equal",
            all(whole),
            "" if all(whole) else differ,
            CHEN,
        ),
        Claim(
            "With blocks of 1/N they are steps of h = 1/N on [0, 1]",
            "equal to the bit for N a power of two",
            f"{sum(halves)} of {len(halves)} equal",
            all(halves),
            "" if all(halves) else differ,
        ),
        Claim(
            "The discrete adjoint is backpropagation through the blocks",
            "relative difference below 1e-12",
            f"{worst:.1e}",
            worst < 1e-12,
            "" if worst < 1e-12 else "the gradients differ by more than rounding",
        ),
    )


def _claim_of_order(orders: list[float]) -> Claim:
    holds = all(abs(order - 1.0) < 0.05 for order in orders)
    return Claim(
        "With more layers and smaller steps, in the limit, the network is the ODE",
        "distance falls like N^-p, p = 1 ± 0.05",
        f"p = {min(orders):.3f} … {max(orders):.3f}",
        holds,
        "" if holds else "the last four depths do not lie on a line of slope 1",
        CHEN,
    )
