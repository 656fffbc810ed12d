"""Simulations, comparisons and single solves from one call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.errors.numerics import SolveFailed
from workbench.errors.usage import UnknownName, UsageError
from workbench.problem import read_problem
from workbench.workflow import compare

SPIRAL = {"samples": 40, "span": (0.0, 5.0)}


def exact(t: np.ndarray) -> np.ndarray:
    """The library's damped spiral: 2·exp(−t/10)·(cos 2t, −sin 2t)."""
    return 2 * np.exp(-0.1 * t)[:, None] * np.column_stack([np.cos(2 * t), -np.sin(2 * t)])


def test_a_simulation_is_the_exact_solution() -> None:
    found = wb.simulate("damped_spiral", settings={"solver.rtol": 1e-10, "solver.atol": 1e-12})
    assert found.ts.shape == (1, 500)
    np.testing.assert_allclose(found.ys[0], exact(found.ts[0]), atol=1e-8)
    np.testing.assert_array_equal(found.observed, found.ys)
    assert found.trajectory.status == ("ok",)


@pytest.mark.parametrize("solver", ["dopri5", "dop853", "scipy_radau"])
def test_any_solver_can_be_named(solver: str) -> None:
    settings = {"solver.rtol": 1e-8, "solver.atol": 1e-10}
    found = wb.simulate("damped_spiral", solver=solver, settings=settings, **SPIRAL)
    np.testing.assert_allclose(found.ys[0], exact(found.ts[0]), atol=1e-5)


def test_values_and_starts_replace_those_of_the_file() -> None:
    found = wb.simulate("damped_spiral", values={"a": 0.0, "b": 1.0}, x0={"x": 0.0, "y": 3.0}, **SPIRAL)
    t = found.ts[0]
    np.testing.assert_allclose(found.ys[0], 3 * np.column_stack([np.sin(t), np.cos(t)]), atol=1e-4)


def test_the_first_of_several_trajectories_is_the_files_own_and_the_others_start_apart() -> None:
    found = wb.simulate("damped_spiral", trajectories=4, **SPIRAL)
    starts = found.ys[:, 0]
    assert starts[0].tolist() == [2.0, 0.0]
    assert len(np.unique(starts[:, 0])) == 4
    assert ((starts[:, 0] >= 1) & (starts[:, 0] <= 3)).all()


def test_noise_has_the_size_that_was_asked_for_and_follows_the_seed() -> None:
    options: dict[str, Any] = {"samples": 4000, "span": (0.0, 5.0)}
    clean = wb.simulate("damped_spiral", **options).observed[0]
    for noise, size in (("10%", 0.1 * clean.std(axis=0)), (0.3, np.full(2, 0.3))):
        e = wb.simulate("damped_spiral", noise=noise, seed=1, **options).observed[0] - clean
        # a standard deviation from 4000 draws is known to 1/√8000, here four times that
        np.testing.assert_allclose(e.std(axis=0), size, rtol=4 / np.sqrt(8000))
    one, same, other = (wb.simulate("damped_spiral", noise="5%", seed=s, **SPIRAL).observed for s in (1, 1, 2))
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


def test_lognormal_channels_scatter_by_a_factor_and_stay_positive() -> None:
    found = wb.simulate("lynx_hare", noise="20%", samples=2000)
    clean = wb.simulate("lynx_hare", samples=2000)
    e = np.log(found.observed / clean.observed)
    np.testing.assert_allclose(e.std(axis=(0, 1)), 0.2, rtol=4 / np.sqrt(4000))


def test_channels_scatter_by_the_noise_that_they_declare_and_stop_at_their_limits(tmp_path: Path) -> None:
    file = tmp_path / "still.toml"
    file.write_text(
        '[states.x]\nequation = "0*x"\ninitial = 50.0\n[observed]\n'
        'heavy = { formula = "x", noise = "student(5)" }\n'
        'counts = { formula = "x", noise = "negative-binomial" }\n'
        'cut = { formula = "x", noise = "gaussian", limits = [49, 51] }\n'
    )
    n = 20_000
    heavy, counts, cut = wb.simulate(str(file), noise=0.5, samples=n, seed=3).observed[0].T
    # Student's variance is ν/(ν − 2), its estimate has fourth moments ν²·3/((ν − 2)(ν − 4)): 4·√(24/n) of it at most
    assert np.var((heavy - 50) / 0.5) == pytest.approx(5 / 3, rel=4 * np.sqrt(24 / n))
    assert (counts == np.rint(counts)).all()
    assert counts.mean() == pytest.approx(50, abs=4 * np.sqrt((50 + 25**2) / n))
    assert counts.var() == pytest.approx(50 + 25**2, rel=4 * np.sqrt(5 / n))
    assert (cut.min(), cut.max()) == (49.0, 51.0)


def test_irregular_times_begin_and_end_where_the_span_does() -> None:
    ts = wb.simulate("damped_spiral", irregular=True, trajectories=2, **SPIRAL).ts
    assert (ts[:, 0], ts[:, -1]) == (pytest.approx(0.0), pytest.approx(5.0))
    assert (np.diff(ts) > 0).all()
    assert np.ptp(np.diff(ts)) > 0.01
    assert ts[0].tolist() != ts[1].tolist()


def test_a_simulation_can_be_fitted_back_to_its_parameters() -> None:
    data = wb.simulate("damped_spiral", **SPIRAL).dataset()
    assert data.source == "simulated: damped_spiral"
    fitted = wb.fit(data, problem="damped_spiral", start_values={"a": 0.3, "b": 1.7})
    # both made with tsit5 at rtol 1e-6
    assert fitted.parameters["a"]["value"] == pytest.approx(0.1, rel=1e-4)
    assert fitted.parameters["b"]["value"] == pytest.approx(2.0, rel=1e-5)


def test_a_problem_without_observations_simulates_its_own() -> None:
    fitted = wb.fit("damped_spiral", split="none", iterations=3)
    assert fitted.document()["data"]["file"] == "simulated: damped_spiral"


def test_the_document_of_a_simulation_is_strict_json() -> None:
    for trajectories in (1, 2):
        found = wb.simulate("damped_spiral", trajectories=trajectories, **SPIRAL)
        document = json.loads(json.dumps(found.document(), allow_nan=False))
        assert document["schema"] == "workbench/simulate/1"
        assert np.shape(document["times"]) == ((40,) if trajectories == 1 else (2, 40))


BLOWS_UP = """
title  = "Infinite at t = 1"
source = "for tests"
[states.x]
equation = "x^2"
initial  = 1.0
"""


def test_a_solution_that_ends_early_is_an_error_and_not_strictly_a_status_with_nulls() -> None:
    problem = read_problem(BLOWS_UP)
    with pytest.raises(SolveFailed, match="trajectory 0 ended with"):
        wb.simulate(problem, span=(0.0, 2.0), samples=5)
    found = wb.simulate(problem, span=(0.0, 2.0), samples=5, strict=False)
    assert found.trajectory.status[0] != "ok"
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["states"]["x"][-1] is None
    assert document["status"] == found.trajectory.status[0]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"values": {"c": 1.0}}, UsageError, "no parameter 'c'"),
        ({"x0": {"z": 1.0}}, UsageError, "no state 'z'"),
        ({"noise": "much"}, UsageError, "size of noise"),
        ({"noise": "-5%"}, UsageError, "size of noise"),
        ({"samples": 1}, UsageError, "1 samples"),
        ({"solver": "tsit6"}, UnknownName, "tsit6"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(
    options: dict[str, Any], error: type[WorkbenchError], said: str
) -> None:
    with pytest.raises(error, match=said):
        wb.simulate("damped_spiral", **options)


def test_a_comparison_puts_the_best_first_with_the_baselines_in_it() -> None:
    data = wb.simulate("damped_spiral", **SPIRAL).dataset()
    settings = {"dynamics.hidden": (3,)}
    table = compare(data, ["mlp"], seeds=2, iterations=3, settings=settings)
    names = [row["model"] for row in table.rows]
    assert sorted(names) == ["(linear)", "(mean)", "(persistence)", "mlp"]
    assert names[0] == "(linear)", "the data are those of a linear system"
    held = [row["holdout nrmse"] for row in table.rows]
    assert held == sorted(held)
    mlp = next(row for row in table.rows if row["model"] == "mlp")
    each = [fit.metrics["holdout"]["nrmse"] for fit in table.fits["mlp"]]
    assert mlp["holdout nrmse"] == pytest.approx(np.median(each))
    assert mlp["seeds"] == "2/2"
    assert str(table).splitlines()[0].split()[0] == "model"


def test_a_comparison_lists_failures_beside_what_succeeded_and_raises_if_nothing_did() -> None:
    data = wb.simulate("damped_spiral", **SPIRAL).dataset()
    table = compare(data, ["equations", "mlp"], iterations=1, settings={})
    assert "equations" in table.failures
    assert "need a problem" in table.failures["equations"][0]
    assert "equations: seed 0" in str(table)
    with pytest.raises(UsageError, match="need a problem"):
        compare(data, ["equations"], seeds=2)


def test_solve_takes_a_solver_by_name_with_its_settings() -> None:
    ts = np.linspace(0, 3, 7)
    found = wb.solve(lambda t, y: -y, np.array([2.0]), ts, solver="dopri5", rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.ys[:, 0], 2 * np.exp(-ts), rtol=1e-7)
    with pytest.raises(UnknownName):
        wb.solve(lambda t, y: -y, np.array([2.0]), ts, solver="dopri6")


def test_a_prepared_solve_gives_the_same_bits_for_every_start() -> None:
    from workbench.workflow import prepare

    ts = np.linspace(0, 3, 7)
    ready = prepare(lambda t, y: -y * y, ts, solver="tsit5", rtol=1e-8)
    for y0 in (np.array([1.0]), np.array([0.25])):
        direct = wb.solve(lambda t, y: -y * y, y0, ts, solver="tsit5", rtol=1e-8)
        assert np.asarray(ready(y0).ys).tobytes() == np.asarray(direct.ys).tobytes()


BALL = {"solver": "vern7", "settings": {"solver.rtol": 1e-11, "solver.atol": 1e-13}}


def test_a_ball_bounces_where_parabolas_meet_the_ground() -> None:
    found = wb.simulate("bouncing_ball", **BALL)
    fall = np.sqrt(2 * 2.0 / 9.81)
    bounces = fall * np.array([1.0, 1 + 2 * 0.7])
    # located to rounding on a solution that is exact but for rounding
    np.testing.assert_allclose([event.t for event in found.events], bounces, rtol=1e-12)
    speeds = 9.81 * fall * np.array([1.0, 0.7])
    np.testing.assert_allclose([event.before[1] for event in found.events], -speeds, rtol=1e-12)
    np.testing.assert_allclose([event.after for event in found.events], [[0, 0.7 * s] for s in speeds], rtol=1e-12)
    flight = found.ts[0] - np.where(found.ts[0] > bounces[0], bounces[0], 0)
    height = np.where(
        found.ts[0] > bounces[0], 0.7 * speeds[0] * flight - 9.81 / 2 * flight**2, 2 - 9.81 / 2 * flight**2
    )
    early = found.ts[0] < bounces[1]
    np.testing.assert_allclose(found.ys[0, early, 0], height[early], atol=1e-12)


def test_a_ball_that_comes_to_rest_ends_in_a_status() -> None:
    found = wb.simulate("bouncing_ball", span=(0, 5), strict=False)
    assert found.trajectory.status == ("step_too_small",)
    assert "event 'bounce' comes back ever faster" in found.trajectory.message[0]
    assert np.isnan(found.ys[0, -1]).all()
    with pytest.raises(SolveFailed, match="comes back ever faster"):
        wb.simulate("bouncing_ball", span=(0, 5))


def test_doses_are_taken_at_their_times_and_seen_afterwards() -> None:
    found = wb.simulate("repeated_doses", **BALL)
    assert [event.t for event in found.events] == [0.0, 12.0, 24.0, 36.0]
    t, ka, ke, dose = found.ts[0], 1.2, 0.15, 80.0
    gut, body = np.zeros(97), np.zeros(97)
    for time in (0.0, 12.0, 24.0, 36.0):
        since = t[t > time] - time  # at the time itself the dose is still to come
        gut[t > time] += dose * np.exp(-ka * since)
        body[t > time] += dose * ka / (ka - ke) * (np.exp(-ke * since) - np.exp(-ka * since))
    np.testing.assert_allclose(found.ys[0], np.column_stack([gut, body]), rtol=1e-9, atol=1e-10)  # steps of 1e-11
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["events"][0] == {
        "name": "dose",
        "time": 0.0,
        "before": {"gut": 0.0, "body": 0.0},
        "after": {"gut": 80.0, "body": 0.0},
    }


KICKED = """
title  = "Decay with a kick at a time given by a formula, another out of reach, and an end"
source = "for tests"
[states.x]
equation = "-k*x"
initial  = 1.0
[parameters]
k = 0.5
[events.kick]
time = "1/k"
map  = { x = "x + 1" }
[events.never]
time = [-3, 99]
map  = { x = "0" }
[events.low]
trigger   = "x - 0.5"
direction = "falling"
terminate = true
"""


def test_times_by_formula_are_reached_those_outside_of_the_span_never_and_an_end_is_a_status() -> None:
    problem = read_problem(KICKED)
    found = wb.simulate(problem, span=(0.0, 1.0), samples=3)
    assert found.events == ()
    found = wb.simulate(problem, span=(0.0, 5.0), samples=6, x0={"x": 2.0}, **BALL)
    kicked = 2 * np.exp(-1) + 1
    end = 2 + 2 * np.log(kicked / 0.5)
    assert [(event.name, event.t) for event in found.events] == [("kick", 2.0), ("low", pytest.approx(end, rel=1e-10))]
    found = wb.simulate(problem, span=(0.0, 8.0), samples=9, x0={"x": 2.0}, **BALL)
    assert found.trajectory.status == ("event",)
    assert found.trajectory.message[0].startswith("event 'low' at t = 4.")
    assert np.isfinite(found.ys[0, :, 0]).tolist() == [True] * 5 + [False] * 4
    assert wb.simulate(problem, values={"k": 0.1}, span=(0.0, 5.0), samples=6).events == ()


def test_events_run_forward_in_time_only() -> None:
    with pytest.raises(UsageError, match="forward in time"):
        wb.simulate("repeated_doses", span=(48.0, 0.0))


@pytest.mark.parametrize("solver", ["tsit5", "scipy_lsoda"])
def test_events_at_one_time_but_for_rounding_happen_in_order(solver: str) -> None:
    text = """
title  = "Twice the same time, computed in two ways"
source = "for tests"
[states.x]
equation = "-k*x"
initial  = 1.0
[parameters]
k = 0.5
[events.add]
time = [0.3, 0.30000000000000004]
map  = { x = "x + 1" }
[events.double]
time = "6*k/10"
map  = { x = "2*x" }
"""
    found = wb.simulate(read_problem(text), span=(0.0, 1.0), samples=3, solver=solver)
    assert [event.name for event in found.events] == ["add", "double", "add"]
    assert found.ys[0, -1, 0] == pytest.approx((2 * (np.exp(-0.15) + 1) + 1) * np.exp(-0.35), rel=1e-5)
