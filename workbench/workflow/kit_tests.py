"""The kit's tests of one offer, run by pytest in a process of their own, as an author of plugins would run them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ..errors.plugins import ContractBroken
from ..measure.findings import Finding

CONTRACTS = {
    "solver": "SolverContract",
    "dynamics": "DynamicsContract",
    "loss": "LossContract",
    "optimizer": "OptimizerContract",
    "strategy": "StrategyContract",
    "reader": "ReaderContract",
    "reporter": "ReporterContract",
    "experiment": "ExperimentContract",
}
MEASURED = (
    "its_orders_are_what_it_claims",
    "a_gradient_is_that_of_the_known_solution",
    "a_stiff_problem_takes_few_steps_at_any_rate",
)
"""Tests of a solver that only compare what `measure.solver_findings` tells with its claims."""
INSTALL = "python -m pip install 'dynamics-workbench[test]'"
LONGEST = 1800.0  # seconds


def available() -> bool:
    """pytest is installed."""
    return importlib.util.find_spec("pytest") is not None


def kit_findings(kind: str, name: str, plugin_files: Sequence[Path]) -> list[Finding]:
    """One line for each test of the contract; raises ContractBroken where the tests could not be run at all."""
    with tempfile.TemporaryDirectory(prefix="workbench-check-") as folder:
        file, report = Path(folder, "test_offer.py"), Path(folder, "report.xml")
        file.write_text(_test_file(kind, name, plugin_files), encoding="utf-8")
        Path(folder, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")  # nobody else's settings
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder]
        if kind == "solver":
            command += ["-k", " and ".join(f"not {test}" for test in MEASURED)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # where this process finds its plugins
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "",
        }
        try:
            answer = subprocess.run(
                [*command, "-c", str(Path(folder, "pytest.ini")), "--junitxml", str(report), str(file)],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [Finding("the kit", "failed", note=f"its tests did not end within {LONGEST:g} s")]
        if not report.exists():
            last = (answer.stdout + answer.stderr).strip().splitlines()[-1:] or [f"exit {answer.returncode}"]
            raise ContractBroken(f'the tests of {kind} "{name}" ended without a result: {last[0]}')
        return [_finding(case, name) for case in ElementTree.parse(report).iter("testcase")]


def _test_file(kind: str, name: str, plugin_files: Sequence[Path]) -> str:
    contract = CONTRACTS[kind]
    files = tuple(str(file.resolve()) for file in plugin_files)
    return (
        f"from workbench.testing import {contract}\n\n\n"
        f"class TestOffer({contract}):\n    offer = {name!r}\n    plugin_files = {files!r}\n"
    )


def _finding(case: ElementTree.Element, offered: str) -> Finding:
    test, _, case_id = case.get("name", "").partition("[")
    which = "-".join(part for part in case_id.rstrip("]").split("-") if part not in offered.split("-"))
    name = test.removeprefix("test_").replace("_", " ") + (f" ({which})" if which else "")
    for outcome in case:
        if outcome.tag in ("failure", "error"):
            return Finding(name, "failed", note=_line(outcome.get("message", "")))
        if outcome.tag == "skipped":
            return Finding(name, "skipped", note=_line(outcome.get("message", "")))
    return Finding(name, "ok")


def _line(text: str, most: int = 160) -> str:
    """The first line, not too long."""
    first = next(iter(text.strip().splitlines()), "")
    return first if len(first) <= most else first[: most - 1] + "…"
