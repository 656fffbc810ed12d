"""Latent ODEs: the encoder, the divergence, the bound, and fits of irregular data with missing values."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from workbench_latent.bound import Bound
from workbench_latent.divergence import divergence
from workbench_latent.dynamics import LatentField
from workbench_latent.encoder import Encoder, backwards
from workbench_latent.posterior import GaussianPosterior

import workbench as wb
from workbench.errors.usage import UsageError
from workbench.measure.differences import central_differences
from workbench.model import Model, Selection
from workbench.registry import installed
from workbench.testing import DynamicsContract


class TestLatent(DynamicsContract):
    """The family under the contract that every dynamics keeps."""

    offer = "latent"
    settings: ClassVar[dict[str, Any]] = {"size": 2, "hidden": (5,), "decoder": (4,), "encoder": 3}


def records(rng: np.random.Generator, noise: float = 0.05) -> wb.Dataset:
    """Six oscillators of two channels, seen at 8 to 13 irregular times, a third of the values missing."""
    t, values, sizes = [], [], []
    for _ in range(6):
        n = int(rng.integers(8, 14))
        own = np.sort(rng.uniform(0, 6, n))
        phase = own + rng.uniform(0, 6)
        y = np.column_stack([np.cos(phase), np.sin(phase)]) + noise * rng.standard_normal((n, 2))
        y[rng.random(y.shape) < 1 / 3] = np.nan
        t.append(own)
        values.append(y)
        sizes.append(n)
    return wb.Dataset(t=np.concatenate(t), values=np.concatenate(values), row_size=np.array(sizes), channels=("a", "b"))


class Case:
    """A small latent model of the records, its loss, and the objective's selection."""

    def __init__(self, loss: Bound, rng: np.random.Generator, rtol: float = 1e-10) -> None:
        data = records(rng)
        part = np.zeros(len(data.t), dtype=np.int8)
        part[data.starts + data.row_size - 1] = 2
        self.problem = wb.Problem(name="records", data=data, part=part)
        made = installed().make("dynamics", "latent", {"size": 2, "hidden": (5,), "decoder": (4,), "encoder": 3})
        self.field: LatentField = made.build(self.problem, rng)
        solver = installed().make("solver", "dopri5", {"rtol": rtol, "atol": rtol})
        self.loss = loss
        self.model = Model(self.problem, self.field, solver, loss)
        self.selection = Selection.of(data, part == 0)
        self.x = self.model.unknowns.start + 0.2 * rng.standard_normal(len(self.model.unknowns.start))

    @cached_property
    def posterior(self) -> GaussianPosterior:
        """What the model's encoder makes of the records."""
        found = self.model.posterior
        assert isinstance(found, GaussianPosterior)
        return found

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and deviations of the initial states (trajectory, state) at x."""
        mean, log_sd = self.posterior.of(torch.from_numpy(self.model.unknowns.values(self.x)["encoder"]))
        return mean.numpy(), log_sd.exp().numpy()


def test_the_divergence_is_what_drawing_from_the_posterior_finds() -> None:
    rng = np.random.default_rng(0)
    mean, sd = np.array([0.7, -1.2, 0.1]), np.array([0.3, 1.5, 0.9])
    z = mean + sd * rng.standard_normal((200_000, 3))
    logs = -0.5 * ((z - mean) / sd) ** 2 - np.log(sd) + 0.5 * z**2
    drawn = logs.sum(axis=1)
    exact = divergence(torch.tensor(mean), torch.tensor(sd).log()).item()
    assert exact == pytest.approx(drawn.mean(), abs=5 * drawn.std() / np.sqrt(len(z)))  # five standard errors


def test_the_divergence_is_torchs_and_0_at_the_prior() -> None:
    rng = torch.Generator().manual_seed(1)
    mean, log_sd = torch.randn(4, 3, generator=rng, dtype=torch.float64), torch.randn(4, 3, generator=rng).double()
    normal = torch.distributions.Normal
    own = torch.distributions.kl_divergence(normal(mean, log_sd.exp()), normal(0.0, 1.0)).sum(-1)
    assert torch.allclose(divergence(mean, log_sd), own, atol=1e-12)
    assert divergence(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_the_encoder_reads_the_last_observation_first_and_takes_missing_values_for_nothing() -> None:
    nan = float("nan")
    t = torch.tensor([[0.0, 1.0, 3.0], [0.0, 2.0, nan]])
    y = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [nan], [nan]]])
    read, lengths = backwards(t, y)
    assert lengths.tolist() == [3, 2]
    assert read[0].tolist() == [[3, 1, 0], [2, 1, 2], [1, 1, 1]]  # value, seen, time to the one read before
    assert read[1].tolist() == [[0, 0, 0], [4, 1, 2], [0, 0, 0]]


def test_what_is_padded_or_missing_changes_no_encoding() -> None:
    torch.manual_seed(0)
    encoder, rng = Encoder(2, 5, 3), np.random.default_rng(0)
    t, y = torch.tensor([[0.0, 0.4, 1.0]], dtype=torch.float64), torch.tensor(rng.standard_normal((1, 3, 2)))
    y[0, 1, 0] = float("nan")
    alone = encoder(t, y)
    padded_t = torch.cat([t, torch.full((1, 2), float("nan"), dtype=torch.float64)], dim=1)
    padded_y = torch.cat([y, torch.full((1, 2, 2), float("nan"), dtype=torch.float64)], dim=1)
    longer = torch.cat([padded_t, torch.linspace(0, 1, 5, dtype=torch.float64)[None]])
    both = encoder(longer, torch.cat([padded_y, torch.zeros(1, 5, 2, dtype=torch.float64)]))
    for one, two in zip(alone, both, strict=True):
        assert torch.allclose(one[0], two[0], atol=1e-14)
        assert torch.isfinite(two).all()


def test_the_gradient_of_the_bound_is_that_of_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    case = Case(Bound(weight=0.7, draws=2), rng)
    noise = rng.standard_normal((2, 6, 2))
    monkeypatch.setattr(Bound, "_noise", lambda self, x, shape: noise)  # the draws held, the bound is smooth
    value, gradient = case.loss.gradient(case.model.trial(case.x, case.selection))
    assert value == pytest.approx(case.loss.value(case.model.trial(case.x, case.selection)), rel=1e-12)
    wanted = rng.choice(len(case.x), 25, replace=False)

    def along(z: np.ndarray) -> np.ndarray:
        x = case.x.copy()
        x[wanted] = z
        return np.array([case.loss.value(case.model.trial(x, case.selection))])

    expected = central_differences(along, case.x[wanted])[0]
    assert gradient[wanted] == pytest.approx(expected, rel=1e-5, abs=1e-5)  # solves to 1e-10 of a loss near 100


def test_the_bound_is_the_drawn_likelihood_less_the_divergence_and_lies_below_the_evidence() -> None:
    rng = np.random.default_rng(4)
    case = Case(Bound(weight=1.0, draws=400), rng, rtol=1e-5)  # what 400 draws leave open is a thousand times as much
    mean, sd = case.moments()
    z = mean + sd * rng.standard_normal((400, *mean.shape))
    trials = [case.model.trial(case.x, case.selection).beginning(each) for each in z]
    likelihood = -np.array([trial.value() for trial in trials])
    apart = divergence(torch.from_numpy(mean), torch.from_numpy(sd).log()).sum().item()
    bound = -case.loss.value(case.model.trial(case.x, case.selection))
    spread = likelihood.std() / np.sqrt(len(z))
    assert bound == pytest.approx(likelihood.mean() - apart, abs=8 * spread)  # two estimates of 400 draws each
    prior, own = (np.sum(-0.5 * z**2, axis=(1, 2)), np.sum(-0.5 * ((z - mean) / sd) ** 2 - np.log(sd), axis=(1, 2)))
    weights = likelihood + prior - own  # importance sampling of the evidence
    evidence = weights.max() + np.log(np.mean(np.exp(weights - weights.max())))
    assert bound < evidence + 5 * spread


def test_the_draws_follow_from_the_point_alone() -> None:
    case = Case(Bound(weight=1.0, draws=1), np.random.default_rng(5))
    first, again, elsewhere = (
        case.loss.value(case.model.trial(x, case.selection)) for x in (case.x, case.x.copy(), case.x + 1e-12)
    )
    assert first == again
    assert first != elsewhere


def test_the_encoder_reads_training_values_and_of_other_trajectories_the_first_samples() -> None:
    rng = np.random.default_rng(6)
    data = records(rng)
    part = np.where(data.trajectory_of == 5, 2, np.where(data.t > 4, 1, 0)).astype(np.int8)
    problem = wb.Problem(name="records", data=data, part=part)
    made = installed().make("dynamics", "latent", {"samples": 3, "size": 2})
    field = made.build(problem, rng)
    t, y = field.readings.given(problem, 3)
    assert np.isfinite(t).sum(axis=1).tolist() == [
        *(int(((data.trajectory_of == i) & (part == 0)).sum()) for i in range(5)),
        3,
    ]
    first = data.values[data.rows(5)][:3]
    assert y[5, :3] * field.readings.spread + field.readings.mean == pytest.approx(first, nan_ok=True)


def test_a_fit_lowers_the_bound_and_goes_on_bit_for_bit(tmp_path: Any) -> None:
    data = records(np.random.default_rng(7))
    asked: dict[str, Any] = {
        "dynamics": "latent",
        "loss": "elbo",
        "strategy": "single",
        "settings": {"dynamics.size": 2, "dynamics.hidden": (6,), "dynamics.encoder": 4, "optimizer.rate": 0.02},
    }
    whole = wb.fit(data, iterations=12, store=tmp_path, name="whole", **asked)
    losses = whole.session.history["loss"]
    assert losses[-1] < losses[0]
    wb.fit(data, iterations=5, store=tmp_path, name="part", **asked)
    gone_on = wb.resume(tmp_path / "part.h5", iterations=12)
    assert np.array_equal(gone_on.session.x, whole.session.x)
    assert np.isfinite(whole.predict(np.linspace(3, 8, 5)).observed).all()


def test_the_bound_is_refused_where_there_is_no_encoder_and_where_residuals_are_needed() -> None:
    data = records(np.random.default_rng(8))
    with pytest.raises(UsageError, match="encoder"):
        wb.fit(data, dynamics="mlp", loss="elbo", iterations=1)
    with pytest.raises(UsageError, match="needs residuals"):
        wb.fit(data, dynamics="latent", loss="elbo", optimizer="levenberg-marquardt", iterations=1)


def test_torch_is_not_imported_to_list_the_family() -> None:
    assert "workbench_latent.encoder" in sys.modules  # imported above; the signboard names no torch
    import workbench_latent

    assert not hasattr(workbench_latent, "torch")


def test_an_expectation_over_no_draws_is_refused() -> None:
    with pytest.raises(UsageError, match="draws"):
        Bound(weight=1.0, draws=0)
