"""Units and owners of unknowns, from the problem and the data to tables and figures."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb

PROBLEM = """
title = "decay of one dose, seen in percent"
time = { unit = "h", span = [0, 3], samples = 7 }
[states.a]
equation = "-k*a"
initial = { value = 1.0, fit = true }
[states.b]
equation = "k*a - q*b"
initial = 0.0
unit = "mg"
[parameters]
k = { value = 0.6, unit = "1/h", per = "trajectory" }
q = { value = 0.2, unit = "1/min", fixed = true }
[derived]
half = { formula = "log(2)/q", unit = "min" }
[observed.y]
formula = "a"
unit = "%"
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> wb.Fitted:
    file = tmp_path_factory.mktemp("units") / "decay.toml"
    file.write_text(PROBLEM)
    t = np.tile(np.linspace(0, 3, 7), 2)
    y = np.exp(-np.repeat([0.5, 0.9], 7) * t)
    data = wb.Dataset(t, y[:, None], np.array([7, 7]), ("y",), ("Jane", "Joe"))
    return wb.fit(data, problem=file, split="none", iterations=5)


def test_estimates_have_the_units_of_the_problem_and_their_trajectories_names(fitted: wb.Fitted) -> None:
    said = {name: (one.get("unit"), one.get("trajectory")) for name, one in fitted.parameters.items()}
    assert said == {
        "k[0]": ("1/h", "Jane"),
        "k[1]": ("1/h", "Joe"),
        "q": ("1/min", None),
        "half": ("min", None),
        "a(0)[0]": ("%", "Jane"),  # the channel measures this very state
        "a(0)[1]": ("%", "Joe"),
    }


def test_the_curve_of_a_run_has_the_units_of_its_states(fitted: wb.Fitted) -> None:
    assert fitted.run.diagnostics["curve"]["units"] == {"a": "%", "b": "mg"}


def test_a_profile_has_the_unit_and_the_trajectory_of_its_unknown(fitted: wb.Fitted) -> None:
    found = fitted.profile(["k[1]"], max_time=5)["k[1]"]
    assert (found.unit, found.trajectory) == ("1/h", "Joe")
    document = found.document()
    assert (document["unit"], document["trajectory"]) == ("1/h", "Joe")


def test_states_of_a_network_have_the_units_of_their_columns() -> None:
    t = np.linspace(0, 3, 20)
    data = wb.Dataset(t, np.exp(-t)[:, None], np.array([20]), ("y",), units={"y": "V"})
    fitted = wb.fit(data, dynamics="linear", iterations=1, split="none")
    assert fitted.run.diagnostics["curve"]["units"] == {"y": "V"}
    assert fitted.parameters["y(0)"]["unit"] == "V"
