"""The spirals of the experiment on latent ODEs, and its scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from workbench_latent.spirals.data import LENGTH, curves, spirals, times
from workbench_latent.spirals.experiment import LatentOdeExperiment
from workbench_latent.spirals.latent import LatentOde, through
from workbench_latent.spirals.recurrent import Recurrent
from workbench_latent.spirals.scores import rmse, roughness, separated

from workbench.errors.usage import UsageError


def test_a_piece_lies_between_what_was_before_and_comes_after_it_on_its_curve() -> None:
    found = spirals(20, 30, 0.0, np.random.default_rng(0))
    whole = curves()
    for truth, clockwise in zip(found.truth, found.clockwise, strict=True):
        curve = whole[int(clockwise)]
        first = np.argmin(np.linalg.norm(curve - truth[0], axis=1))
        assert np.array_equal(truth, curve[first : first + 3 * LENGTH])
    inside = np.take_along_axis(found.truth[:, LENGTH : 2 * LENGTH], found.seen[:, :, None], axis=1)
    assert np.array_equal(inside, found.values)
    assert (np.diff(found.seen, axis=1) > 0).all()


def test_the_two_spirals_turn_in_opposite_ways() -> None:
    out, back = curves()
    for curve, centre, sign in ((out, [5, 0], 1), (back, [-5, 0], -1)):
        x, y = (curve[400:500] - centre).T
        assert np.sign(np.diff(np.unwrap(np.arctan2(y, x)))).tolist() == [sign] * 99


def test_the_spline_through_knots_is_exact_for_cubics() -> None:
    knots, ts = np.linspace(0, 1.8, 13), np.linspace(0, 1.8, 100)
    cubic = lambda t: 1 - 2 * t + 0.5 * t**3  # noqa: E731  # one line reads best
    assert through(knots, ts) @ cubic(knots) == pytest.approx(cubic(ts), abs=1e-12)


def test_the_bound_of_the_spirals_is_likelihood_and_divergence() -> None:
    torch.manual_seed(0)
    model = LatentOde(noise=0.3)
    found = spirals(4, 30, 0.3, np.random.default_rng(1))
    t = torch.tensor(found.t, dtype=torch.float32)
    seen, y = torch.tensor(found.seen), torch.tensor(found.values, dtype=torch.float32)
    with torch.no_grad():
        torch.manual_seed(1)
        bound = model.bound(t, seen, y, 0.5)
        torch.manual_seed(1)
        mean, log_sd = model.encoder(t, y)
        z0 = mean + log_sd.exp() * torch.randn_like(mean)
        mu = torch.stack([path[place] for path, place in zip(model.piece(z0), seen, strict=True)])
        normal = torch.distributions.Normal
        nll = -normal(mu, 0.3).log_prob(y).sum((1, 2))
        apart = torch.distributions.kl_divergence(normal(mean, log_sd.exp()), normal(0.0, 1.0)).sum(1)
    assert bound.item() == pytest.approx((nll + 0.5 * apart).mean().item(), rel=1e-5)  # single precision


def test_the_knots_follow_the_solver_that_foretells() -> None:
    torch.manual_seed(2)
    model = LatentOde(noise=0.3)
    z0 = torch.randn(3, 4)
    with torch.no_grad():
        knots = model.piece(z0)[:, 1:]
    # rk4 over steps of 0.16 and a spline against tolerances of 1e-6, in single precision
    assert knots.numpy() == pytest.approx(model.follow(z0, times(1, LENGTH - 1)).numpy(), abs=1e-4)


def test_recurrent_networks_go_on_from_the_last_observation() -> None:
    torch.manual_seed(3)
    found = spirals(5, 100, 0.0, np.random.default_rng(4))
    seen, y = torch.tensor(found.seen), torch.tensor(found.values, dtype=torch.float32)
    for gaps in (False, True):
        model = Recurrent(gaps)
        path = model.forecast(seen, y)
        assert path.shape == (5, LENGTH, 2)
        with torch.no_grad():
            told = torch.full((5, 100, 1), 1 / LENGTH)
            first = model.out(model.cell(torch.cat([y, told], dim=-1) if gaps else y)[0][:, -1])
        if not gaps:  # every gap is one point: the first step is the next output on the same sequence
            assert path[:, 0] == pytest.approx(first.numpy(), abs=1e-5)


def test_scores_know_what_they_are_of() -> None:
    truth = np.zeros((1, 5, 2))
    assert rmse(truth + 0.3, truth) == pytest.approx(0.3)
    assert rmse(np.full_like(truth, np.nan), truth) == np.inf
    assert roughness(np.arange(10.0).reshape(1, 5, 2)) == 0
    rng = np.random.default_rng(5)
    mixed = rng.standard_normal((400, 3))
    assert separated(mixed, rng.random(400) < 0.5) < 0.65
    assert separated(mixed, mixed[:, 1] > 0) > 0.9


def test_a_latent_space_without_a_plane_is_refused_before_the_training() -> None:
    with pytest.raises(UsageError, match="size"):
        LatentOdeExperiment(0.3, 1, 10, size=1)
