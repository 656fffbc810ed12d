"""The library of systems: every file is checked against mathematics, its data against what was published."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp
from workbench_problems import offer_problems

import workbench as wb
from workbench.dataset import Table, assemble
from workbench.problem import Problem, read_problem
from workbench.system import System
from workbench.system.symbolic import Symbolic

NAMES = [file.name.removesuffix(".toml") for file in offer_problems()]
FILES = {file.name.removesuffix(".toml"): file for file in offer_problems()}


def problem(name: str) -> Problem:
    return read_problem(FILES[name])


def system_of(name: str) -> System:
    system = problem(name).system
    assert system is not None
    return system


def solved(system: System, until: float, rtol: float, n: int = 2) -> np.ndarray:
    """The states (state, time) at n times up to `until`, by SciPy: Radau where the file says stiff, else DOP853."""
    p = np.array(list(system.values.values()))
    c = np.ones((1, len(system.covariates)))
    f = system.graph().function("rhs", ("y",))
    y0 = system.graph().function("initial")(np.zeros(1), None, None, c, p)[0]
    span = system.time.span
    assert span is not None
    stiff = "stiff" in system.tags
    jacobian = {"jac": lambda t, y: f(np.array([t]), y[None], None, c, p)[1][0]} if stiff else {}
    atol = [1e-6 * (state.atol or 1e-9) for state in system.states]
    solution = solve_ivp(
        lambda t, y: f(np.array([t]), y[None], None, c, p)[0][0],
        (span[0], until),
        y0,
        t_eval=np.linspace(span[0], until, n),
        method="Radau" if stiff else "DOP853",
        rtol=rtol,
        atol=atol,
        **jacobian,
    )
    assert solution.success, solution.message
    return solution.y


@pytest.mark.parametrize("name", NAMES)
def test_a_system_says_where_it_comes_from_what_makes_it_hard_and_how_to_check_it(name: str) -> None:
    system = system_of(name)
    assert all((system.title, system.source, system.notes, system.tags, system.time.span, system.time.samples))
    assert system.reference or problem(name).data_file or system.networks, "an end value, real data or a learned term"
    assert len(system.equations(system.values)) >= len(system.states)
    assert len(system.latex()) == len(system.equations())


MOVING = [name for name in NAMES if system_of(name).states]  # the others are curves


@pytest.mark.parametrize("name", MOVING)
def test_the_jacobian_is_the_complex_step_derivative_of_the_right_hand_side(name: str) -> None:
    system = system_of(name)
    graph = system.graph()
    rng = np.random.default_rng(7)
    rows = 5
    p = np.append(list(system.values.values()), 0.3 * rng.normal(size=len(system.weight_names)))
    c = np.ones((rows, len(system.covariates)))
    y = 0.2 + rng.random((rows, len(system.states)))  # positive: logarithms and roots are analytic there
    t = rng.random(rows)
    _, by_y, by_p = graph.function("rhs", ("y", "p"))(t, y, None, c, p)
    value = graph.function("rhs")
    h = 1e-200  # no subtraction: the error is that of float64 alone
    for j in range(len(system.states)):
        step = y + 1j * h * (np.arange(len(system.states)) == j)
        scale = 1e-12 * (1 + np.abs(by_y[:, :, j]).max())
        np.testing.assert_allclose(by_y[:, :, j], value(t, step, None, c, p).imag / h, rtol=1e-12, atol=scale)
    for k in range(len(p)):
        step = p + 1j * h * (np.arange(len(p)) == k)
        scale = 1e-12 * (1 + np.abs(by_p[:, :, k]).max())
        np.testing.assert_allclose(by_p[:, :, k], value(t, y, None, c, step).imag / h, rtol=1e-12, atol=scale)


EVENTS = [name for name in NAMES if system_of(name).events]


@pytest.mark.parametrize("name", [name for name in NAMES if system_of(name).reference and name not in EVENTS])
def test_scipy_at_a_tight_tolerance_meets_the_known_end_value(name: str) -> None:
    system = system_of(name)
    known = system.reference
    assert known is not None
    # Orbits amplify local errors, here less than a thousandfold; 1e-12 is as tight as SciPy can be.
    y = solved(system, known.time, max(1e-12, 1e-3 * known.rtol))
    end = dict(zip(system.state_names, y[:, -1], strict=True))
    for state, value in known.values.items():
        assert end[state] == pytest.approx(value, rel=known.rtol)


@pytest.mark.parametrize("name", EVENTS)
def test_a_solve_through_the_events_meets_the_known_end_value(name: str) -> None:
    found = wb.simulate(problem(name), solver="vern7", settings={"solver.rtol": 1e-12, "solver.atol": 1e-14})
    known = found.system.reference
    assert known is not None
    assert found.ts[0, -1] == known.time
    for state, value in known.values.items():
        assert found.ys[0, -1, found.system.state_names.index(state)] == pytest.approx(value, rel=known.rtol)


@pytest.mark.parametrize("name", [name for name in NAMES if system_of(name).invariants])
def test_what_is_said_to_be_conserved_is_conserved(name: str) -> None:
    system = system_of(name)
    assert system.time.span is not None
    y = solved(system, system.time.span[1], 1e-11, n=50).T
    p = np.array(list(system.values.values()))
    values = system.graph().function("invariants")(np.zeros(len(y)), y, None, np.ones((len(y), 0)), p)
    drift = np.abs(values - values[0]).max(axis=0) / np.abs(values[0]).max()
    assert (drift < 1e-7).all(), drift  # 1e-11 a step over some hundred to thousand steps, amplified along the orbit


@pytest.mark.parametrize("name", [name for name in MOVING if not system_of(name).networks])
def test_the_symbolic_jacobian_for_readers_is_that_of_the_graph(name: str) -> None:
    system = system_of(name)
    rng = np.random.default_rng(3)
    y = 0.2 + rng.random(len(system.states))
    p = np.array(list(system.values.values()))
    c = np.ones((1, len(system.covariates)))
    _, lowered = system.graph().function("rhs", ("y",))(np.array([0.5]), y[None], None, c, p)
    numbers = dict(zip(system.state_names, y, strict=True)) | system.values | {"t": 0.5}
    for expression, formula in Symbolic(system).expressions.items():
        numbers[expression] = float(formula.subs({sympy.Symbol(k, real=True): v for k, v in numbers.items()}))
    symbolic = system.jacobian().subs({sympy.Symbol(k, real=True): v for k, v in numbers.items()})
    scale = 1e-12 * np.abs(lowered).max()
    np.testing.assert_allclose(np.array(symbolic, dtype=float), lowered[0], rtol=1e-10, atol=scale)


def with_its_data(name: str) -> Problem:
    """The problem with its data, read by Python's own csv."""
    asked = problem(name)
    assert asked.data_file is not None
    with asked.data_file.path.open(newline="") as file:
        head, *rows = csv.reader(file)
    columns = {}
    for column, cells in zip(head, zip(*rows, strict=True), strict=True):
        try:
            columns[column] = np.array([float(cell) for cell in cells])
        except ValueError:
            columns[column] = np.array(cells, dtype=object)
    return asked.with_data(assemble(Table(columns, file=str(asked.data_file.path)), **asked.assembly()), "none")


DATA = {  # rows, trajectories, first and last value of the first channel, sum of all values
    "lynx_hare": (21, 1, 30.0, 24.7, 1139.2),
    "school_influenza": (14, 1, 3.0, 4.0, 1559.0),
    "theophylline": (132, 12, 0.74, 1.17, 654.78),
    "cooling_water": (222, 1, 98.2, 25.8, 8961.5),
    "puromycin": (12, 1, 76.0, 200.0, 1699.0),
    "dnase": (16, 1, 0.017, 1.71, 10.833),
}


@pytest.mark.parametrize("name", DATA)
def test_the_real_data_are_the_published_ones(name: str) -> None:
    data = with_its_data(name).data
    assert data is not None
    rows, trajectories, first, last, total = DATA[name]
    assert (data.n_observations, data.n_trajectories) == (rows, trajectories)
    assert (data.values[0, 0], data.values[-1, 0]) == (first, last)
    assert data.values.sum() == pytest.approx(total, abs=1e-9)


def test_every_problem_with_data_is_tested_above() -> None:
    assert {name for name in NAMES if problem(name).data_file} == set(DATA)


# Optima of the problems as published or found by other programs, and their sums of squares (log scale for lynx_hare).
OPTIMA = {
    "lynx_hare": (
        {"alpha": 0.54015843, "beta": 0.02716538, "gamma": 0.79638796, "delta": 0.02369472},
        [34.60230707, 5.84447266],
        2.018661,
    ),
    "school_influenza": ({"beta": 1.66922622, "gamma": 0.44345027}, None, 4121.9412),
    "cooling_water": ({"k": 0.0209643786, "room": 27.0044423}, [89.13987974], 484.612237),
}


@pytest.mark.parametrize("name", OPTIMA)
def test_at_the_known_optimum_the_problem_leaves_the_known_sum_of_squares(name: str) -> None:
    asked = with_its_data(name)
    system, data = asked.system, asked.data
    assert system is not None
    assert data is not None
    changed, start, squares = OPTIMA[name]
    p = np.array(list((system.values | changed).values()))
    graph = system.graph()
    y0 = np.array(start) if start else graph.function("initial")(np.zeros(1), None, None, None, p)[0]
    t0 = asked.start if asked.start is not None else data.t[0]
    f = graph.function("rhs")
    span = (t0, data.t[-1])
    rhs = lambda t, y: f(np.array([t]), y[None], None, None, p)[0]  # noqa: E731  # one line, used once
    solution = solve_ivp(rhs, span, y0, t_eval=data.t, rtol=1e-9, atol=1e-9)
    predicted = graph.function("observed")(data.t, solution.y.T, None, None, p)[:, asked.observed_index]
    misfit = np.log(data.values / predicted) if "lognormal" in asked.noise.values() else data.values - predicted
    # At an optimum what the parameters' last digits miss enters squared: 1e-8 squared, and the eight digits of the sum.
    assert (misfit**2).sum() == pytest.approx(squares, rel=1e-6)
