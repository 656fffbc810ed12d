"""A file of coefficients is a solver; what is wrong in one is said in one line, and the others go on."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from workbench_runge_kutta.methods import ESDIRK, METHODS, RADAU, ROSENBROCK

from workbench.contracts import SolveOptions
from workbench.engine import RosenbrockTableau, Tableau
from workbench.engine.tableau_file import LARGEST_FILE, read_tableau
from workbench.errors.plugins import PluginFileUnusable
from workbench.registry import Registry

HEUN2 = """
name = "my_heun"
order = 2
summary = "explicit trapezoidal rule"
source = "Heun (1900), Z. Math. Phys. 45, 23–38"
c = [0, 1]
a = [[], ["1"]]
b = ["1/2", "0.5"]
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        file = tmp_path / "method.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_a_file_is_the_method_that_its_keys_say(write: Callable[[str], Path]) -> None:
    method = read_tableau(write(HEUN2))
    assert method == Tableau(
        "my_heun", 2, c=["0", "1"], a=[[], ["1"]], b=["1/2", "0.5"],
        summary="explicit trapezoidal rule", source="Heun (1900), Z. Math. Phys. 45, 23–38",
    )  # fmt: skip


def in_toml(method: Tableau | RosenbrockTableau) -> str:
    lines = []
    for field in dataclasses.fields(method):
        value = getattr(method, field.name)
        if isinstance(value, (list, tuple)):
            rows = [list(row) if isinstance(row, (list, tuple)) else row for row in value]
            lines.append(f"{field.name} = {rows!r}".replace("'", '"'))
        elif value is not None:
            lines.append(f"{field.name} = {value}" if isinstance(value, int) else f'{field.name} = "{value}"')
    return "\n".join(lines)


@pytest.mark.parametrize("method", [*METHODS, *ESDIRK, *RADAU, *ROSENBROCK], ids=lambda method: method.name)
def test_every_built_in_method_can_be_written_as_a_file(
    method: Tableau | RosenbrockTableau, write: Callable[[str], Path]
) -> None:
    found = read_tableau(write(in_toml(method)))
    assert type(found) is type(method)
    for name, array in vars(method.arrays).items():
        np.testing.assert_array_equal(getattr(found.arrays, name), array)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("order = 2", "order = 2.0", "order is 2.0, a whole number from 1 to 100 was wanted"),
        ("order = 2", "order = true", "order is True, a whole number"),
        ("order = 2", "", 'the key "order" is missing; help: a method needs name, order, c, a, b and summary'),
        ("order = 2", "ordr = 2", "there is no key \"ordr\" in a method of this kind; help: did you mean 'order'?"),
        ('summary = "explicit trapezoidal rule"', "", 'the key "summary" is missing'),
        ('summary = "explicit', 'summary = "explicit\\n', "one line of text was wanted"),
        ('"0.5"', "0.5", 'b[2] is the number 0.5, a text was wanted; help: write "0.5" with its quotes'),
        ('"0.5"', '"1/0"', "b[2] is '1/0', which divides by zero"),
        ('"0.5"', '"half"', "b[2] is 'half', a coefficient was wanted"),
        ('"0.5"', '"1e-9999"', "a coefficient was wanted"),
        ('"0.5"', '"' + "5" * 1000 + '"', "a coefficient was wanted"),
        ('"0.5"', '"1/3"', "the weights do not sum to 1"),
        ('["1"]]', '["1/2"]]', "sums to 0.5"),
        ('[[], ["1"]]', '["1"]', "a[1] is '1', a list of at most 64 coefficients was wanted"),
        ('[[], ["1"]]', '"1"', "a is '1', a list of rows was wanted"),
        ("c = [0, 1]", 'kind = "explict"\nc = [0, 1]', "help: did you mean 'explicit'?"),
        ("c = [0, 1]", 'kind = "dirk"\nc = [0, 1]', "kind is dirk, but the rows of a have 0, 1, 2, … entries"),
        ("c = [0, 1]", 'controller = "predictiv"\nc = [0, 1]', "help: did you mean 'predictive'?"),
        ("c = [0, 1]", "filter = 0.25\nc = [0, 1]", "filter is the number 0.25, a text was wanted"),
        ("c = [0, 1]", 'kind = "rosenbrock"\nc = [0, 1]', 'there is no key "b" in a method of this kind'),
        ("c = [0, 1]", "c = [0, 1", "method.toml:7:1: error[P003]: no TOML"),
        ("order = 2", "order = " + "9" * 5000, "no TOML"),
        ("order = 2", "order = 2\nx = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_every_mistake_is_one_line_with_file_key_and_what_was_meant(
    old: str, new: str, message: str, write: Callable[[str], Path]
) -> None:
    with pytest.raises(PluginFileUnusable) as caught:
        read_tableau(write(HEUN2.replace(old, new)))
    line = str(caught.value)
    assert message in line
    assert "method.toml" in line
    assert len(line.splitlines()) == 1


def test_a_file_that_is_no_text_or_far_too_long_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "method.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PluginFileUnusable, match="not UTF-8"):
        read_tableau(file)
    file.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(PluginFileUnusable, match="larger than 256 KiB"):
        read_tableau(file)


def test_a_file_given_by_name_is_a_solver_for_this_command(write: Callable[[str], Path]) -> None:
    registry = Registry.load(plugin_files=[write(HEUN2)])
    entry = registry.entry("solver", "my_heun")
    assert entry.plugin == "method"
    assert registry.make("solver", "my_heun", {"step": 0.1}).order == 2
    assert {option.name for option in entry.options} == {"step"}


@pytest.mark.parametrize("name", ["kvaerno3", "radau5", "rodas4"])
def test_an_implicit_method_in_a_file_solves_a_stiff_problem(name: str, write: Callable[[str], Path]) -> None:
    (method,) = [method for method in (*ESDIRK, *RADAU, *ROSENBROCK) if method.name == name]
    registry = Registry.load(plugin_files=[write(in_toml(method).replace(f'"{name}"', '"mine"'))])
    solver = registry.make("solver", "mine")
    ts = np.array([[0.0, 1.0]])
    stiff = lambda t, y, row, middle: -1e6 * (y - np.cos(t)[:, None])  # noqa: E731
    found = solver.solve(stiff, np.ones((1, 1)), np.zeros(1), ts, SolveOptions(max_steps=1000))
    assert found.status == ("ok",)
    # y = cos t + 1e-6 sin t + O(1e-12), and the tolerance is 1e-6
    assert found.ys[0, 1, 0] == pytest.approx(np.cos(1.0) + 1e-6 * np.sin(1.0), abs=1e-5)


def test_a_wrong_file_given_by_name_stops_the_command_with_its_own_line(write: Callable[[str], Path]) -> None:
    with pytest.raises(PluginFileUnusable, match=r"^\S*method\.toml: error\[P003\]: .*do not sum to 1$"):
        Registry.load(plugin_files=[write(HEUN2.replace('"0.5"', '"1/3"'))])


# --- shipped -----------------------------------------------------------------------------------------------------


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution whose entry point names a folder of files."""
    folder = tmp_path / "site" / "their_methods"
    folder.mkdir(parents=True)
    info = tmp_path / "site" / "their_methods-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-methods\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[workbench]\ntheirs = their_methods\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield folder
    sys.modules.pop("their_methods", None)


def test_a_distribution_ships_solvers_without_code(shipped: Path) -> None:
    (shipped / "tableau.toml").write_text(HEUN2, encoding="utf-8")
    (shipped / "other.tableau.toml").write_text(HEUN2.replace("my_heun", "other"), encoding="utf-8")
    (shipped / "notes.toml").write_text("this is not read", encoding="utf-8")
    registry = Registry.load()
    theirs = [entry.name for entry in registry.offers("solver") if entry.plugin == "theirs"]
    assert theirs == ["other", "my_heun"]
    (info,) = [info for info in registry.plugins() if info.name == "theirs"]
    assert info.offers == {"solver": ("other", "my_heun")}
    assert info.version == "2.0"
    assert info.error == ""


def test_hooks_and_files_of_one_package_are_offered_together(shipped: Path) -> None:
    (shipped / "other.tableau.toml").write_text(HEUN2, encoding="utf-8")
    (shipped / "__init__.py").write_text(
        "from workbench import Offer, hookimpl\n\n"
        "@hookimpl\ndef offer_solvers():\n    return [Offer('coded', lambda: None, 'by code')]\n"
    )
    theirs = [entry.name for entry in Registry.load().offers("solver") if entry.plugin == "theirs"]
    assert theirs == ["coded", "my_heun"]


def test_a_bad_file_is_reported_and_the_rest_go_on(shipped: Path) -> None:
    (shipped / "bad.tableau.toml").write_text(HEUN2.replace('"0.5"', '"1/3"'), encoding="utf-8")
    (shipped / "good.tableau.toml").write_text(HEUN2, encoding="utf-8")
    registry = Registry.load()
    names = [entry.name for entry in registry.offers("solver")]
    assert "my_heun" in names
    assert "dopri5" in names
    (failure,) = [line for line in registry.failures() if line.startswith("theirs (their-methods): ")]
    assert "bad.tableau.toml: error[P003]: tableau my_heun: the weights do not sum to 1" in failure


def test_a_name_taken_by_another_solver_is_a_clash(shipped: Path) -> None:
    (shipped / "tableau.toml").write_text(HEUN2.replace("my_heun", "dopri5"), encoding="utf-8")
    (clash,) = Registry.load().clashes("solver")
    assert "their-methods (plugin theirs)" in str(clash)
