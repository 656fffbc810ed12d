"""Problem files: what is read from them, and what is not one."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import problems as wrong
from workbench.problem import read_problem
from workbench.problem.places import Places

PENDULUM = """\
title  = "Damped pendulum with unknown friction"
source = "Huygens (1673)"
tags   = ["physics"]
time   = { unit = "s", span = [0, 10], samples = 500, start = -0.5 }

[data]
file    = "runs/swing.csv"
time    = "date"
start   = 1978-01-22
missing = true
map     = { angle = "phi [rad]", u = "motor" }

[states.theta]
equation = "omega"
initial  = { value = 1.0, fit = true, bounds = [-3, 3] }
unit     = "rad"
atol     = 1e-9
[states.omega]
equation = "-w2*sin(theta) - c*omega + b*u"
initial  = "kick*push"

[parameters]
g    = { value = 9.81, fixed = true, unit = "m/s^2" }
L    = { value = 0.5, bounds = [0.1, 2.0], transform = "log", unit = "m" }
c    = { value = 0.1, transform = "log", per = "trajectory" }
b    = 1
kick = { value = 0.0, bounds = [-inf, 5] }

[inputs.u]
interpolation = "linear"
unit = "N m"

[covariates]
push = { column = "Push" }

[expressions]
w2 = "g/L"

[observed.angle]
formula = "theta"
noise   = "gaussian"
scale   = 0.01

[derived]
period = { formula = "2*pi*sqrt(L/g)", unit = "s" }

[invariants]
nothing = "theta - theta"

[reference]
time   = 10
values = { theta = 0.1 }
rtol   = 1e-8
source = "made up"
"""


def test_every_key_of_a_file_reaches_the_problem(tmp_path: Path) -> None:
    file = tmp_path / "pendulum.toml"
    file.write_text(PENDULUM)
    problem = read_problem(file)
    system = problem.system
    assert system is not None
    assert (problem.name, system.tags) == ("pendulum", ("physics",))
    assert system.title == "Damped pendulum with unknown friction"
    assert (system.time.unit, system.time.span, system.time.samples, problem.start) == ("s", (0.0, 10.0), 500, -0.5)
    theta, omega = system.states
    assert (theta.initial, theta.fit, theta.lower, theta.upper, theta.atol) == (1.0, True, -3.0, 3.0, 1e-9)
    assert (omega.initial, omega.fit) == ("kick*push", False)
    g, length, c, b, kick = system.parameters
    assert (g.fixed, length.transform, length.lower, b.value) == (True, "log", 0.1, 1.0)
    assert (c.per, c.lower) == ("trajectory", 0.0)
    assert (kick.lower, kick.upper) == (float("-inf"), 5.0)
    assert (problem.states, problem.channels, problem.inputs, problem.covariates) == (
        ("theta", "omega"),
        ("angle",),
        ("u",),
        ("push",),
    )
    assert (problem.noise, system.observed[0].scale) == ({"angle": "gaussian"}, 0.01)
    assert system.derived[0].unit == "s"
    assert system.reference is not None
    assert dict(system.reference.values) == {"theta": 0.1}
    assert system.text == PENDULUM
    assert problem.data_file is not None
    assert problem.data_file.path == tmp_path / "runs/swing.csv"
    assert problem.assembly() == {
        "time": "date",
        "start": "1978-01-22",
        "missing": True,
        "map": {"angle": "phi [rad]", "u": "motor"},
        "inputs": ("u",),
        "covariates": {"push": "Push"},
    }


def test_a_text_of_several_lines_is_read_as_it_stands() -> None:
    assert read_problem('[states.x]\nequation = "-x"\ninitial = 1').n_states == 1


def test_a_file_too_large_too_deep_or_not_in_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    for content, fragment in (
        (b"#" * 1_000_001, "at most 1000000"),
        (b"\n\nx = '\xff'", "not UTF-8"),
        (b"x = " + b"[" * 50_000, "nested too deeply"),
        (b"x = " + b"[" * 300 + b"]" * 300, "unknown key 'x'"),
    ):
        file.write_bytes(content)
        with pytest.raises(wrong.ProblemFileWrong, match=fragment):
            read_problem(file)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_bytes(b"\xef\xbb\xbf" + b'[states.x]\r\nequation = "-x + q"\r\ninitial = 1\r\n')
    with pytest.raises(wrong.NameUndeclared) as caught:
        read_problem(file)
    assert str(caught.value.where) == f"{file}:2:18"


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path, "nul\0.toml", "x" * 5000):
        with pytest.raises(wrong.ProblemNotFound, match="workbench problems"):
            read_problem(path)


def test_learned_terms_take_as_many_arguments_as_they_are_called_with() -> None:
    problem = read_problem(
        '[states.x]\nequation = "-k*x + lift(x, max(t, 0))"\ninitial = 1\n'
        "[parameters]\nk = 1\n\n[networks.lift]\nhidden = [8]\n"
    )
    assert problem.system is not None
    assert problem.system.networks[0].arity == 2
    assert problem.system.graph().networks[0].sizes == (2, 8, 1)


@settings(deadline=None)  # the first call imports SymPy
@given(change=st.integers(0, len(PENDULUM) - 1), to=st.sampled_from("=\"'[]{}#x0.,-\n\\*("))
def test_no_slip_of_one_letter_makes_more_than_an_error_for_the_user(change: int, to: str) -> None:
    try:
        read_problem(PENDULUM[:change] + to + PENDULUM[change + 1 :])
    except wrong.ProblemFileWrong as error:
        assert error.where is not None
        assert error.where.line is not None or "no 'states'" in str(error)
    except wrong.FormulaRefused as error:
        assert error.where is not None
        assert error.where.column is not None


JUNK = st.sampled_from([5, -1.5, True, "", "x", [], [1], [1, 2], {}, {"value": "q"}, {"a": {"b": 1}}, float("nan")])


@settings(deadline=None)
@given(choice=st.integers(0, 200), junk=JUNK)
def test_no_value_of_a_wrong_shape_makes_more_than_an_error_for_the_user(choice: int, junk: object) -> None:
    table = tomllib.loads(PENDULUM)
    paths = [path for path in Places("f", PENDULUM).known() if all(isinstance(part, str) for part in path)]
    *outer, last = paths[choice % len(paths)]
    place = table
    for part in outer:
        place = place[part]
    place[last] = junk
    with contextlib.suppress(wrong.ProblemFileWrong, wrong.FormulaRefused):
        read_problem(tomli_w.dumps(table))
