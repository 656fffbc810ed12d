"""The likelihood of event times: against closed forms, its gradient, and fits of intensities."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from workbench_losses.point_process import PoissonProcess

import workbench as wb
from workbench.errors.data import OutsideSupport
from workbench.errors.usage import UsageError
from workbench.measure.differences import central_differences
from workbench.model import Model, Selection
from workbench.problem import read_problem
from workbench.registry import installed
from workbench.testing import DynamicsContract

FADING = """
title  = "Events that become rarer"
source = "Daley & Vere-Jones (2003), An Introduction to the Theory of Point Processes I, section 7.2"
[states.n]
equation = "a*exp(-b*t)"
initial  = 0.0
[parameters]
a = { value = 5.0, transform = "log" }
b = 0.3
"""


class TestIntensity(DynamicsContract):
    """The family under the contract that every dynamics keeps."""

    offer = "intensity"
    settings: ClassVar[dict[str, Any]] = {"hidden": (4,)}


def counted(*records: list[float], end: float = 4.0) -> wb.Dataset:
    """How many events there were up to each of them, with the record's start, 0, and its end."""
    t, n = [], []
    for events in records:
        times, repeats = np.unique(events, return_counts=True)
        t.append(np.concatenate([[0.0], times, [end]]))
        n.append(np.concatenate([[0], np.cumsum(repeats), [len(events)]]))
    sizes = np.array([len(each) for each in t])
    return wb.Dataset(t=np.concatenate(t), values=np.concatenate(n)[:, None], row_size=sizes, channels=("n",))


def fading(data: wb.Dataset) -> tuple[Model, Selection]:
    """λ = a·exp(−b t) on some records, solved far below what the tests ask for."""
    problem = read_problem(FADING).with_data(data, "none")
    field = installed().make("dynamics", "equations").build(problem, np.random.default_rng(0))
    solver = installed().make("solver", "dopri5", {"rtol": 1e-11, "atol": 1e-12})
    return Model(problem, field, solver, PoissonProcess()), Selection.of(data)


def closed_form(a: float, b: float, records: list[list[float]], end: float = 4.0) -> float:
    """∫λ dt − Σ log λ of λ = a·exp(−b t), over records from 0 to the end."""
    expected = len(records) * a * (1 - np.exp(-b * end)) / b
    return expected - sum(np.log(a) - b * t for record in records for t in record)


def test_the_likelihood_is_its_closed_form_and_ties_count_twice() -> None:
    records = [[0.3, 1.1, 1.1, 2.9], [0.7]]
    model, selection = fading(counted(*records))
    value = model.loss.value(model.trial(model.unknowns.start, selection))  # type: ignore[attr-defined]
    assert value == pytest.approx(closed_form(5.0, 0.3, records), rel=1e-9)  # solved to 1e-11 over some ten steps


def test_a_missing_value_leaves_an_event_to_the_next_time() -> None:
    data = counted([1.0, 2.0])
    values = data.values.copy()
    values[1] = np.nan  # at t = 1: so both events are only known to have happened by t = 2
    there = wb.Dataset(t=data.t, values=values, row_size=data.row_size, channels=("n",))
    model, selection = fading(there)
    value = model.loss.value(model.trial(model.unknowns.start, selection))  # type: ignore[attr-defined]
    assert value == pytest.approx(closed_form(5.0, 0.3, [[2.0, 2.0]]), rel=1e-9)


def test_the_gradient_is_that_of_the_value_through_hidden_states_and_initial_values() -> None:
    rng = np.random.default_rng(1)
    data = counted(sorted(rng.uniform(0, 4, 9).tolist()), sorted(rng.uniform(0, 4, 5).tolist()))
    problem = wb.Problem(name="records", data=data, part=np.zeros(len(data.t), dtype=np.int8))
    field = installed().make("dynamics", "intensity", {"hidden": (4,)}).build(problem, rng)
    solver = installed().make("solver", "rk4", {"step": 0.2})  # fixed steps: smooth in the unknowns
    loss, selection = PoissonProcess(), Selection.of(data)
    model = Model(problem, field, solver, loss)
    x = model.unknowns.start + 0.1 * rng.standard_normal(len(model.unknowns.start))
    value, gradient = loss.gradient(model.trial(x, selection))
    assert value == pytest.approx(loss.value(model.trial(x, selection)), rel=1e-14)
    expected = central_differences(lambda z: np.array([loss.value(model.trial(z, selection))]), x)[0]
    assert gradient == pytest.approx(expected, rel=1e-7, abs=1e-8)  # five-point rule: 1e-12 of values near 20


def test_the_likeliest_constant_rate_is_events_over_time() -> None:
    text = FADING.replace("a*exp(-b*t)", "a").replace("b = 0.3\n", "")
    problem = read_problem(text).with_data(counted([0.3, 1.1, 1.2, 2.9, 3.3, 3.4]), "none")
    fitted = wb.fit(problem, loss="poisson-process", strategy="single")
    assert fitted.session.choices.optimizer == "lbfgs"
    assert fitted.session.model.unknowns.values(fitted.session.x)["parameters"][0] == pytest.approx(6 / 4, rel=1e-5)


def test_a_count_that_falls_is_refused_and_so_is_a_channel_that_is_no_state() -> None:
    data = counted([1.0, 2.0])
    falling = wb.Dataset(t=data.t, values=data.values[::-1], row_size=data.row_size, channels=("n",))
    model, selection = fading(falling)
    with pytest.raises(OutsideSupport, match="falls"):
        model.loss.value(model.trial(model.unknowns.start, selection))  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="must be a state"):
        wb.fit(data, dynamics="latent", loss="poisson-process", iterations=1)


def test_residuals_are_refused_to_optimizers_and_windows() -> None:
    data = counted([0.3, 1.1, 1.2, 2.9, 3.3, 3.4])
    with pytest.raises(UsageError, match="needs residuals"):
        wb.fit(data, dynamics="intensity", loss="poisson-process", optimizer="levenberg-marquardt", iterations=1)
    with pytest.raises(UsageError, match="has none"):
        wb.fit(data, dynamics="intensity", loss="poisson-process", strategy="multiple-shooting", iterations=1)
