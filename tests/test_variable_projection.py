"""Entries in which residuals are linear: where a graph has them, and what least squares makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.graph import Builder, Graph, Network, from_network
from workbench.registry import installed
from workbench.testing.dynamics import populations
from workbench.testing.optimizers import Squares, minimise
from workbench.testing.strategies import task_of

# --- where they are


def test_the_last_layer_of_a_network_is_linear() -> None:
    graph = from_network((5, 4), "tanh", states=("x", "y"))
    # 2·5 + 5 and 5·4 + 4 weights come before the last 4·2 + 2
    assert graph.linear_weights("rhs") == tuple(range(39, 49))


def test_the_residual_is_affine_in_them_whatever_the_others_are() -> None:
    graph = from_network((5,), "silu", states=("x", "y"), centre=0.3, spread=[1.0, 2.0], slope=[3.0, 0.5])
    rng = np.random.default_rng(0)
    f, y = graph.function("rhs"), rng.normal(size=(7, 2))
    p, step = rng.normal(size=len(graph.parameters)), np.zeros(len(graph.parameters))
    step[list(graph.linear_weights("rhs"))] = rng.normal(size=len(graph.linear_weights("rhs")))
    at = [f(np.zeros(7), y, None, None, p + share * step) for share in (0.0, 1.0, 2.0)]
    np.testing.assert_allclose(at[2] - at[1], at[1] - at[0], atol=1e-13)


def product(*, bent: bool = False, fed: bool = False, tied: bool = False) -> Graph:
    """Two networks of one state, each (1, 3, 1): their sum, or their product, or the second one of the first."""
    b = Builder()
    y, first, second = b.leaf("y", 0), b.leaf("z", 0), b.leaf("z", 1)
    places = ((0, 3), (6, 9))
    networks = (
        Network((1, 3, 1), "tanh", 0, 0, places=places),
        Network((1, 3, 1), "tanh", 10, 1, places=((10, 13), places[1] if tied else (16, 19))),
    )
    rhs = b.mul(first, second) if bent else b.add(first, b.mul(b.constant(2.0), second))
    inputs = {"network 0": (y,), "network 1": (first if fed else y,)}
    names = tuple(f"w{i}" for i in range(20))
    return Graph(tuple(b.nodes), {"rhs": (rhs,), "observed": (y,), **inputs}, ("y",), names, networks=networks)


def test_only_outer_weights_that_enter_linearly_and_stand_nowhere_else_count() -> None:
    assert product().linear_weights("rhs") == (6, 7, 8, 9, 16, 17, 18, 19)
    assert product(bent=True).linear_weights("rhs") == ()
    assert product(fed=True).linear_weights("rhs") == (16, 17, 18, 19)
    assert product(tied=True).linear_weights("rhs") == ()


def test_gradient_matching_knows_them_where_weights_alone_are_fitted() -> None:
    network = task_of(populations(), dynamics="mlp", hidden=(3,))
    linear = network.defects()[0].linear  # type: ignore[attr-defined]
    weights = np.flatnonzero(network.unknowns.mask("weights"))
    assert np.flatnonzero(linear).tolist() == weights[-8:].tolist()
    assert task_of(populations()).defects()[0].linear is None  # type: ignore[attr-defined]


# --- what least squares makes of them


class Decays(Squares):
    """c₀e^(−a₀t) + c₁e^(−a₁t) on exact data of c = (1, 2), a = (0.5, 3); x = (a₀, a₁, c₀, c₁)."""

    def __init__(self) -> None:
        t = np.linspace(0, 4, 30)
        y = np.exp(-0.5 * t) + 2 * np.exp(-3 * t)
        super().__init__(
            lambda x: x[2] * np.exp(-x[0] * t) + x[3] * np.exp(-x[1] * t) - y,
            lambda x: np.column_stack(
                [
                    -x[2] * t * np.exp(-x[0] * t),
                    -x[3] * t * np.exp(-x[1] * t),
                    np.exp(-x[0] * t),
                    np.exp(-x[1] * t),
                ]
            ),
            4,
        )


class Separable(Decays):
    """The same, and what is linear is known."""

    linear = np.array([False, False, True, True])


START = [0.2, 1.0, 0.0, 0.1]


def test_the_same_minimum_is_found_in_fewer_steps() -> None:
    made = installed().make("optimizer", "levenberg-marquardt", {})
    whole, slow = minimise(made, Decays(), START)
    projected, fast = minimise(made, Separable(), START)
    for found in (whole, projected):  # which decay is which does not matter
        np.testing.assert_allclose(np.sort(found), [0.5, 1.0, 2.0, 3.0], atol=1e-5)
    assert len(fast) < len(slow)


def test_every_point_has_its_linear_entries_at_their_best() -> None:
    made, objective = installed().make("optimizer", "levenberg-marquardt", {}), Separable()
    state = made.start(objective, np.array(START))
    for _ in range(4):
        state, _ = made.advance(objective, state)
        line = objective.linearize(state["x"])
        sizes = np.linalg.norm(line.jacobian, axis=0) * np.linalg.norm(line.residuals)
        # normal equations of columns whose condition is below 1e3 leave 1e-16 · 1e6 of the gradient
        assert (np.abs(line.gradient[2:]) <= 1e-9 * sizes[2:] + 1e-15).all()


def test_a_prior_and_held_entries_leave_sums_that_are_those_of_the_jacobian() -> None:
    task = task_of(populations(), dynamics="mlp", hidden=(3,))
    x = task.unknowns.start + 0.1 * np.sin(np.arange(len(task.unknowns.start)))
    for free in (~task.unknowns.mask("initial"), np.arange(len(x)) % 3 > 0):
        inside = task.restrict(task.defects()[0], free, x, np.where(task.unknowns.mask("weights"), 0.3, 0.0))
        line = inside.linearize(x[free])
        np.testing.assert_allclose(line.gram, line.jacobian.T @ line.jacobian, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(line.gradient, line.vjp(line.residuals), rtol=1e-11, atol=1e-13)


def test_sums_over_parts_of_the_points_are_those_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = populations()
    whole = task_of(problem, dynamics="mlp", hidden=(3,)).defects()[0]
    monkeypatch.setattr("workbench.fitting.defect.CACHED", 200)
    parts = task_of(replace(problem), dynamics="mlp", hidden=(3,)).defects()[0]
    x = 0.1 * np.sin(np.arange(len(whole.lower)) + 1.0)
    one, other = whole.linearize(x), parts.linearize(x)
    np.testing.assert_allclose(other.gram, one.gram, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(other.gradient, one.gradient, rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(other.jacobian, one.jacobian)
