"""What Python is asked for in a form that is none, and what a loss or dynamics do not know of: said, never dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.errors.usage import UsageError

PRIOR = """
title = "decay"
[parameters]
k = { value = 0.5, prior = "normal(0.5, 0.1)" }
[states.x]
equation = "-k*x"
initial = { value = 1.0, fit = true }
[observed.x]
formula = "x"
noise = "gaussian"
"""


@pytest.fixture
def decay() -> wb.Dataset:
    t = np.linspace(0, 4, 21)
    return wb.Dataset(t, np.exp(-0.4 * t)[:, None], np.array([21]), ("x",))


@pytest.mark.parametrize(
    ("asked", "help"),
    [
        ({"noise": "student"}, 'noise={"x": "student"}'),
        ({"noise": {"x": 3}}, 'noise={"x": "student(3)"}'),
        ({"limits": {"x": 1.5}}, "a pair, None where a side is open"),
        ({"limits": {"x": (3, 1)}}, "a pair"),
        ({"limits": 1.5}, "limits="),
        ({"scales": {"x": -1}}, "a number above 0"),
        ({"start_values": {"k": "a"}}, 'start_values={"k": 0.5}'),
        ({"split": 0.2}, 'split="last:20%"'),
        ({"starts": "3"}, "starts=3"),
        ({"seed": -1}, "from 0 on"),
        ({"iterations": 0}, "from 1 on"),
        ({"max_time": "60s"}, "max_time=60"),
    ],
)
def test_another_form_is_refused_with_the_one_that_is_meant(
    decay: wb.Dataset, asked: dict[str, Any], help: str
) -> None:
    with pytest.raises(WorkbenchError) as error:
        wb.fit(decay, **asked)
    assert help in str(error.value)


def test_a_name_alone_and_an_open_side_are_taken(decay: wb.Dataset, tmp_path: Path) -> None:
    (tmp_path / "decay.toml").write_text(PRIOR)
    fit = wb.fit(decay, problem=tmp_path / "decay.toml", fix="k", limits={"x": (None, 5)})
    assert fit.parameters["k"]["fixed"]
    assert fit.run.config["noise_limits"] == {"x": [None, 5.0]}


def test_noise_beside_a_loss_that_knows_none_is_an_error_where_asked_and_a_note_where_declared(
    decay: wb.Dataset, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="knows no noise, and --noise declares that of x"):
        wb.fit(decay, dynamics="mlp", noise={"x": "student"}, loss="mse", iterations=1)
    (tmp_path / "decay.toml").write_text(PRIOR.replace(', prior = "normal(0.5, 0.1)"', ""))
    said: list[str] = []
    fit = wb.fit(decay, problem=tmp_path / "decay.toml", loss="mse", on_notes=said.extend)
    note = "the noise of x does not count: the loss 'mse' knows none"
    assert note in said
    assert note in fit.run.config["notes"]


def test_priors_of_equations_that_are_not_fitted_are_a_note(decay: wb.Dataset, tmp_path: Path) -> None:
    (tmp_path / "decay.toml").write_text(PRIOR.replace('[observed.x]\nformula = "x"\nnoise = "gaussian"\n', ""))
    fit = wb.fit(decay, problem=tmp_path / "decay.toml", dynamics="mlp", iterations=1)
    assert "priors of k do not count: the dynamics 'mlp' have no such unknowns" in fit.run.config["notes"]
    assert fit.run.config["choices"]["loss"] == "mse"
    equations = wb.fit(decay, problem=tmp_path / "decay.toml", iterations=1)
    assert equations.run.config["choices"]["loss"] == "likelihood"


@pytest.mark.parametrize(
    ("start", "options", "said"),
    [
        (1.1, {}, []),  # the data scatter by 0.26 about their mean and begin at 1
        (3.0, {}, ['--free "x(0)" fits it, --set "x(0)=1" moves it']),
        (3.0, {"free": "x(0)"}, []),
        (3.0, {"start_values": {"x(0)": 1.0}}, []),
    ],
)
def test_a_held_start_far_from_the_data_is_a_note_that_says_what_to_do(
    decay: wb.Dataset, tmp_path: Path, start: float, options: dict[str, Any], said: list[str]
) -> None:
    (tmp_path / "decay.toml").write_text(PRIOR.replace("{ value = 1.0, fit = true }", str(start)))
    notes = wb.fit(decay, problem=tmp_path / "decay.toml", iterations=1, **options).run.config["notes"]
    assert [text.partition(": ")[2] for text in notes if text.startswith("x starts at")] == said
