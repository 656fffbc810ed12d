"""Answers that would be wrong in silence: cut-off fits, bounds, starts, options that do not apply."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from building import needs_compiler

import workbench as wb
from workbench.dataset import Dataset, Inputs
from workbench.errors.usage import UsageError
from workbench.registry import installed
from workbench.workflow.swapping import SolvedBy

GROWTH = """
[states.x]
equation = "k*x - c*x"
initial  = { value = 1.0, fit = true }
[parameters]
k = { value = 0.3, bounds = [0.0, 0.6] }
c = { value = 0.0, fixed = true }
"""


def record(rate: float, starts: tuple[float, ...] = (1.0,), begin: float = 0.0) -> Dataset:
    t = begin + np.linspace(0, 2, 12)
    values = np.concatenate([x0 * np.exp(rate * t) for x0 in starts])[:, None]
    return Dataset(np.tile(t, len(starts)), values, np.full(len(starts), 12), ("x",))


def growth(tmp_path: Path, text: str = GROWTH) -> Path:
    (tmp_path / "growth.toml").write_text(text)
    return tmp_path / "growth.toml"


@pytest.mark.parametrize("strategy", ["single", "ladder"])
@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.05, 0.1])
def test_a_fit_that_time_cut_off_never_says_that_it_converged(strategy: str, seconds: float) -> None:
    """Wherever the time runs out, in the middle of a minimisation too: the optimum, or the status `time`."""
    found = wb.fit("lynx_hare", split="none", strategy=strategy, max_time=seconds)
    assert found.status == "time" or found.metrics["train"]["nll"] < 122.927


def test_an_estimate_at_its_bound_is_the_bound_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=12) * 0.01
    data = record(0.9)
    data = Dataset(data.t, data.values + noise[:, None], data.row_size, ("x",))
    for optimizer in ("least-squares", "levenberg-marquardt"):
        found = wb.fit(data, problem=growth(tmp_path), split="none", optimizer=optimizer)
        k = found.parameters["k"]
        assert (k["value"], k["stderr"]) == (0.6, None)
        assert "at its bound" in k["reason"]


def test_a_given_start_outside_of_the_bounds_is_refused_and_one_inside_is_used(tmp_path: Path) -> None:
    problem, data = growth(tmp_path), record(0.4)
    for name, value in (("k", 7.5), ("k", -1.0), ("k", float("nan"))):
        with pytest.raises(UsageError, match="outside of its bounds"):
            wb.fit(data, problem=problem, start_values={name: value})
    with pytest.raises(UsageError, match="outside of its bounds"):
        wb.fit("lynx_hare", start_values={"alpha": -1.0})
    found = wb.fit(data, problem=problem, split="none", start_values={"x(0)": 0.25}, iterations=1)
    start = next(block for block in found.session.field.blocks() if block.name == "initial")
    assert start.value.tolist() == [[0.25]]


def test_derived_values_of_single_trajectories_are_not_shown_as_everyones(tmp_path: Path) -> None:
    text = (
        GROWTH.replace("bounds = [0.0, 0.6] }", 'per = "trajectory" }')
        + '[derived]\ntwice = "2*c"\nhalf = "log(2)/k"\n'
    )
    problem = growth(tmp_path, text)
    several = wb.fit(record(0.4, starts=(1.0, 2.0)), problem=problem, split="none")
    alone = wb.fit(record(0.4), problem=problem, split="none")
    assert "half" not in several.parameters
    assert "twice" in several.parameters
    assert alone.parameters["half"]["value"] == pytest.approx(np.log(2) / 0.4, rel=1e-5)


def test_a_new_record_that_starts_late_is_not_started_at_its_first_sample(tmp_path: Path) -> None:
    """x(0) = 1 at time 0; the record begins at 1, where x is e^0.4: taken for x(0) it would be too large by that."""
    text = GROWTH + "[time]\nstart = 0\n"
    data = record(0.4, begin=1.0)
    found = wb.fit(data, problem=growth(tmp_path, text), split="none")
    again = found.predict(data=data)
    np.testing.assert_allclose(again.observed[0, :, 0], data.values[:, 0], rtol=1e-4)


def test_scales_of_a_network_do_not_see_the_inputs_of_the_test_part() -> None:
    t = np.linspace(0, 4, 40)
    values = np.sin(t)[:, None]
    ends = []
    for last in (0.0, 99.0):
        u = np.where(t < 3.3, np.cos(t), last)[:, None]  # from 3.3 on the last fifth: test
        data = Dataset(t, values, np.array([40]), ("x",), inputs=Inputs(("u",), t, u, np.array([40])))
        found = wb.fit(data, dynamics="mlp", settings={"dynamics.hidden": (3,)}, iterations=3)
        ends.append(found.session.x)
    np.testing.assert_array_equal(*ends)


def test_options_that_do_not_apply_are_refused(tmp_path: Path) -> None:
    data = record(0.4)
    for options, said in (
        ({"iteration": 1}, "there is no option 'iteration'"),
        ({"states": ["x"]}, "about the columns of a file"),
        ({"problem": growth(tmp_path), "engine": "torch"}, "run on the engine numpy"),
    ):
        with pytest.raises(UsageError, match=said):
            wb.fit(data, **options)
    with pytest.raises(UsageError, match="brings its own equations"):
        wb.fit("lynx_hare", problem="decay")


def test_a_network_with_inputs_predicts_on_records_with_the_same_inputs_only() -> None:
    t = np.linspace(0, 4, 40)
    values, u = np.sin(t)[:, None], np.cos(t)[:, None]
    driven = Dataset(t, values, np.array([40]), ("x",), inputs=Inputs(("u",), t, u, np.array([40])))
    found = wb.fit(driven, dynamics="mlp", settings={"dynamics.hidden": (3,)}, iterations=3)
    with pytest.raises(UsageError, match="fitted with the inputs u, and the new data have none"):
        found.predict(data=Dataset(t, values, np.array([40]), ("x",)))


@needs_compiler
@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_the_solver_swap_solves_by_another_method_on_every_engine(engine: str, tmp_path: Path) -> None:
    """Euler's method with h = 0.5 on growth learns a rate that is too large: log(1 + kh)/h = 0.5 for k = 0.57."""
    fitted = wb.fit(
        record(0.5),
        problem=growth(tmp_path),
        split="none",
        solver="euler",
        settings={"solver.step": 0.5},
        engine=engine,
    )
    swap = fitted.document()["checks"]["solver_swap"]
    assert swap["verdict"] == "a map tied to euler, h = 0.5"
    assert swap["max_relative_difference"] > 0.1


@pytest.mark.parametrize(
    ("more", "validated"),
    [({}, False), ({"settings": {"dynamics.decay": 1e-3}}, True), ({"optimizer": "adam"}, True)],
)
def test_a_network_that_the_evidence_holds_needs_a_value_a_weight_to_train_on_its_validation_part(
    more: dict[str, object], validated: bool
) -> None:
    """42 weights and two initial values, 48 values before the test part: more than 42 + 2·2, fewer than 2·44."""
    t = np.linspace(0, 6, 30)
    data = Dataset(t, np.column_stack([np.cos(t), -np.sin(t)]), [30], ("x", "y"))
    settings = {"dynamics.hidden": (8,), **more.pop("settings", {})}  # type: ignore[call-overload]  # a dict
    found = wb.fit(data, dynamics="mlp", iterations=1, settings=settings, **more)  # type: ignore[arg-type]  # a name
    assert (found.metrics["validation"] is not None) == validated


@needs_compiler
def test_long_records_are_judged_and_predicted_by_compiled_solves(tmp_path: Path) -> None:
    """6000 observations: the loop on NumPy would take seconds for each of swap, gradient check and prediction."""
    t = np.linspace(0, 2, 6000)
    data = Dataset(t, np.exp(0.5 * t)[:, None], [6000], ("x",))
    fitted = wb.fit(data, problem=growth(tmp_path), split="none", solver="rk4")
    model = fitted.session.model
    other = SolvedBy(model, installed().make("solver", "vern7"))
    assert other.compiled is not None
    short = wb.fit(record(0.5), problem=growth(tmp_path), split="none", solver="rk4").session.model
    assert SolvedBy(short, other.solver).compiled is None
    found = fitted.document()["checks"]
    assert found["solver_swap"]["verdict"] == "an ODE"
    assert found["gradient"]["verdict"] == "exact"
    assert fitted.predict(data=data).metrics["rmse"]["x"] < 1e-9  # of an exact solution by steps of 3e-4
