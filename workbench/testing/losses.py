"""What every loss must do, channel noise by channel noise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from ..contracts import Loss, Pointwise
from ..errors.usage import UsageError
from ..measure.differences import central_differences
from ..model.misfit import Misfit
from ..model.pointwise import PointwiseFormulas
from .contract import Contract

NOISE = ("gaussian", "lognormal", "student", "student(1.5)", "poisson", "negative-binomial")
Y = np.array([[1.0, 3.0], [4.0, np.nan], [2.0, 7.0], [9.0, 5.0]])
"""Positive whole numbers, which every noise admits, one value missing (observation, channel)."""
MU = np.array([[1.6, 2.2], [5.1, 4.0], [1.2, 9.5], [6.0, 5.7]])


class LossContract(Contract):
    """Inherit, set `offer` or none for all, and every loss is held to this, under each kind of noise that it takes."""

    kind: ClassVar[str] = "loss"

    @pytest.fixture(params=NOISE)
    def noise(self, request: pytest.FixtureRequest, made: Loss) -> str:
        """A kind of noise; skipped where the loss says that it knows none of that kind."""
        try:
            made.pointwise(request.param)
        except UsageError as refused:
            pytest.skip(str(refused))
        return str(request.param)

    @pytest.fixture
    def formulas(self, made: Loss, noise: str) -> PointwiseFormulas:
        """The loss under this noise, lowered."""
        return PointwiseFormulas(made.pointwise(noise))

    @pytest.fixture
    def misfit(self, made: Loss, noise: str) -> Misfit:
        """The loss of two channels of this noise."""
        return Misfit(made, ("a", "b"), {"a": noise, "b": noise}, np.ones(2), {})

    def test_it_is_data_that_says_its_name(self, made: Loss, noise: str) -> None:
        assert isinstance(made, Loss)
        pointwise = made.pointwise(noise)
        assert isinstance(pointwise, Pointwise)
        assert pointwise.name

    def test_the_residual_vanishes_where_the_prediction_is_met_and_grows_on_both_sides(
        self, formulas: PointwiseFormulas
    ) -> None:
        y = np.full(9, 4.0)
        r = formulas.residual(y, np.array([2, 3, 3.9, 3.9999, 4, 4.0001, 4.1, 5, 6]), 1.0)
        assert abs(r[4]) < 1e-15
        assert (np.diff(r) < 0).all() or (np.diff(r) > 0).all()

    def test_the_slope_is_the_derivative_of_the_residual(self, formulas: PointwiseFormulas) -> None:
        for y, mu in [(4.0, 4.0), (4.0, 2.5), (4.0, 9.0), (1.0, 1.003), (30.0, 12.0)]:
            found = formulas.derivative(np.array([y]), np.array([mu]), 0.7)[0]
            expected = central_differences(partial(formulas.residual, np.array([y]), sigma=0.7), np.array([mu]))
            # five-point rule: 1e-12 of residuals up to 40, and what a formula loses by cancellation near y = mu
            assert found == pytest.approx(expected[0, 0], rel=1e-8)

    def test_residuals_give_the_gradient_of_the_value(self, misfit: Misfit) -> None:
        r, slope, observation, channel = misfit.linear(Y, MU, misfit.weights(Y, MU))
        g = np.zeros_like(MU)
        g[observation, channel] = r * slope
        expected = central_differences(lambda mu: misfit.value(Y, mu.reshape(MU.shape)), MU.ravel())
        np.testing.assert_allclose(g.ravel(), expected, rtol=1e-9, atol=1e-10)

    def test_a_missing_value_never_enters(self, misfit: Misfit) -> None:
        poisoned = np.where(np.isfinite(Y), MU, np.nan)
        assert misfit.value(Y, poisoned) == misfit.value(Y, MU)
        r, slope, _, _ = misfit.linear(Y, poisoned, misfit.weights(Y, poisoned))
        assert np.isfinite(r).all()
        assert np.isfinite(slope).all()

    def test_a_prediction_that_is_not_finite_is_never_a_finite_loss(self, misfit: Misfit) -> None:
        for bad in (np.nan, np.inf, -np.inf):
            mu = MU.copy()
            mu[2, 1] = bad
            assert misfit.value(Y, mu) == np.inf

    def test_a_likelihood_is_a_density_of_what_is_observed(self, formulas: PointwiseFormulas, noise: str) -> None:
        if not formulas.loss.nll:
            pytest.skip("this loss is no likelihood")
        # counts are summed, the rest integrated by Simpson's rule in log y, in y, or in arsinh z for heavy tails
        if noise in ("poisson", "negative-binomial"):
            y = np.arange(2000.0)
            weight = np.ones(2000)
        else:
            heavy = noise.startswith("student")
            e = np.linspace(-1, 1, 4001) * (40 if heavy else 7)
            z, by_e = (np.sinh(e), np.cosh(e)) if heavy else (e, np.ones(4001))
            y = 40 * np.exp(0.5 * z) if noise == "lognormal" else 40 + 0.5 * z
            simpson = np.where(np.arange(4001) % 2, 4.0, 2.0)
            simpson[[0, -1]] = 1.0
            weight = simpson * (e[1] - e[0]) / 3 * 0.5 * by_e * (y if noise == "lognormal" else 1.0)
        total = float(np.sum(weight * np.exp(-formulas.nll(y, np.full(len(y), 40.0), 0.5))))
        assert total == pytest.approx(1.0, abs=1e-10)

    def test_a_likelihood_falls_with_the_square_of_its_residual(self, formulas: PointwiseFormulas) -> None:
        if not formulas.loss.nll:
            pytest.skip("this loss is no likelihood")
        y, mu = np.full(4, 5.0), np.array([5.0, 4.0, 8.0, 2.0])
        nll, r = formulas.nll(y, mu, 0.8), formulas.residual(y, mu, 0.8)
        np.testing.assert_allclose(nll - nll[0], r**2 / 2, atol=1e-12)

    def test_its_formulas_are_the_same_numbers_in_torch(self, formulas: PointwiseFormulas) -> None:
        torch = pytest.importorskip("torch")
        points = np.column_stack([Y[:, 0], MU[:, 0]])
        for group in self._groups(formulas):
            numpy = formulas._graph.function(group)(np.zeros(4), points, None, None, np.array([0.7]))
            tensors = (torch.zeros(4, dtype=torch.float64), torch.from_numpy(points), None, None)
            found = formulas._graph.torch_function(group)(*tensors, torch.tensor([0.7], dtype=torch.float64))
            # the same operations by another library: a few eps, logarithms of gamma a few more
            np.testing.assert_allclose(found.numpy(), numpy, rtol=1e-13, atol=1e-14)

    @staticmethod
    def _groups(formulas: PointwiseFormulas) -> Iterator[str]:
        yield from formulas._graph.groups
