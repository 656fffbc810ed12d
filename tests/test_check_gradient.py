"""The certificate of gradients: what it says of right gradients and of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench import workflow
from workbench.cli import main
from workbench.contracts import GradientMode
from workbench.model.derivatives import pulled
from workbench.workflow.gradient_check import compared

WRONG = '''
"""Dynamics whose module tells torch a wrong derivative."""
import numpy as np
import torch

from workbench import Block, Offer, hookimpl


class Doubled(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return -x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return -2 * g


class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.k = torch.nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, t, y, u=None, c=None):
        return Doubled.apply(self.k * y)


class Field:
    def __init__(self, states):
        self.states = states

    def blocks(self):
        start = np.ones((1, len(self.states)))
        return (Block("weights", ("k",), np.array([0.5])), Block("initial", self.states, start, per="trajectory"))

    def graph(self):
        return None

    def module(self):
        return Module()


class Family:
    def build(self, problem, generator):
        return Field(problem.data.channels)


@hookimpl
def offer_dynamics():
    return [Offer("wrong", Family, "a wrong derivative")]
'''

SMALL = {"dynamics.hidden": (4,)}

# few observations: the adjoint begins anew at each of them
DECAY = """
time = { span = [0, 10], samples = 5 }
[states.x]
equation = "-k*x"
initial  = 1.0
[parameters]
k = 0.5
"""

OSCILLATOR = """
time = { span = [0, 5], samples = 6 }
[states.x]
equation = "v"
initial  = 1.0
[states.v]
equation = "-k*x - c*v"
initial  = 0.0
[parameters]
k = 4.0
c = 0.2
"""

JUMP = """
time = { span = [0, 900], samples = 46 }
[states.x]
equation = "y"
initial  = 2.0
[states.y]
equation = "mu*(1 - x^2)*y - x"
initial  = 0.0
[parameters]
mu = 1000.0
"""

CHAOS = """
time = { span = [0, 30], samples = 31 }
[states.x]
equation = "10*(y - x)"
initial  = 1.0
[states.y]
equation = "x*(rho - z) - y"
initial  = 1.0
[states.z]
equation = "x*y - 8*z/3"
initial  = 1.0
[parameters]
rho = 28.0
"""


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("dynamics", [None, "mlp"])
def test_every_mode_of_a_loop_solver_is_exact_or_agrees(dynamics: str | None, tmp_path: Path) -> None:
    found = workflow.check_gradient(
        written(tmp_path, "oscillator.toml", OSCILLATOR),
        dynamics=dynamics,
        settings={"solver.rtol": 1e-8} | (SMALL if dynamics else {}),
    )
    verdicts: dict[GradientMode, str] = {one.mode: one.verdict for one in found.modes}  # type: ignore[misc]  # names of modes
    assert verdicts == {"discrete": "exact", "backprop": "exact", "adjoint": "agrees", "forward": "agrees"}
    assert found.holds
    assert found.against == "complex step"
    assert all(one.peak_bytes for one in found.modes)
    assert {one.mode for one in found.modes if one.saved_bytes} == {"backprop"}


def test_a_black_box_is_compared_with_differences_of_fine_solves() -> None:
    found = workflow.check_gradient("decay", solver="scipy_lsoda")
    assert found.against == "differences of fine solves"
    assert {one.mode: one.verdict for one in found.modes} == {"adjoint": "agrees", "forward": "agrees"}


@pytest.mark.parametrize("factor", ["-2", "-(1 + 1e-6)"])
def test_a_wrong_derivative_is_off_and_ends_with_status_1(tmp_path: Path, factor: str) -> None:
    problem = written(tmp_path, "decay.toml", DECAY)
    plugin = written(tmp_path, "wrong.py", WRONG.replace("-2 *", f"{factor} *"))
    command = ["check", "gradient", str(problem), "-d", "wrong", "--plugin", str(plugin), "--json"]
    answer = CliRunner().invoke(main, command)
    document = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert document["schema"] == "workbench/gradient/1"
    assert document["holds"] is False
    exact = {one["mode"]: one["verdict"] for one in document["modes"] if one["mode"] in ("discrete", "backprop")}
    assert exact == {"discrete": "off", "backprop": "off"}


def test_a_right_gradient_of_a_stiff_jump_is_as_near_as_roundings_allow_and_a_wrong_one_is_off(tmp_path: Path) -> None:
    """The tangent of van der Pol's jump multiplies the roundings of each step: 1e-8 of it is lost."""
    made, _ = compared(written(tmp_path, "jump.toml", JUMP), solver="rodas5p")
    by_y0, by_p = pulled(made.base, made.weights)
    right = made.judged("discrete", by_y0, by_p)
    assert right.verdict == "rounded"
    assert right.relative_error is not None
    assert right.rounding is not None
    assert made.reference.bound < right.relative_error < 10 * right.rounding
    assert f"{right.rounding:.1e}" in right.message
    slightly = 1 + 1e-6
    for wrong in ((slightly * by_y0, slightly * by_p), (slightly * by_y0, by_p), (by_y0, slightly * by_p)):
        assert made.judged("discrete", *wrong).verdict == "off"


def test_where_roundings_hide_a_wrong_gradient_none_is_certified(tmp_path: Path) -> None:
    """Errors of Lorenz's equations grow e-fold in 1.1: by t = 30 a rounding is 1e-16 e^27, 1e-4 of the states."""
    made, _ = compared(written(tmp_path, "chaos.toml", CHAOS), settings={"solver.rtol": 1e-3})
    by_y0, by_p = pulled(made.base, made.weights)
    assert made.reference.name == "complex step"
    for factor in (1, 1 + 1e-6):
        assert made.judged("discrete", factor * by_y0, factor * by_p).verdict == "unknown"
    assert made.judged("discrete", 1.1 * by_y0, 1.1 * by_p).verdict == "off"


def test_the_table_has_a_line_a_mode() -> None:
    answer = CliRunner().invoke(main, ["check", "gradient", "decay"])
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[1] == "reference: complex step"
    assert [line.split()[0] for line in lines[3:]] == ["mode", "discrete", "backprop", "adjoint", "forward"]
