"""The comparison: the same points given to an ODE with exact or estimated trace, and to planar layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from workbench.findings import Findings, Lab

from .checks import Checked, check
from .flow import Flow, Units, signs
from .planar import PlanarFlow
from .points import POINTS
from .telling import SOURCES, claims, pictures, table_of_checks, table_of_fits
from .training import Draw, Fit, raise_likelihood

TEST = 4000  # points held out
BATCH, RATE = 256, 5e-2  # of both kinds of flow; planar layers learn less at 1/3 and at 1/10 of this rate
Made = TypeVar("Made", bound=nn.Module)


@dataclass
class Learned:
    """What one method made of one set of points: fits and held-out nats a point, seed by seed; parameters."""

    fits: list[Fit] = field(default_factory=list)
    nats: list[float] = field(default_factory=list)
    parameters: int = 0


@dataclass
class Measured:
    """By points and method; checks, samples and points of the last seed's exact flow by points."""

    learned: dict[tuple[str, str], Learned] = field(default_factory=dict)
    checks: dict[str, Checked] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict)
    points: dict[str, np.ndarray] = field(default_factory=dict)
    normal: dict[str, float] = field(default_factory=dict)


class Cnf:
    """Continuous normalizing flows on points in the plane, and planar flows with as many parameters."""

    def __init__(self, units: int, iterations: int, solver: str, tolerance: float) -> None:
        self.units, self.iterations, self.solver, self.tolerance = units, iterations, solver, tolerance

    def usual_seeds(self, quick: bool, data: Path | None) -> int:
        """Few: one takes minutes."""
        return 1 if quick else 3

    def run(self, lab: Lab) -> Findings:
        """Two tables, claims and two pictures a set of points."""
        found = Measured()
        for name in POINTS:
            for seed in lab.seeds:
                self._learn(found, name, seed, lab)
        return Findings(
            tables=(table_of_fits(found, len(lab.seeds)), table_of_checks(found)),
            claims=claims(found, lab.quick),
            pictures=pictures(found),
            notes=NOTES,
            sources=SOURCES,
        )

    def _learn(self, found: Measured, name: str, seed: int, lab: Lab) -> None:
        iterations = self.iterations or (60 if lab.quick else 500)
        test = torch.from_numpy(POINTS[name](TEST, np.random.default_rng(1000 + seed)))
        tight = 1e-3 * self.tolerance
        for method in ("exact trace", "Hutchinson"):
            units, draw = self._start(name, seed)
            flow = Flow(units, self.tolerance, self.solver)
            density: Callable[[torch.Tensor], torch.Tensor] = flow.log_density
            if method == "Hutchinson":
                density = _estimating(flow, seed)
            fit = raise_likelihood(units, density, draw, iterations, BATCH, RATE, flow.count)
            judge = Flow(units, tight, self.solver)
            self._keep(found, (name, method), fit, judge.log_density, units, test, lab)
            if method == "exact trace":
                self._look(found, name, units, judge, test, lab)
        layers = round(_size(Units(self.units)) / 5)  # a layer has five
        planar, draw = _drawn(lambda: PlanarFlow(layers).double(), seed), _drawer(name, seed)
        fit = raise_likelihood(planar, planar.log_density, draw, 2 * iterations, BATCH, RATE, lambda: math.nan)
        self._keep(found, (name, "planar layers"), fit, planar.log_density, planar, test, lab)
        mean, covariance = test.mean(dim=0), torch.cov(test.T)
        found.normal[name] = float(-torch.distributions.MultivariateNormal(mean, covariance).log_prob(test).mean())

    def _start(self, name: str, seed: int) -> tuple[Units, Draw]:
        return _drawn(lambda: Units(self.units).double(), seed), _drawer(name, seed)

    def _keep(
        self,
        found: Measured,
        key: tuple[str, str],
        fit: Fit,
        log_density: Callable[[torch.Tensor], torch.Tensor],
        module: nn.Module,
        test: torch.Tensor,
        lab: Lab,
    ) -> None:
        learned = found.learned.setdefault(key, Learned(parameters=_size(module)))
        with torch.no_grad():
            learned.nats.append(float(-log_density(test).mean()))
        learned.fits.append(fit)
        lab.say(f"{key[0]}, {key[1]}: {learned.nats[-1]:.3f} nats held out, {fit.seconds:.0f} s")

    def _look(self, found: Measured, name: str, units: Units, flow: Flow, test: torch.Tensor, lab: Lab) -> None:
        generator = torch.Generator().manual_seed(0)
        side, draws = (91, 100) if lab.quick else (181, 1000)
        found.checks[name] = check(units, flow, test[:256], side, draws, generator)
        with torch.no_grad():
            noise = torch.randn(1500, 2, generator=generator, dtype=torch.float64)
            found.samples[name] = flow.to_data(noise)[0].numpy()
        found.points[name] = test[:1500].numpy()


def _estimating(flow: Flow, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The estimated log-density, with ε drawn anew at every call."""
    generator = torch.Generator().manual_seed(seed)
    return lambda x: flow.estimated_log_density(x, signs(len(x), generator))


def _drawer(name: str, seed: int) -> Draw:
    rng = np.random.default_rng(seed)
    return lambda n: torch.from_numpy(POINTS[name](n, rng))


def _drawn(make: Callable[[], Made], seed: int) -> Made:
    """A module with weights from a seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


NOTES = (
    "The flow and the planar layers have parameters to within one layer, the same batches, Adam and learning rate; the "
    "planar layers get twice the iterations. Held-out densities of the flow are those of the exact trace at a "
    "thousandth of the tolerance of training, also where it was trained by Hutchinson's estimator.",
    "The published runs are longer (10 000 iterations of Adam; 500 000 of RMSprop for planar layers, density matching) "
    "and print no numbers for the two moons and two circles: their Figure 5 shows densities and samples.",
)
