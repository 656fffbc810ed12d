"""The strength of a prior that the data themselves decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from workbench.fitting.evidence import REACH, RISE, precision
from workbench.testing.optimizers import Squares, nowhere, walled
from workbench.testing.strategies import growth, task_of


def regression(n: int = 40, p: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A (row, weight) and y = Aw + noise 0.5, only the first weights of w not small."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=(n, p))
    return a, a @ (rng.normal(size=p) / (1 + np.arange(p))) + 0.5 * rng.normal(size=n)


def ridge(a: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    return np.linalg.solve(a.T @ a + strength * np.eye(a.shape[1]), a.T @ y)


def test_on_a_linear_model_it_settles_where_the_evidence_is_greatest() -> None:
    a, y = regression()
    objective = Squares(lambda w: a @ w - y, lambda w: a, a.shape[1])
    every = np.ones(a.shape[1], dtype=bool)
    found, w = 0.0, ridge(a, y, 1e-3)
    for _ in range(200):
        found = precision(objective, w, every, found)
        w = ridge(a, y, found)

    def deficit(logs: np.ndarray) -> float:
        """−log N(y; 0, v·I + AAᵀ/α), the weights integrated out."""
        v, alpha = np.exp(logs)
        covariance = v * np.eye(len(y)) + a @ a.T / alpha
        return 0.5 * float(np.linalg.slogdet(covariance)[1] + y @ np.linalg.solve(covariance, y))

    best = minimize(deficit, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000})
    v, alpha = np.exp(best.x)
    # a maximum of a function known to 1e-13 is known to the root of that
    assert found == pytest.approx(alpha * v, rel=1e-5)


def test_one_update_never_goes_further_than_its_reach() -> None:
    a, y = regression()
    objective = Squares(lambda w: a @ w - y, lambda w: a, a.shape[1])
    every = np.ones(a.shape[1], dtype=bool)
    w = ridge(a, y, 1.0)
    for before in (1e-9, 1e9):
        assert before / REACH <= precision(objective, w, every, before) <= before * RISE


@pytest.mark.parametrize("share", [1e-9, 1e-3, 1.0])
def test_the_weights_that_the_data_determine_are_counted_alike_by_inverse_and_by_eigenvalues(share: float) -> None:
    a, y = regression()
    a[:, 3:] *= 1e-3  # columns of two sizes, so that some count and others do not
    objective = Squares(lambda w: a @ w - y, lambda w: a, a.shape[1])
    w = ridge(a, y, 1e-3)
    spectrum = np.linalg.eigvalsh(a.T @ a)
    before = share * spectrum[-1]
    determined = np.sum(spectrum / (spectrum + before))
    expected = np.sum((a @ w - y) ** 2) / (len(y) - determined) * determined / (w @ w)
    wanted = np.clip(expected, before / REACH, before * RISE)
    assert precision(objective, w, np.ones(len(w), dtype=bool), before) == pytest.approx(wanted, rel=1e-9)


def test_only_the_entries_that_shrink_count() -> None:
    a, y = regression()
    whole = Squares(lambda w: a @ w - y, lambda w: a, a.shape[1])
    free = np.arange(a.shape[1]) < 5
    w = ridge(a, y, 1.0)
    rest = y - a[:, ~free] @ w[~free]
    part = Squares(lambda z: a[:, free] @ z - rest, lambda z: a[:, free], 5)
    expected = precision(part, w[free], np.ones(5, dtype=bool), 0.7)
    assert precision(whole, w, free, 0.7) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("objective", "x"), [(nowhere(), [1.0, 1.0]), (walled(), [0.0, 0.0])])
def test_where_nothing_can_be_said_the_precision_stays(objective: Squares, x: list[float]) -> None:
    assert precision(objective, np.array(x), np.ones(2, dtype=bool), 0.3) == 0.3


def test_equations_and_declared_priors_are_left_alone() -> None:
    equations = task_of(growth())
    assert not equations.shrinkage(equations.trajectory(), equations.unknowns.start).any()
    declared = task_of(growth(), dynamics="mlp", hidden=(3,), decay=0.2)
    found = declared.shrinkage(declared.trajectory(), declared.unknowns.start)
    assert found.tolist() == declared.unknowns.shrink.tolist()
    assert set(found[declared.unknowns.mask("weights")]) == {0.2}


@pytest.mark.parametrize(("optimizer", "decides"), [("levenberg-marquardt", True), ("adam", False), ("lbfgs", False)])
def test_weights_are_held_as_the_evidence_asks_where_the_optimizer_forms_the_jacobian(
    optimizer: str, decides: bool
) -> None:
    task = task_of(growth(), optimizer, dynamics="mlp", hidden=(3,))
    found = task.shrinkage(task.trajectory(), task.unknowns.start)
    weights = task.unknowns.mask("weights")
    assert (found[weights] > 0).all() == decides
    assert not found[~weights].any()
