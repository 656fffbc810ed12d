"""Start-up: the commands that list things import nothing heavy and answer at once."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "sympy", "scipy", "h5py", "matplotlib", "pandas", "pydantic", "rich", "numpy")

IMPORTED = """
import sys
import workbench.cli
try:
    workbench.cli.main({words!r})
except SystemExit as done:
    assert not done.code, done.code
print([name for name in {heavy!r} if name in sys.modules])
"""

LIGHT = (
    ["--help"],
    ["--version"],
    ["problems"],
    ["solvers"],
    ["dynamics"],
    ["losses"],
    ["plugins"],
    ["explain", "U001"],
)
LISTING = (["problems"], ["solvers"], ["dynamics"], ["losses"])


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def cpu_seconds(words: list[str]) -> float:
    """The processor time, user and system, of `python` with these words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def over_click(words: list[str]) -> float:
    """The processor time of `workbench` over that of `import click`, by turns and the least of each: load only adds."""
    turns = [(cpu_seconds(["-m", "workbench", *words]), cpu_seconds(["-c", "import click"])) for _ in range(7)]
    ours, click = map(min, zip(*turns, strict=True))
    return ours / click


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_listing_imports_nothing_heavy(words: list[str]) -> None:
    assert run(IMPORTED.format(words=words, heavy=HEAVY)).splitlines()[-1] == "[]"


def test_importing_the_package_imports_nothing_heavy() -> None:
    names = (*HEAVY, "click", "pluggy")
    code = f"import sys, workbench, workbench.errors\nprint([name for name in {names!r} if name in sys.modules])"
    assert run(code).strip() == "[]"


def test_help_loads_no_plugin() -> None:
    code = IMPORTED.format(words=["--help"], heavy=("pluggy", "importlib.metadata", "workbench.registry"))
    assert run(code).splitlines()[-1] == "[]"


def test_help_of_a_command_loads_no_plugin() -> None:
    code = IMPORTED.format(words=["fit", "--help"], heavy=("workbench_losses", "workbench_neural", "torch", "numpy"))
    assert run(code).splitlines()[-1] == "[]"


def test_help_takes_at_most_three_times_the_import_of_click() -> None:
    assert over_click(["--help"]) <= 3


@pytest.mark.parametrize("words", LISTING, ids=" ".join)
def test_listing_takes_at_most_six_times_the_import_of_click(words: list[str]) -> None:
    assert over_click(words) <= 6


def test_help_is_the_same_with_and_without_a_terminals_colours() -> None:
    environment = {**os.environ, "NO_COLOR": "1"}
    words = [sys.executable, "-m", "workbench", "--help"]
    plain = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    assert "\x1b" not in plain
    assert "fit" in plain


@pytest.mark.parametrize("dynamics", ["equations", "mlp"])
def test_a_compiled_fit_does_without_torch(dynamics: str, tmp_path: Path) -> None:
    words = ["fit", "lynx_hare", "-d", dynamics, "--engine", "compiled", "--iterations", "3", "--split", "none"]
    code = IMPORTED.format(words=[*words, "--runs", str(tmp_path)], heavy=("torch",))
    assert run(code).splitlines()[-1] == "[]"
