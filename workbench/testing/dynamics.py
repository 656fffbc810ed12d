"""What every family of dynamics must do, on two populations whose equations are known."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from ..contracts import Dynamics, Field, LinearRhs
from ..dataset import TEST, Dataset
from ..measure.differences import along, central_differences
from ..model import Model, Selection
from ..model.graph_rhs import GraphRhs
from ..problem import Problem, read_problem
from ..registry import installed
from .contract import Contract
from .storing import bits

Lines = tuple[np.ndarray, np.ndarray, np.ndarray]

POPULATIONS = """
title  = "Two populations"
source = "Lotka (1925), Elements of Physical Biology, Williams & Wilkins, Baltimore"
[states.x]
equation = "a*x - b*x*y"
initial  = { value = 1.0, fit = true }
[states.y]
equation = "b*x*y - c*y"
initial  = { value = 0.5, fit = true }
[parameters]
a = { value = 0.8, transform = "log" }
b = { value = 0.6, transform = "log" }
c = { value = 0.7, transform = "log" }
"""


def populations() -> Problem:
    """Two trajectories of different length; the last fifth of each is the test, and one value is missing."""
    sizes = np.array([15, 10])
    t = np.concatenate([np.linspace(0, 6, 15), np.linspace(1, 4, 10)])
    values = 1 + 0.4 * np.column_stack([np.sin(t), np.cos(t)]) + 0.05 * np.random.default_rng(3).normal(size=(25, 2))
    values[4, 1] = np.nan
    return read_problem(POPULATIONS).with_data(Dataset(t, values, sizes, ("x", "y")), "last:20%")


class DynamicsContract(Contract):
    """Inherit, set `offer` or none for all; held to this is every family, built for two observed states."""

    kind: ClassVar[str] = "dynamics"

    @pytest.fixture
    def field(self, made: Dynamics) -> Field:
        """The member of the family for the two populations."""
        return made.build(populations(), np.random.default_rng(0))

    @pytest.fixture
    def model(self, field: Field) -> Model:
        """With rk4 on fixed steps, so that solutions are smooth in the unknowns."""
        solver = installed().make("solver", "rk4", {"step": 0.25})
        return Model(populations(), field, solver, installed().make("loss", "mse"))

    @pytest.fixture
    def x(self, model: Model) -> np.ndarray:
        """A point near the start, on no symmetry."""
        return model.unknowns.start + 0.03 * np.sin(np.arange(len(model.unknowns.start)) + 1.0)

    @pytest.fixture
    def lines(self, field: Field) -> Lines:
        """t (line,), y (line, state) and the trajectory of each line."""
        rng = np.random.default_rng(5)
        return rng.uniform(0, 4, 6), rng.uniform(0.3, 2, (6, len(field.states))), np.array([0, 1, 1, 0, 0, 1])

    def test_it_keeps_the_contract_and_gives_a_graph_or_a_module(self, made: Dynamics, field: Field) -> None:
        assert isinstance(made, Dynamics)
        assert isinstance(field, Field)
        assert (field.graph() is None) != (field.module() is None) or field.graph() is not None
        assert len(field.states) >= 2

    def test_unknowns_start_at_finite_points_within_their_bounds(self, model: Model) -> None:
        unknowns = model.unknowns
        names = [block.name for block in unknowns.blocks]
        assert len(set(names)) == len(names)
        assert len(set(unknowns.labels)) == len(unknowns.labels)
        assert np.isfinite(unknowns.start).all()
        assert ((unknowns.lower <= unknowns.start) & (unknowns.start <= unknowns.upper)).all()

    def test_the_same_seed_draws_the_same_start(self, made: Dynamics) -> None:
        one, other = (made.build(populations(), np.random.default_rng(4)).blocks() for _ in range(2))
        assert bits([b.value for b in one]) == bits([b.value for b in other])

    def test_a_trajectory_that_only_tests_gives_its_own_start_and_nothing_else(self, made: Dynamics) -> None:
        problem = populations()
        assert problem.data is not None
        split = replace(problem, data=None, part=None).with_data(problem.data, "trajectories:1")
        assert split.data is not None
        test = (np.asarray(split.part) == TEST)[:, None]
        other = replace(split, data=replace(split.data, values=np.where(test, 3.0, split.data.values)))
        blocks = [
            {block.name: block for block in made.build(each, np.random.default_rng(4)).blocks()}
            for each in (split, other)
        ]
        for name, block in blocks[0].items():
            inside = slice(0, 1) if block.value.ndim == 2 else slice(None)
            assert bits(block.value[inside]) == bits(blocks[1][name].value[inside]), name
        y, rows, slopes = np.ones((1, len(made.build(split, np.random.default_rng(4)).states))), np.zeros(1, int), []
        for each in (split, other):
            field = made.build(each, np.random.default_rng(4))
            model = Model(each, field, installed().make("solver", "rk4"), installed().make("loss", "mse"))
            slopes.append(model.rhs(model.unknowns.start, np.arange(2))(np.zeros(1), y, rows, np.zeros(1)))
        assert bits(slopes[0]) == bits(slopes[1])

    def test_the_test_part_is_not_looked_at(self, made: Dynamics) -> None:
        problem = populations()
        assert problem.data is not None
        test = np.asarray(problem.part) == TEST
        values = np.where(test[:, None], 1e6, problem.data.values)
        t = np.where(test, problem.data.t + 0.01, problem.data.t)
        other = replace(problem, data=replace(problem.data, t=t, values=values))
        fields = [made.build(each, np.random.default_rng(4)) for each in (problem, other)]
        assert bits([b.value for b in fields[0].blocks()]) == bits([b.value for b in fields[1].blocks()])
        y, rows = np.ones((2, len(fields[0].states))), np.arange(2)
        slopes = []
        for each, field in zip((problem, other), fields, strict=True):
            model = Model(each, field, installed().make("solver", "rk4"), installed().make("loss", "mse"))
            slopes.append(model.rhs(model.unknowns.start, rows)(np.zeros(2), y, rows, np.zeros(2)))
        assert bits(slopes[0]) == bits(slopes[1])

    def test_each_line_of_f_depends_on_its_own_line_only(self, model: Model, x: np.ndarray, lines: Lines) -> None:
        t, y, row = lines
        rhs = model.rhs(x, np.arange(2))
        whole = rhs(t, y, row, t)
        assert whole.shape == y.shape
        assert np.isfinite(whole).all()
        for i in range(len(t)):
            one = slice(i, i + 1)
            # matrix products of other sizes sum in another order
            np.testing.assert_allclose(rhs(t[one], y[one], row[one], t[one])[0], whole[i], rtol=1e-13, atol=1e-14)

    def test_jacobians_are_central_differences(self, model: Model, x: np.ndarray, lines: Lines) -> None:
        t, y, row = lines
        rhs = model.rhs(x, np.arange(2))
        f_y, f_p = rhs.jacobians(t, y, row, t)
        assert f_p.shape == (*y.shape, rhs.n_parameters)
        for i in range(len(t)):
            expected = central_differences(partial(_one_line, rhs, t[i : i + 1], row[i : i + 1]), y[i])
            np.testing.assert_allclose(f_y[i], expected, rtol=1e-9, atol=1e-10)

    def test_pullbacks_are_transposed_jacobians(self, model: Model, x: np.ndarray, lines: Lines) -> None:
        t, y, row = lines
        rhs, g = model.rhs(x, np.arange(2)), np.random.default_rng(6).normal(size=y.shape)
        f_y, f_p = rhs.jacobians(t, y, row, t)
        by_y, by_p = rhs.pullback(t, y, row, t, g)
        np.testing.assert_allclose(by_y, np.einsum("ls,lsj->lj", g, f_y), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(by_p.sum(axis=0), np.einsum("ls,lsp->p", g, f_p), rtol=1e-12, atol=1e-13)

    def test_a_graph_and_a_module_are_the_same_right_hand_side(self, model: Model, x: np.ndarray, lines: Lines) -> None:
        if model.lowered is None or model.module is None:
            pytest.skip("these dynamics are a graph or a module, not both")
        t, y, row = lines
        rhs, g = model.rhs(x, np.arange(2)), np.random.default_rng(6).normal(size=y.shape)
        lowered = GraphRhs(model.lowered, model.columns.parameters(x), model.covariates)
        np.testing.assert_allclose(lowered(t, y, row, t), rhs(t, y, row, t), rtol=1e-11, atol=1e-13)
        ours, theirs = (each.pullback(t, y, row, t, g) for each in (lowered, rhs))
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(ours[1].sum(axis=0), theirs[1].sum(axis=0), rtol=1e-10, atol=1e-12)

    def test_the_gradient_of_a_fit_is_its_central_difference(self, model: Model, x: np.ndarray) -> None:
        selection = Selection.of(model.data, model.training_part)
        value, g = model.trial(x, selection).gradient()
        assert np.isfinite(value)
        directions = np.random.default_rng(7).normal(size=(3, len(x))) / np.sqrt(len(x))
        expected = along(lambda x: model.trial(x, selection).value(), x, directions)
        np.testing.assert_allclose(directions @ g, expected, rtol=1e-8, atol=1e-10)
        line = model.trial(x, selection).linearize()
        np.testing.assert_allclose(line.vjp(line.residuals), g, rtol=1e-10, atol=1e-12)

    def test_it_can_be_read_where_it_says_that_it_can(self, field: Field, model: Model) -> None:
        write = getattr(field, "equations", None)
        if write is None:
            pytest.skip("these dynamics print no equations")
        start = model.unknowns
        texts = write(dict(zip(start.labels, start.physical(start.start)[0].tolist(), strict=True)))
        assert len(texts) == len(field.states)
        assert all(isinstance(text, str) and text for text in texts)


def _one_line(rhs: LinearRhs, t: np.ndarray, row: np.ndarray, y: np.ndarray) -> np.ndarray:
    """f (state,) at y (state,) of one trajectory."""
    return rhs(t, y[None], row, t)[0]
