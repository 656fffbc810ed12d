"""Several starts of a fit: where they begin, how they share the budget, and the waterfall of where they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.contracts import Step, Task, Tree
from workbench.diagnose import waterfall
from workbench.errors.usage import UsageError
from workbench.fitting import FitBudget, Multistart, best_start
from workbench.fitting.starting_points import intervals, latin_hypercube, starting_points
from workbench.registry import installed
from workbench.runs import Run
from workbench.testing.storing import bits, stored
from workbench.testing.strategies import growth, run, task_of
from workbench.unknowns import Block, Unknowns

STUCK: dict[str, Any] = {"start_values": {"alpha": 1.5, "gamma": 3.0}, "strategy": "single"}


def no_weights(rng: np.random.Generator) -> np.ndarray:
    raise AssertionError("equations have no weights to draw")


def single(n: int) -> Multistart:
    return Multistart(installed().make("strategy", "single"), n, no_weights)


# --- where starts are


def test_a_latin_hypercube_has_one_point_in_each_part_of_every_axis() -> None:
    cells = np.floor(latin_hypercube(7, 3, np.random.default_rng(1)) * 7)
    assert (np.sort(cells, axis=0) == np.arange(7)[:, None]).all()


def test_starts_lie_between_the_bounds_or_around_the_start_in_the_fitted_scale() -> None:
    block = Block(
        "parameters",
        ("bounded", "log", "free", "zero", "odds", "half"),
        np.array([2.0, 5.0, -3.0, 0.0, 0.5, 1.0]),
        lower=np.array([1.0, 0.0, -np.inf, -np.inf, 0.0, 0.5]),
        upper=np.array([9.0, np.inf, np.inf, np.inf, 1.0, np.inf]),
        transform=("identity", "log", "identity", "identity", "logit", "identity"),
    )
    low, high = intervals(Unknowns([block]))
    assert low.tolist() == pytest.approx([1, np.log(0.5), -6, -1, np.log(0.05 / 0.95), 0.5])
    assert high.tolist() == pytest.approx([9, np.log(50), 0, 1, np.log(0.95 / 0.05), 2])


def test_the_first_start_is_the_files_own_and_measured_initial_values_stay() -> None:
    task = task_of(growth())
    points = starting_points(task.model, 5, np.random.default_rng(0), no_weights, task.trajectory().value)
    assert points[0].tolist() == task.unknowns.start.tolist()
    initial = task.unknowns.mask("initial")
    assert (points[:, initial] == task.unknowns.start[initial]).all()
    assert len(np.unique(points[:, ~initial], axis=0)) == 5


def test_a_point_without_a_finite_solution_is_drawn_again() -> None:
    task = task_of(growth())
    refused: list[np.ndarray] = []

    def value(x: np.ndarray) -> float:
        if len(refused) < 3:
            refused.append(x.copy())
            return float("inf")
        return 1.0

    points = starting_points(task.model, 3, np.random.default_rng(0), no_weights, value)
    assert not any(np.array_equal(point, x) for point in points for x in refused)


# --- how they run


def test_the_best_of_several_starts_is_found_where_the_files_own_sticks() -> None:
    alone = wb.fit("lynx_hare", **STUCK)
    several = wb.fit("lynx_hare", starts=4, **STUCK)
    assert alone.metrics["train"]["nll"] > several.metrics["train"]["nll"] + 10
    table = several.starts
    assert table is not None
    assert alone.starts is None
    assert (table["starts"], table["run"]) == (4, 4)
    losses = [row["loss"] for row in table["rows"]]
    assert losses == sorted(losses)
    assert table["rows"][0]["start"] == table["chosen"]
    # the metrics' run goes on to the held-out part by other steps, at tsit5's rtol of 1e-6
    assert table["rows"][0]["loss"] == pytest.approx(several.metrics["train"]["nll"], rel=1e-6)


def test_a_stored_state_goes_on_bit_for_bit_alike() -> None:
    one, other, strategy = task_of(growth()), task_of(growth()), single(3)
    whole = again = strategy.start(one, np.random.default_rng(2))
    for _ in range(100):
        whole, step = strategy.advance(one, whole)
        again, step_again = strategy.advance(other, stored(again))
        assert bits(again) == bits(whole)
        assert step_again == step
        if step.done:
            return
    raise AssertionError("it never ended")


def test_iterations_are_shared_out_equally() -> None:
    task = task_of(growth(), iterations=9)
    _, taken = run(single(3), task)
    counts = [sum(step.rung.startswith(f"start {k}:") for step in taken) for k in (1, 2, 3)]
    assert counts == [3, 3, 3]


def test_time_is_shared_out_over_the_starts_that_are_left() -> None:
    now = [0.0]
    task = task_of(growth())
    task.budget = FitBudget(lambda: now[0], seconds=30.0)

    class Slow:
        def start(self, task: Task, rng: np.random.Generator) -> Tree:
            return {"x": task.unknowns.start}

        def advance(self, task: Task, state: Tree) -> tuple[Tree, Step]:
            now[0] += 4.0
            return state, Step(0, "slow", 1.0)

    _, taken = run(Multistart(Slow(), 3, no_weights), task)
    counts = [sum(step.rung.startswith(f"start {k}:") for step in taken) for k in (1, 2, 3)]
    assert counts[:2] == [3, 3]  # 12 seconds of a share of 10, then 12 of 9
    ended = [step.event for step in taken if step.event]
    assert ended == [f"start {k} of 3 ended (time)" for k in (1, 2)]  # the budget ends the third, and the fit with it


def test_a_start_that_fails_is_a_row_and_not_the_end() -> None:
    class Failing:
        def start(self, task: Task, rng: np.random.Generator) -> Tree:
            return {"x": task.unknowns.start}

        def advance(self, task: Task, state: Tree) -> tuple[Tree, Step]:
            own = np.array_equal(state["x"], task_of(growth()).unknowns.start)
            status = "failed.N010" if own else "converged"
            return state, Step(1, "failing", 1.0, event="no", done=True, status=status)

    state, taken = run(Multistart(Failing(), 3, no_weights), task_of(growth()))
    assert state["strategy"]["statuses"] == ["failed.N010", "converged", "converged"]
    assert np.isinf(state["strategy"]["losses"][0])
    assert taken[-1].status == "converged"


def test_the_best_is_that_of_the_validation_part_where_there_is_one() -> None:
    losses = np.array([1.0, 2.0, np.inf])
    assert best_start(losses, np.array([5.0, 4.0, 3.0])) == 1
    assert best_start(losses, np.full(3, np.nan)) == 0


def test_networks_draw_their_weights_anew() -> None:
    data = wb.simulate("damped_spiral", samples=20, span=(0, 2)).dataset()
    fitted = wb.fit(data, dynamics="mlp", settings={"dynamics.hidden": (3,)}, strategy="single", starts=3, iterations=6)
    points = fitted.session.state["strategy"]["points"]
    weights = fitted.session.model.unknowns.mask("weights")
    assert len(np.unique(points[:, weights], axis=0)) == 3
    assert fitted.starts is not None
    assert fitted.starts["spread"] == {}


# --- the table


def table(losses: list[float], **options: Any) -> dict[str, Any]:
    values = np.arange(len(losses), dtype=float)[:, None]
    found = np.array(losses)
    nothing = np.full(len(losses), np.nan)
    statuses = ["" if np.isnan(loss) else "converged" for loss in losses]
    best = best_start(found, nothing)
    return waterfall(found, nothing, statuses, values, ("k",), best, **{"likelihood": False, **options})


def test_the_waterfall_is_sorted_counts_who_reached_the_best_and_says_how_far_apart_they_are() -> None:
    found = table([3.0, 1.0, np.inf, 1.005, np.nan])
    assert [row["start"] for row in found["rows"]] == [2, 4, 1, 3, 5]
    assert [row["reached"] for row in found["rows"]] == [True, True, False, False, False]
    assert (found["reached"], found["run"], found["starts"]) == (2, 4, 5)
    assert found["spread"] == {"k": {"low": 1.0, "high": 3.0}}
    assert found["warning"] is None
    assert found["rows"][-1]["status"] == "not run"
    json.dumps(found, allow_nan=False)


def test_a_likelihood_reaches_the_best_within_a_tenth() -> None:
    assert table([-100.0, -99.91, -99.5], likelihood=True)["reached"] == 2


def test_a_best_that_was_reached_once_comes_with_a_warning() -> None:
    assert "one start of 3 only" in table([1.0, 2.0, 3.0])["warning"]
    assert table([1.0])["warning"] is None


def test_starts_are_in_the_run_the_json_and_the_card(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from workbench.cli import main

    runner = CliRunner()
    typed = ["fit", "lynx_hare", "--strategy", "single", "--starts", "2", "--name", "two", "--runs", str(tmp_path)]
    made = runner.invoke(main, [*typed, "--json"])
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert document["starts"]["starts"] == document["choices"]["starts"] == 2
    assert Run.open(tmp_path / "two.h5").diagnostics["starts"]["run"] == 2
    card = runner.invoke(main, ["show", "two", "--runs", str(tmp_path)]).stdout
    assert "\nstarts\n" in card
    assert "reached the best" in card
    recipe = runner.invoke(main, ["show", "two", "--config", "--runs", str(tmp_path)]).stdout
    assert "starts = 2" in recipe


def test_a_run_of_several_starts_that_went_down_goes_on_to_the_same_content(tmp_path: Path) -> None:
    options: dict[str, Any] = {**STUCK, "optimizer": "levenberg-marquardt", "starts": 3, "iterations": 15}
    options |= {"store": tmp_path, "commit_share": 1e9}

    class Crash(Exception):
        pass

    def go_down(step: Step) -> None:
        if step.number == 7:
            raise Crash

    wb.fit("lynx_hare", name="whole", **options)
    with pytest.raises(Crash):
        wb.fit("lynx_hare", name="broken", on_step=go_down, **options)
    wb.resume("broken", store=tmp_path)
    assert Run.open(tmp_path / "broken.h5").content_sha256 == Run.open(tmp_path / "whole.h5").content_sha256


def test_no_starts_are_refused() -> None:
    with pytest.raises(UsageError, match="starts is 0"):
        wb.fit("lynx_hare", starts=0)
