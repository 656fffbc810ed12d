"""The experiments: each keeps the contract of the kit, in a form that takes seconds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from workbench.registry import Listed, installed
from workbench.testing import ExperimentContract


class TestAdjointMemory(ExperimentContract):
    offer = "adjoint-memory"
    settings: ClassVar[dict[str, Any]] = {"steps": (3, 5)}


class TestResnetEuler(ExperimentContract):
    offer = "resnet-euler"


class TestSpiral(ExperimentContract):
    offer = "spiral"
    settings: ClassVar[dict[str, Any]] = {"steps": 2, "samples": 40, "hidden": 4}


class TestToleranceTradeOff(ExperimentContract):
    offer = "tolerance-trade-off"
    settings: ClassVar[dict[str, Any]] = {"problem": "damped_oscillator", "samples": 30, "hidden": 4}


class TestDigits(ExperimentContract):
    offer = "digits"
    settings: ClassVar[dict[str, Any]] = {"channels": 4, "epochs": 1, "images": 128}


class TestCnf(ExperimentContract):
    offer = "cnf"
    settings: ClassVar[dict[str, Any]] = {"units": 2, "iterations": 3}


class TestEvents(ExperimentContract):
    offer = "events"
    settings: ClassVar[dict[str, Any]] = {"iterations": 3}


class TestLatentOde(ExperimentContract):
    offer = "latent-ode"
    settings: ClassVar[dict[str, Any]] = {"iterations": 3, "trajectories": 100}


class TestPinnContrast(ExperimentContract):
    offer = "pinn-contrast"
    settings: ClassVar[dict[str, Any]] = {"cases": ("sparse",), "hidden": 5, "points": 12, "iterations": 3}


def test_every_experiment_is_held_to_the_contract() -> None:
    ours = [e.name for e in installed().offers("experiment") if e.distribution == "dynamics-workbench"]
    held = [kind.offer for kind in ExperimentContract.__subclasses__() if kind.__module__ == __name__]
    assert sorted(ours) == sorted(held)


def test_every_experiment_has_a_page_made_of_what_it_found() -> None:
    folder = Path(__file__).parents[2] / "docs" / "reproduce"
    for entry in installed().offers("experiment"):
        text = (folder / f"{entry.name}.md").read_text(encoding="utf-8")
        assert f"<!-- below: python docs/reproduced.py {entry.name} -->" in text
        assert f"(reproduce/{entry.name}.md)" in (folder.parent / "reproduce.md").read_text(encoding="utf-8")
        assert all((folder / file).is_file() for file in re.findall(r"!\[[^]]*\]\(([^)]*)\)", text))


@pytest.mark.parametrize("entry", installed().offers("experiment"), ids=lambda entry: entry.name)
def test_an_experiment_names_its_source(entry: Listed) -> None:
    assert entry.offer.source
