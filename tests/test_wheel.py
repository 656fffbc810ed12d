"""What is shipped: the wheel holds everything and nothing else, and says the same when it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FAMILIES = {folder.name for shelf in ("plugins", "problems") for folder in (ROOT / shelf).iterdir() if folder.is_dir()}

LISTING = """
import sys
sys.path[:] = [{site!r}] + [entry for entry in sys.path if not entry.startswith({root!r})]
import workbench.cli
assert workbench.__file__.startswith({site!r}), workbench.__file__
workbench.cli.main([{command!r}, "--json"])
"""


def built(folder: Path, target: str, where: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=where, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl" if target == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"), "wheel", ROOT)


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sources(folder: Path) -> set[str]:
    return {
        str(file.relative_to(folder.parent))
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_every_folder_on_a_shelf_is_packed_and_has_its_entry_point() -> None:
    packed = {Path(path).name for path in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    points = PROJECT["project"]["entry-points"]["workbench"]
    assert packed == FAMILIES | {"workbench"}
    assert points == {family: family for family in FAMILIES}
    assert set(PROJECT["tool"]["mypy"]["packages"]) == packed


def test_the_installed_entry_points_are_those_of_the_project() -> None:
    """Entry points are frozen when a distribution is installed: after a change, install again."""
    ours = {
        point.name
        for point in entry_points(group="workbench")
        if point.dist and point.dist.name == PROJECT["project"]["name"]
    }
    assert ours == FAMILIES, "install again: python -m pip install -c constraints.txt -e ."


def test_the_wheel_brings_no_other_top_level_name(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in names(wheel)}
    info = {top for top in tops if top.endswith(".dist-info")}
    assert tops - info == FAMILIES | {"workbench"}


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    wanted = sources(ROOT / "workbench")
    for shelf in ("plugins", "problems"):
        for family in (ROOT / shelf).iterdir():
            if family.is_dir():
                wanted |= sources(family)
    packed = {name for name in names(wheel) if ".dist-info/" not in name}
    assert packed == wanted


def test_every_package_of_the_wheel_is_typed(wheel: Path) -> None:
    assert {f"{package}/py.typed" for package in FAMILIES | {"workbench"}} <= names(wheel)


@pytest.mark.parametrize("command", ["problems", "solvers", "dynamics", "losses", "plugins"])
def test_the_installed_wheel_lists_what_the_checkout_lists(site: Path, command: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def listed(words: list[str]) -> object:
        answer = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        items = json.loads(answer.stdout)[command]
        return [{key: value for key, value in item.items() if key != "ms"} for item in items]

    code = LISTING.format(site=str(site), root=str(ROOT), command=command)
    assert listed([sys.executable, "-c", code]) == listed([sys.executable, "-m", "workbench", command, "--json"])


def test_the_sdist_can_be_built_and_its_wheel_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = built(tmp_path / "sdist", "sdist", ROOT)
    with tarfile.open(sdist) as archive:
        careful = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4 brought it
        archive.extractall(tmp_path, **careful)  # type: ignore[arg-type]  # a keyword that is there
    again = built(tmp_path / "wheel", "wheel", tmp_path / sdist.name.removesuffix(".tar.gz"))
    assert names(again) == names(wheel)


def test_the_sdist_holds_tests_constraints_and_licence(tmp_path: Path) -> None:
    sdist = built(tmp_path, "sdist", ROOT)
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "constraints.txt", "pyproject.toml", "tests/test_wheel.py", "CHANGELOG.md"} <= held


def test_requirements_are_written_in_the_form_that_doctor_reads() -> None:
    import re

    for requirement in PROJECT["project"]["dependencies"]:
        assert re.fullmatch(r"[a-z0-9-]+((>=|!=)[0-9.]+)(,(>=|!=)[0-9.]+)*", requirement)


def test_every_requirement_for_use_and_tests_is_pinned_in_the_constraints() -> None:
    import re

    pinned = {
        line.partition("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()
    }
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["test"]]
    assert {re.split("[>=!<]", name)[0].lower() for name in wanted} <= pinned


def test_the_versions_of_project_citation_and_changelog_agree() -> None:
    version = PROJECT["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
