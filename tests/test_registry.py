"""The registry: strangers' plugins are found, checked, and explained where they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from workbench import Offer
from workbench.errors import WorkbenchError
from workbench.errors.plugins import NameClash, NothingInstalled, NotMade, OfferWrong, PluginFileUnusable
from workbench.errors.usage import SettingMalformed, SettingOfWrongType, UnknownName, UnknownSetting
from workbench.registry import HOOKS, Registry, by_kind, installed, parse_settings
from workbench.registry.options import fill, options_of

Install = Callable[..., None]

SOLVER = """
from workbench import Offer, hookimpl

@hookimpl
def offer_solvers():
    return [Offer({name!r}, lambda: "made", "a solver")]
"""


def info(registry: Registry, name: str) -> Any:
    return next(info for info in registry.plugins() if info.name == name)


# --- finding -----------------------------------------------------------------------------------------------------


def test_a_strangers_distribution_is_found_with_all_that_it_offers(outsider: Path) -> None:
    found = info(Registry.load(), "outsider")
    assert (found.distribution, found.version, found.error) == ("workbench-outsider", "0.1", "")
    assert found.offers["solver"] == ("leapfrog_midpoint", "taylor1")
    assert found.offers["dynamics"] == ("affine",)
    assert found.offers["problem"] == ("outsider_cooling",)


def test_a_strangers_offer_stands_beside_the_built_in_ones(outsider: Path) -> None:
    registry = Registry.load()
    owners = {listed.name: listed.distribution for listed in registry.offers("loss")}
    assert owners["pseudo_huber"] == "workbench-outsider"
    assert owners["mse"] == "dynamics-workbench"


def test_a_plugin_that_cannot_be_imported_is_reported_and_the_rest_go_on(
    outsider: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(outsider / "broken"))
    registry = Registry.load()
    broken = info(registry, "broken")
    assert (broken.distribution, broken.version) == ("workbench-broken", "0.3")
    assert "ModuleNotFoundError: No module named 'a_library_that_nobody_has'" in broken.error
    assert registry.find("solver", "taylor1").summary
    with pytest.raises(UnknownName, match=r"never.*broken \(workbench-broken\): ModuleNotFoundError"):
        registry.find("solver", "never")


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "1/0", "def broken(:"])
def test_whatever_a_module_does_when_imported_the_rest_go_on(install: Install, statement: str) -> None:
    install("bad-day", statement)
    registry = Registry.load()
    assert info(registry, "bad_day").error
    assert registry.find("loss", "mse")


def test_a_hook_that_fails_is_the_fault_of_its_plugin_alone(install: Install) -> None:
    install("bad-hook", "from workbench import hookimpl\n@hookimpl\ndef offer_losses():\n    return 1/0\n")
    registry = Registry.load()
    assert "offer_losses: ZeroDivisionError" in info(registry, "bad_hook").error
    assert registry.find("loss", "mse")


def test_a_misspelt_hook_is_an_error_that_names_the_nearest(install: Install) -> None:
    install("typo", "from workbench import hookimpl\n@hookimpl\ndef offer_solver():\n    return []\n")
    error = info(Registry.load(), "typo").error
    assert 'there is no hook "offer_solver"' in error
    assert "did you mean 'offer_solvers'?" in error


def test_a_hook_without_its_mark_is_an_error(install: Install) -> None:
    install("unmarked", "def offer_solvers():\n    return []\n")
    assert "put @hookimpl above it" in info(Registry.load(), "unmarked").error


def test_a_hook_that_takes_an_argument_is_an_error(install: Install) -> None:
    install("eager", "from workbench import hookimpl\n@hookimpl\ndef offer_solvers(problem):\n    return []\n")
    assert "problem" in info(Registry.load(), "eager").error


def test_a_name_offered_twice_is_an_error_that_names_both_distributions(install: Install) -> None:
    install("fancy-ode", SOLVER.format(name="twin"), version="2.0")
    install("plain-ode", SOLVER.format(name="twin"))
    registry = Registry.load()
    with pytest.raises(
        NameClash, match=r"fancy-ode \(plugin fancy_ode\) and by plain-ode \(plugin plain_ode\)"
    ) as clash:
        registry.find("solver", "twin")
    assert "WORKBENCH_DISABLE_PLUGINS" in clash.value.help
    assert Registry.load(disable=["fancy_ode"]).find("solver", "twin")


def test_two_plugins_of_one_name_do_not_hide_each_other(install: Install) -> None:
    install("first-ode", SOLVER.format(name="one"), point="ode")
    install("second-ode", SOLVER.format(name="two"), point="ode")
    registry = Registry.load()
    assert registry.find("solver", "one")
    errors = [found.error for found in registry.plugins() if found.name == "ode"]
    assert errors == ["", 'the plugin name "ode" is taken by first-ode already']


def test_disabled_plugins_are_shown_as_such_and_offer_nothing(outsider: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "outsider, nobody")
    registry = Registry.load()
    assert info(registry, "outsider").disabled
    with pytest.raises(UnknownName):
        registry.find("solver", "taylor1")
    assert registry.notes == ('WORKBENCH_DISABLE_PLUGINS names "nobody", which is not installed',)


def test_a_distribution_can_be_disabled_as_a_whole(outsider: Path) -> None:
    assert info(Registry.load(disable=["workbench-outsider"]), "outsider").disabled


def test_the_registry_of_a_process_is_loaded_once_and_again_when_the_search_path_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = installed()
    assert installed() is before
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "outsider"))
    assert installed() is not before
    sys.modules.pop("workbench_outsider", None)


def test_without_any_plugin_the_error_says_how_to_install() -> None:
    with pytest.raises(NothingInstalled, match="pip install"):
        Registry([]).find("solver", "tsit5")


# --- files -------------------------------------------------------------------------------------------------------


def test_a_file_is_a_plugin_when_it_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOLVER.format(name="mine"))
    registry = Registry.load(plugin_files=[file])
    assert registry.make("solver", "mine") == "made"
    assert registry.entry("solver", "mine").distribution == str(file)


@pytest.mark.parametrize("text", ["import nothing_of_this_name", "def offer_solvers(): return []"])
def test_a_file_that_does_not_load_is_an_error_at_once_for_it_was_asked_for(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(PluginFileUnusable, match=r"mine\.py cannot be loaded"):
        Registry.load(plugin_files=[file])


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginFileUnusable, match="is no Python file"):
        Registry.load(plugin_files=[tmp_path / "none.py"])


@pytest.mark.parametrize("start", [["-m", "workbench"], ["-c", "import workbench.__main__ as m; m.main()"]])
@pytest.mark.parametrize("python_path", [None, "", ".", "{here}"])
def test_nothing_is_loaded_from_the_working_directory(
    tmp_path: Path, start: list[str], python_path: str | None
) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('loaded')\n")
    (tmp_path / "pluggy.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "evil-1.0.dist-info").mkdir()
    (tmp_path / "evil-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (tmp_path / "evil-1.0.dist-info" / "entry_points.txt").write_text("[workbench]\nevil = evil\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if python_path is not None:
        environment["PYTHONPATH"] = python_path.format(here=tmp_path)
    command = [sys.executable, *start, "plugins", "--json"]
    if start[0] == "-c":  # no argv of its own
        command = [sys.executable, "-c", f"import sys; sys.argv = ['workbench', 'plugins', '--json']; {start[1]}"]
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "evil" not in answer.stdout + answer.stderr
    assert "workbench_losses" in answer.stdout


# --- offers ------------------------------------------------------------------------------------------------------


def no_type(rtol=1e-6):  # type: ignore[no-untyped-def]
    return rtol


def no_default(rtol: float) -> float:
    return rtol


def catch_all(**options: float) -> float:
    return 0.0


def any_number(*values: float) -> float:
    return 0.0


def wrong_default(rtol: float = "small") -> float:  # type: ignore[assignment]
    return rtol


def odd_type(grid: dict[str, float] = {}) -> float:  # noqa: B006
    return 0.0


@pytest.mark.parametrize("make", [no_type, no_default, catch_all, any_number, wrong_default, odd_type])
def test_a_factory_that_no_command_line_can_type_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(OfferWrong):
        options_of(make)


def test_a_wrong_offer_is_reported_and_its_neighbours_stay(install: Install) -> None:
    install(
        "half-good",
        "from workbench import Offer, hookimpl\n@hookimpl\ndef offer_solvers():\n"
        "    return [Offer('good', lambda: 1, 'fine'), Offer('bad', lambda x: 1, 'no type'),\n"
        "            'text', Offer('-x', int, 's')]\n",
    )
    registry = Registry.load()
    found = info(registry, "half_good")
    assert found.offers["solver"] == ("good",)
    assert 'solver "bad": error[P005]: option x has no type' in found.error
    assert "this is 'text'" in found.error
    assert "a name holds letters" in found.error


def typed(
    rtol: float = 1e-6,
    steps: int = 10,
    dense: bool = False,
    kind: Literal["pi", "pid"] = "pi",
    hidden: tuple[int, ...] = (16, 16),
    span: tuple[float, float] = (0.0, 1.0),
    label: str = "x",
) -> dict[str, Any]:
    return dict(locals())


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("rtol", "1e-8", 1e-8),
        ("rtol", "1", 1.0),
        ("rtol", ".5", 0.5),
        ("rtol", "inf", float("inf")),
        ("steps", "12", 12),
        ("dense", "true", True),
        ("kind", "pid", "pid"),
        ("kind", '"pid"', "pid"),
        ("hidden", "[32, 32]", (32, 32)),
        ("hidden", "32,32", (32, 32)),
        ("hidden", "64", (64,)),
        ("hidden", "[]", ()),
        ("span", "[0, 5]", (0.0, 5.0)),
        ("label", "1900-01-01", "1900-01-01"),
        ("label", "a b", "a b"),
        ("label", "'1'", "1"),
    ],
)
def test_values_are_toml_and_a_bare_word_is_a_string(option: str, text: str, value: Any) -> None:
    filled = fill(options_of(typed), {option: text}, "solver", "solver")[option]
    assert filled == value
    assert type(filled) is type(value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("rtol", "small"),
        ("rtol", "true"),
        ("rtol", "nan"),
        ("rtol", '"1"'),
        ("rtol", "1\nsteps = 2"),
        ("steps", "1.5"),
        ("steps", "1e3"),
        ("steps", "true"),
        ("steps", True),
        ("dense", "yes"),
        ("dense", 1),
        ("kind", "pidd"),
        ("hidden", "[1.5]"),
        ("hidden", "wide"),
        ("hidden", 16),
        ("span", "[1, 2, 3]"),
        ("label", 3),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_is_wanted(option: str, value: Any) -> None:
    with pytest.raises(SettingOfWrongType, match=rf"solver\.{option} is .*it takes"):
        fill(options_of(typed), {option: value}, "solver", "solver")


def test_a_misspelt_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownSetting, match=r'no option "rtoll"; help: did you mean \'rtol\'\?'):
        fill(options_of(typed), {"rtoll": "1"}, 'solver "tsit5"', "solver")


def test_a_misspelt_choice_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingOfWrongType, match=r"did you mean \'pid\'\?"):
        fill(options_of(typed), {"kind": "pidd"}, "solver", "solver")


def test_a_misspelt_kind_of_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownSetting, match=r"did you mean \'solver\'\?"):
        by_kind({"solvr.rtol": "1"})


@pytest.mark.parametrize("text", ["solver.rtol", "rtol=1", "=1"])
def test_a_setting_without_kind_or_value_is_refused(text: str) -> None:
    with pytest.raises(SettingMalformed):
        parse_settings([text])


def test_a_misspelt_name_is_refused_with_the_nearest_and_how_to_list() -> None:
    with pytest.raises(
        UnknownName, match=r'no loss is named "huberr"; help: did you mean \'huber\'\?; list them: workbench losses'
    ):
        installed().find("loss", "huberr")


def test_a_misspelt_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"did you mean \'solver\'\?"):
        installed().offers("solvers")


def test_a_factory_that_fails_is_named_with_its_distribution(install: Install) -> None:
    install(
        "fragile",
        "from workbench import Offer, hookimpl\ndef make(n: int = 1):\n    import a_library_that_nobody_has\n"
        "@hookimpl\ndef offer_solvers():\n    return [Offer('fragile', make, 'needs what is not there')]\n",
    )
    with pytest.raises(NotMade, match=r'solver "fragile" of fragile could not be made: ModuleNotFoundError'):
        Registry.load().make("solver", "fragile")


def test_every_built_in_plugin_loads_and_all_that_it_offers_is_sound() -> None:
    registry = Registry.load()
    registry.plugins()
    assert registry.failures() == []
    assert [clash for kind in HOOKS for clash in registry.clashes(kind)] == []


def test_every_error_code_belongs_to_one_error() -> None:
    codes: dict[str, list[str]] = {}
    waiting: list[type[WorkbenchError]] = [WorkbenchError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if "code" in vars(error):
            codes.setdefault(error.code, []).append(error.__name__)
    assert {code: names for code, names in codes.items() if len(names) > 1} == {}


def test_an_offer_of_a_tableau_is_the_method_with_its_own_source() -> None:
    from workbench import Tableau

    ralston = Tableau(
        name="mine", order=2, c=["0", "2/3"], a=[[], ["2/3"]], b=["1/4", "3/4"],
        summary="two stages", source="Ralston (1962)",
    )  # fmt: skip
    offer = Offer.of_tableau(ralston)
    assert (offer.name, offer.summary, offer.source) == ("mine", "two stages", "Ralston (1962)")
    assert offer.make().order == 2
