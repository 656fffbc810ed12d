"""The certificate of gradients: what it says of right gradients and of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench import workflow
from workbench.cli import main
from workbench.contracts import GradientMode

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


@pytest.mark.parametrize("dynamics", [None, "mlp"])
def test_every_mode_of_a_loop_solver_is_exact_or_agrees(dynamics: str | None) -> None:
    found = workflow.check_gradient(
        "damped_oscillator", dynamics=dynamics, settings={"solver.rtol": 1e-8} | (SMALL if dynamics else {})
    )
    verdicts: dict[GradientMode, str] = {one.mode: one.verdict for one in found.modes}  # type: ignore[misc]  # names of modes
    assert verdicts == {"discrete": "exact", "backprop": "exact", "adjoint": "agrees", "forward": "agrees"}
    assert found.holds
    assert found.against == "complex step"
    assert all(one.peak_bytes for one in found.modes)
    assert {one.mode for one in found.modes if one.saved_bytes} == {"backprop"}


SMALL = {"dynamics.hidden": (4,)}


def test_a_black_box_is_compared_with_differences_of_fine_solves() -> None:
    found = workflow.check_gradient("decay", solver="scipy_lsoda")
    assert found.against == "differences of fine solves"
    assert {one.mode: one.verdict for one in found.modes} == {"adjoint": "agrees", "forward": "agrees"}


def test_a_wrong_derivative_is_off_and_ends_with_status_1(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(WRONG, encoding="utf-8")
    answer = CliRunner().invoke(main, ["check", "gradient", "decay", "-d", "wrong", "--plugin", str(file), "--json"])
    document = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert document["schema"] == "workbench/gradient/1"
    assert document["holds"] is False
    exact = {one["mode"]: one["verdict"] for one in document["modes"] if one["mode"] in ("discrete", "backprop")}
    assert exact == {"discrete": "off", "backprop": "off"}


def test_the_table_has_a_line_a_mode() -> None:
    answer = CliRunner().invoke(main, ["check", "gradient", "decay"])
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[1] == "reference: complex step"
    assert [line.split()[0] for line in lines[3:]] == ["mode", "discrete", "backprop", "adjoint", "forward"]
