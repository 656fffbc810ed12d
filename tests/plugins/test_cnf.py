"""Densities by an ODE: the trace, the change of variables, Hutchinson's estimator, planar layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from workbench_experiments.cnf.checks import HALF, by_determinant, density_on_grid, estimator
from workbench_experiments.cnf.flow import (
    GATE,
    STEEP,
    EstimatedTrace,
    ExactTrace,
    Flow,
    Units,
    normal_log_density,
    signs,
)
from workbench_experiments.cnf.planar import PlanarFlow
from workbench_experiments.cnf.points import POINTS
from workbench_experiments.cnf.training import raise_likelihood


def units(n: int = 6, size: float = 1.0) -> Units:
    """Units with weights of this size, so that the flow is far from the identity."""
    made, generator = Units(n).double(), torch.Generator().manual_seed(3)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=size, generator=generator)
    return made


def points(n: int = 8) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def jacobians(f: Units, t: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """∂f/∂z (row, 2, 2) by autograd."""
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda x: f(t[:1], x)[0], z[i : i + 1])[0, :, 0] for i in range(len(z))]
    )


def test_the_exact_trace_is_the_trace_of_autograds_jacobian() -> None:
    f, z = units(), points()
    t = torch.full((len(z), 1), 0.3, dtype=torch.float64)
    found = ExactTrace(f)(t, torch.cat([z, torch.zeros(len(z), 1)], dim=1))
    torch.testing.assert_close(found[:, 2], torch.einsum("rii->r", jacobians(f, t, z)))
    torch.testing.assert_close(found[:, :2], f(t, z)[0])


def test_the_estimated_trace_is_the_quadratic_form_of_the_noise() -> None:
    f, z = units(), points()
    t = torch.full((len(z), 1), 0.7, dtype=torch.float64)
    noise = signs(len(z), torch.Generator().manual_seed(0))
    found = EstimatedTrace(f)(t, torch.cat([z, torch.zeros(len(z), 1), noise], dim=1))
    torch.testing.assert_close(found[:, 2], torch.einsum("ri,rij,rj->r", noise, jacobians(f, t, z), noise))
    assert not found[:, 3:].any(), "the noise is held through a solve"


def test_over_all_four_signs_the_estimate_of_the_trace_is_exact() -> None:
    # in the plane ε takes four values, equally likely: the mean over them is the expectation itself
    f, z = units(), points(1).repeat(4, 1)
    t = torch.full((4, 1), 0.2, dtype=torch.float64)
    every = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    found = EstimatedTrace(f)(t, torch.cat([z, torch.zeros(4, 1), every], dim=1))[:, 2].mean()
    exact = ExactTrace(f)(t, torch.cat([z, torch.zeros(4, 1)], dim=1))[0, 2]
    torch.testing.assert_close(found, exact)


def test_signs_have_the_identity_as_their_covariance() -> None:
    noise = signs(4000, torch.Generator().manual_seed(0))
    assert set(noise.unique().tolist()) == {-1.0, 1.0}
    # entries of the mean of εεᵀ off the diagonal have the standard deviation 1/√4000
    torch.testing.assert_close(noise.T @ noise / 4000, torch.eye(2, dtype=torch.float64), rtol=0.0, atol=5 / 4000**0.5)


def test_units_begin_one_after_another_and_bend_within_the_data() -> None:
    torch.manual_seed(0)
    f = Units(200)
    turn, bias, w = f.gate.weight.detach()[:, 0], f.gate.bias.detach(), f.into.weight.detach()[:, :2]
    at = -bias / turn  # the gate is one half at t = −β/α
    assert set(turn.tolist()) == {GATE, -GATE}
    assert 0.0 <= float(at.min()) < 0.1 < 0.9 < float(at.max()) <= 1.0
    # both parts of w are uniform on ±STEEP/√3: the root of the mean square of |w| is √2·STEEP/3
    assert float(w.square().sum(dim=1).mean().sqrt()) == pytest.approx(2**0.5 * STEEP / 3, rel=0.1)


def test_the_change_of_variables_along_the_flow_is_the_determinant_of_its_map() -> None:
    flow = Flow(units(), 1e-9, engine="torch")
    apart = flow.log_density(points()) - by_determinant(flow, points())
    assert (
        float(apart.detach().abs().max()) < 1e-6
    )  # a thousand times the tolerance, for a map that stretches several times


def test_a_linear_flow_gives_the_normal_density_that_is_known() -> None:
    class Growth(Units):
        """f = z/2: the normal distribution is stretched by e^½ in time 1."""

        def forward(self, t: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return 0.5 * z, torch.full_like(z, 0.5)

    f = Growth(2).double()
    with torch.no_grad():
        f.into.weight.copy_(torch.eye(2, 3))
        f.out.weight.copy_(torch.eye(2))
    x = points()
    scale = float(np.exp(0.5))
    known = normal_log_density(x / scale) - 1.0  # log of the determinant: 2 · ½
    torch.testing.assert_close(Flow(f, 1e-10, engine="torch").log_density(x), known, rtol=1e-8, atol=1e-8)


def test_the_density_integrates_to_one_and_the_map_is_reversed() -> None:
    flow = Flow(units(4, 0.5), 1e-6, engine="torch")
    with torch.no_grad():
        values = density_on_grid(flow, 61)
        there, change = flow.to_base(points())
        back, other = flow.to_data(there)
    assert abs(float(values.sum()) * (2 * HALF / 60) ** 2 - 1.0) < 0.01
    torch.testing.assert_close(back, points(), rtol=0.0, atol=1e-4)
    torch.testing.assert_close(change, -other, rtol=0.0, atol=1e-4)


def test_hutchinsons_log_density_has_no_bias() -> None:
    with torch.no_grad():
        bias, spread = estimator(Flow(units(), 1e-5, engine="torch"), points(4), 250, torch.Generator().manual_seed(1))
    assert abs(bias) < 4.0  # standard errors
    assert spread > 0.0


def test_the_generated_code_gives_the_densities_of_the_torch_engine() -> None:
    f, x = units(3), points()
    fast, plain = (Flow(f, 1e-8, engine=engine) for engine in ("auto", "torch"))
    torch.testing.assert_close(fast.log_density(x), plain.log_density(x), rtol=1e-7, atol=1e-7)


def test_planar_layers_have_the_determinant_of_autograds_jacobian_and_can_be_inverted() -> None:
    torch.manual_seed(0)
    flow = PlanarFlow(5).double()
    for p in flow.parameters():
        torch.nn.init.normal_(p)
    x = points()
    _, change = flow.to_base(x)
    for i in range(len(x)):
        jacobian = torch.autograd.functional.jacobian(lambda one: flow.to_base(one[None])[0][0], x[i])
        torch.testing.assert_close(change[i], torch.linalg.slogdet(jacobian)[1])
    assert bool(((flow.w * flow.directions()).sum(dim=1) > -1.0).all())


def test_planar_layers_begin_near_the_identity() -> None:
    torch.manual_seed(0)
    z, change = (each.detach() for each in PlanarFlow(100).double().to_base(points()))
    assert float((z - points()).abs().max()) < 1.0  # a hundred steps of about .01 at random
    assert float(change.abs().max()) < 1.0


def test_a_flow_learns_to_shift_and_widen() -> None:
    torch.manual_seed(0)
    f, rng = Units(4).double(), np.random.default_rng(0)
    flow = Flow(f, 1e-2, engine="torch")
    found = raise_likelihood(
        f, flow.log_density, lambda n: torch.from_numpy(1.5 + 0.5 * rng.standard_normal((n, 2))), 25, 64, 5e-2,
        flow.count,
    )  # fmt: skip
    assert found.losses[-5:].mean() < found.losses[0] - 0.5
    assert (found.evaluations > 0).all()


@pytest.mark.parametrize("name", POINTS)
def test_points_lie_within_the_square_that_is_integrated_over(name: str) -> None:
    found = POINTS[name](5000, np.random.default_rng(0))
    assert found.shape == (5000, 2)
    assert np.abs(found).max() < HALF - 1.0
    np.testing.assert_array_equal(found, POINTS[name](5000, np.random.default_rng(0)))
