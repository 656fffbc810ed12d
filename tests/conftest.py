"""What every test may use: the long forms, and plugins of strangers on the search path."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and torch read it: workers of pytest-xdist share the cores

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OUTSIDER = Path(__file__).parent / "outsider"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` runs the long forms of the reliability tests as well."""
    parser.addoption("--long", action="store_true", help="run the long forms too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long forms are skipped, and say so, unless they are asked for."""
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long form; run it with --long or `nox -s faults`"))


@pytest.fixture(autouse=True)
def _nobodys_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> None:
    """Neither variables nor files of whoever runs the tests decide what a command does.

    Libraries are kept from run to run, as users keep theirs: a third of a first run is the C compiler's. `pytest
    --cache-clear` forgets them.
    """
    for name in [name for name in os.environ if name.startswith("WORKBENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-configuration"))
    cache: pytest.Cache | None = getattr(pytestconfig, "cache", None)  # None with -p no:cacheprovider
    folder = tmp_path_factory.getbasetemp() / "cache" if cache is None else cache.mkdir("libraries")
    monkeypatch.setenv("WORKBENCH_CACHE", str(folder))


@pytest.fixture
def outsider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A third party's distribution as if it were installed: its folder stands on the search path."""
    monkeypatch.syspath_prepend(str(OUTSIDER))
    yield OUTSIDER
    for name in ("workbench_outsider", "workbench_outsider_methods"):
        sys.modules.pop(name, None)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """`install("name", source)` puts a distribution with one plugin module on the search path."""
    modules: list[str] = []

    def put(name: str, source: str, version: str = "1.0", point: str = "") -> None:
        module = name.replace("-", "_")
        folder = tmp_path / "site" / name
        (folder / f"{module}-{version}.dist-info").mkdir(parents=True)
        info = folder / f"{module}-{version}.dist-info"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[workbench]\n{point or module} = {module}\n")
        (folder / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(folder))
        modules.append(module)

    yield put
    for module in modules:
        sys.modules.pop(module, None)
