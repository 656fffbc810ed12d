"""Linear dynamics: the kit, subspace identification against systems that are known, and fits."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from workbench_linear.continuous import continuous, dissipative, stabilised
from workbench_linear.subspace import DiscreteModel, identify, initial_state
from workbench_reports.card import card

from workbench import Dataset, Inputs, fit
from workbench.errors.usage import UsageError
from workbench.problem import Problem
from workbench.registry import installed
from workbench.testing.dynamics import DynamicsContract


class TestLinear(DynamicsContract):
    """Every state observed."""

    offer = "linear"


class TestStateSpace(DynamicsContract):
    """Two hidden states."""

    offer = "state-space"


class TestNetworkBesideALinearPart(DynamicsContract):
    """Three hidden states and a network."""

    offer = "state-space"
    settings: ClassVar[dict[str, Any]] = {"order": 3, "hidden": (5,)}


class TestStable(DynamicsContract):
    """Eigenvalues left of the imaginary axis for any weights."""

    offer = "state-space"
    settings: ClassVar[dict[str, Any]] = {"stable": True}


class TestEncodedStates(DynamicsContract):
    """Hidden states that begin at what an encoder makes of four samples."""

    offer = "state-space"
    settings: ClassVar[dict[str, Any]] = {"hidden": (5,), "encoder": 4}


def system(n: int, n_u: int, n_y: int, rng: np.random.Generator) -> DiscreteModel:
    """A random stable map; its slowest mode falls by a twentieth a step."""
    A = rng.standard_normal((n, n))
    A *= 0.95 / np.abs(np.linalg.eigvals(A)).max()
    return DiscreteModel(A, *(rng.standard_normal(shape) for shape in ((n, n_u), (n_y, n), (n_y, n_u))))


def followed(model: DiscreteModel, u: np.ndarray, x: np.ndarray) -> np.ndarray:
    """y (time, output)."""
    y = []
    for now in u:
        y.append(model.C @ x + model.D @ now)
        x = model.A @ x + model.B @ now
    return np.array(y)


@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 2, 2), (4, 1, 2), (2, 0, 1), (6, 1, 1)], ids=str)
def test_subspace_identification_finds_a_linear_system_without_noise(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    true, series = system(*shape, rng), []
    for length in (300, 200):
        u = rng.standard_normal((length, shape[1]))
        series.append((u, followed(true, u, 3 * rng.standard_normal(shape[0]))))
    found = identify(series, shape[0], direct=True)
    assert found is not None
    eigenvalues = [np.sort_complex(np.linalg.eigvals(each.A)) for each in (true, found)]
    np.testing.assert_allclose(eigenvalues[1], eigenvalues[0], atol=1e-9)
    u, y = series[1]
    np.testing.assert_allclose(followed(found, u, initial_state(found, u, y)), y, atol=1e-9 * np.abs(y).max())


def test_trajectories_too_short_for_the_order_are_not_identified() -> None:
    assert identify([(np.zeros((6, 1)), np.zeros((6, 1)))], 3, direct=False) is None


def test_a_map_becomes_the_ode_that_it_samples_and_a_stable_one_is_dissipative() -> None:
    from scipy.linalg import expm

    A, B = np.array([[-0.1, 2.0], [-2.0, -0.1]]), np.array([[1.0], [0.5]])
    whole = np.zeros((3, 3))
    whole[:2, :2], whole[:2, 2:] = A, B
    step = expm(whole * 0.2)
    found = continuous(DiscreteModel(step[:2, :2], step[:2, 2:], np.eye(2), np.zeros((2, 1))), 0.2)
    np.testing.assert_allclose(found.rate * found.A, A, atol=1e-12)
    np.testing.assert_allclose(found.rate * found.B, B, atol=1e-12)
    moved = dissipative(stabilised(found))
    assert np.linalg.eigvalsh(moved.A + moved.A.T).max() < 0
    np.testing.assert_allclose(
        np.sort_complex(np.linalg.eigvals(moved.rate * moved.A)), [-0.1 - 2j, -0.1 + 2j], atol=1e-10
    )


def driven(noise: float, length: int = 400) -> Dataset:
    """A damped oscillator driven by a random binary signal, of which the position alone is seen."""
    from scipy.linalg import expm

    rng = np.random.default_rng(1)
    whole = np.zeros((3, 3))
    whole[:2, :2], whole[:2, 2] = [[0, 1], [-1, -0.3]], [0, 1]
    step, x, y = expm(0.2 * whole), np.array([1.0, 0.0]), []
    u = np.repeat(rng.choice([-1.0, 1.0], length // 10), 10)
    for now in u:
        y.append(x[0])
        x = step[:2, :2] @ x + step[:2, 2] * now
    t = 0.2 * np.arange(length)
    values = 5 + 3 * (np.array(y) + noise * rng.standard_normal(length))[:, None]
    return Dataset(t, values, np.array([length]), ("y",), inputs=Inputs(("u",), t, u[:, None], np.array([length])))


@pytest.mark.parametrize("settings", [{}, {"dynamics.stable": True}, {"dynamics.direct": True}])
def test_the_matrices_are_those_of_the_oscillator_in_its_own_units(settings: dict[str, Any]) -> None:
    """y = 5 + 3q, q'' = u − 0.3q' − q: whatever the states are, CB = 0, CAB = 3, the gain is 3, and y rests at 5."""
    found = fit(driven(0.0), dynamics="state-space", settings=settings)
    linear = found.document()["linear"]
    A, B, C, D, b, d = (np.array(linear[key]) for key in ("A", "B", "C", "D", "b", "d"))
    mode = linear["modes"][0]
    assert mode["frequency"] == pytest.approx(1.0, rel=1e-4)
    assert mode["damping"] == pytest.approx(0.15, rel=1e-3)
    np.testing.assert_allclose([C @ B, C @ A @ B, D], np.reshape([0.0, 3.0, 0.0], (3, 1, 1)), atol=5e-3)
    rest = np.linalg.solve(-A, np.column_stack([B, b]))
    np.testing.assert_allclose(C @ rest + [[0.0, d[0]]], [[3.0, 5.0]], rtol=1e-3)
    assert "-0.15 ± 0.9887i" in card(found.run)


@pytest.mark.parametrize("stable", [False, True])
def test_a_state_space_model_follows_a_driven_oscillator_whose_velocity_is_hidden(stable: bool) -> None:
    found = fit(driven(0.0), dynamics="state-space", settings={"dynamics.stable": stable})
    assert found.metrics["holdout"]["fit_percent"] > 99.9
    noisy = fit(driven(0.05), dynamics="state-space", settings={"dynamics.stable": stable})
    assert noisy.metrics["holdout"]["fit_percent"] > 90


def test_a_trajectory_of_one_observation_has_a_start_as_well() -> None:
    t = np.linspace(0, 5, 40)
    values = np.append(np.exp(-t), 0.5)[:, None]
    asked = Problem("decay").with_data(Dataset(np.append(t, 0.0), values, np.array([40, 1]), ("x",)), "none")
    field = installed().make("dynamics", "state-space", {"order": 1}).build(asked, np.random.default_rng(0))
    initial = field.blocks()[1]
    assert initial.value.shape == (2, 1)
    assert np.isfinite(initial.value).all()


def test_a_linear_ode_is_written_with_its_numbers_and_their_errors() -> None:
    t = np.linspace(0, 10, 60)
    values = np.exp(-0.1 * t)[:, None] * np.column_stack([np.cos(2 * t), -np.sin(2 * t)])
    found = fit(Dataset(t, values, np.array([60]), ("x", "y")), dynamics="linear", split="none")
    assert found.parameters["A[x,y]"]["value"] == pytest.approx(2.0, abs=1e-4)
    assert found.parameters["A[x,x]"]["value"] == pytest.approx(-0.1, abs=1e-4)
    assert found.equations[0].startswith("d x/dt = -0.1*x +2*y")


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"order": 0}, "at least one state"), ({}, "take inputs, no covariates")],
)
def test_what_it_cannot_do_is_said(settings: dict[str, Any], said: str) -> None:
    data = Dataset([0, 1, 2], [[1], [2], [3]], [3], ("x",), covariates={"c": [1.0]})
    with pytest.raises(UsageError, match=said):
        installed().make("dynamics", "state-space", settings).build(
            Problem("data").with_data(data, "none"), np.random.default_rng(0)
        )
