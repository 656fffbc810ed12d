"""Runs that stop and go on: the same bits as if they had never stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.contracts import Step
from workbench.errors.store import RunExists
from workbench.fitting import FitBudget
from workbench.runs import Run

MLP = {"dynamics": "mlp", "settings": {"dynamics.hidden": (4,)}}
FITS: dict[str, dict[str, Any]] = {
    "equations, least squares": {"source": "lynx_hare"},
    "equations, levenberg-marquardt": {"source": "lynx_hare", "optimizer": "levenberg-marquardt"},
    "equations, lbfgs": {"source": "school_influenza", "optimizer": "lbfgs", "strategy": "single"},
    "equations, doses": {"source": "repeated_doses", "start_values": {"ka": 0.6, "V": 40.0}},
    "equations, bounces": {"source": "bouncing_ball", "start_values": {"e": 0.5, "g": 9.0}},
    "mlp, levenberg-marquardt": {**MLP, "source": "spiral"},
    "mlp, adam": {**MLP, "source": "spiral", "optimizer": "adam"},
    "mlp, gradient matching": {**MLP, "source": "spiral", "strategy": "gradient-matching", "optimizer": "rmsprop"},
}


class Crash(Exception):
    """The process goes down."""


def crash_at(number: int) -> Callable[[Step], None]:
    """Go down once a step has been taken and committed."""

    def go_down(step: Step) -> None:
        if step.number == number:
            raise Crash

    return go_down


def fit(which: str, store: Path, name: str, **options: Any) -> wb.Fitted:
    """One of the fits, at most 12 advances, committed after every one."""
    chosen = dict(FITS[which])
    source = chosen.pop("source")
    if source == "spiral":
        source = wb.simulate("damped_spiral", samples=20, span=(0, 2)).dataset()
    return wb.fit(source, **{"iterations": 12, "store": store, "name": name, "commit_share": 1e9, **chosen, **options})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """The run of a fit that was never interrupted."""
    folder, made = tmp_path_factory.mktemp("whole"), {}

    def find(which: str) -> Run:
        if which not in made:
            number = len(made)
            fit(which, folder, f"whole-{number}")
            made[which] = Run.open(folder / f"whole-{number}.h5")
        return made[which]

    return find


@pytest.mark.parametrize("which", FITS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_fit_that_went_down_and_is_resumed_has_the_content_of_one_that_did_not(
    which: str, after: int, whole: Callable[[str], Run], tmp_path: Path
) -> None:
    try:
        fit(which, tmp_path, "broken", on_step=crash_at(after))
    except Crash:
        assert Run.open(tmp_path / "broken.h5").status == "running"
    resumed = wb.resume("broken", store=tmp_path)
    assert resumed.status == whole(which).status
    assert Run.open(tmp_path / "broken.h5").content_sha256 == whole(which).content_sha256


@pytest.mark.parametrize("which", ["equations, levenberg-marquardt", "mlp, levenberg-marquardt"])
def test_a_fit_that_is_given_more_iterations_goes_on_as_if_it_had_had_them(
    which: str, whole: Callable[[str], Run], tmp_path: Path
) -> None:
    short = fit(which, tmp_path, "short", iterations=4)
    assert short.status == "iterations"
    wb.resume("short", store=tmp_path, iterations=12)
    assert Run.open(tmp_path / "short.h5").content_sha256 == whole(which).content_sha256


def test_a_fit_that_is_interrupted_keeps_its_state_and_goes_on(whole: Callable[[str], Run], tmp_path: Path) -> None:
    which = "equations, levenberg-marquardt"
    budget = FitBudget(lambda: 0.0, iterations=12)

    def interrupt(step: Step) -> None:
        if step.number == 2:
            budget.stopped = "interrupted"

    assert fit(which, tmp_path, "stopped", budget=budget, on_step=interrupt).status == "interrupted"
    wb.resume("stopped", store=tmp_path)
    assert Run.open(tmp_path / "stopped.h5").content_sha256 == whole(which).content_sha256


def test_resuming_a_finished_run_changes_no_byte(tmp_path: Path) -> None:
    fit("equations, least squares", tmp_path, "done", iterations=None)
    before = (tmp_path / "done.h5").read_bytes()
    assert wb.resume("done", store=tmp_path).status == "converged"
    assert (tmp_path / "done.h5").read_bytes() == before


def test_a_spent_run_is_left_as_it_is_unless_it_is_given_more(tmp_path: Path) -> None:
    fit("mlp, adam", tmp_path, "spent", iterations=3)
    before = (tmp_path / "spent.h5").read_bytes()
    assert wb.resume("spent", store=tmp_path).status == "iterations"
    assert (tmp_path / "spent.h5").read_bytes() == before


@pytest.mark.parametrize("which", ["equations, least squares", "mlp, levenberg-marquardt"])
def test_a_stored_run_predicts_what_the_fit_predicted(which: str, tmp_path: Path) -> None:
    fitted = fit(which, tmp_path, "kept")
    again = wb.load("kept", store=tmp_path)
    assert again.document() == fitted.document()
    assert again.session.x.tobytes() == fitted.session.x.tobytes()
    begin = float(fitted.run.dataset.t[0])
    ts = begin + np.linspace(0, 3, 9)
    assert again.predict(ts).states.tobytes() == fitted.predict(ts).states.tobytes()


def test_a_fit_can_be_saved_later_once(tmp_path: Path) -> None:
    fitted = wb.fit("school_influenza", split="none")
    path = fitted.save(tmp_path / "flu.h5")
    assert wb.load(path).parameters == fitted.parameters
    with pytest.raises(RunExists):
        fitted.save(path)


def test_changes_against_the_problem_file_survive(tmp_path: Path) -> None:
    options: dict[str, Any] = {"start_values": {"beta": 1.9}, "fix": ("gamma",), "free": ("I0",), "iterations": 1}
    fitted = wb.fit(
        "school_influenza", split="none", optimizer="levenberg-marquardt", store=tmp_path, name="a", **options
    )
    again = wb.load("a", store=tmp_path)
    assert again.session.model.unknowns.labels == fitted.session.model.unknowns.labels == ("beta", "I0")
    assert again.session.model.unknowns.start.tobytes() == fitted.session.model.unknowns.start.tobytes()
    more, once = (
        wb.resume("a", store=tmp_path, iterations=50),
        wb.fit("school_influenza", split="none", optimizer="levenberg-marquardt", **{**options, "iterations": 50}),
    )
    assert more.session.x.tobytes() == once.session.x.tobytes()
