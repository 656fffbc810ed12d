"""Every offer there is keeps the contract of its kind: a new plugin is tested without a new line here."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from workbench import contracts, testing
from workbench.dataset import Dataset
from workbench.errors.usage import UsageError
from workbench.problem import Problem
from workbench.registry import Listed, Registry, installed
from workbench.registry.values import from_text, toml
from workbench.testing.contract import Contract

KINDS = {
    "solver": contracts.Solver,
    "dynamics": contracts.Dynamics,
    "loss": contracts.Loss,
    "optimizer": contracts.Optimizer,
    "strategy": contracts.Strategy,
    "reader": contracts.Reader,
    "reporter": contracts.Reporter,
    "experiment": contracts.Experiment,
}
OFFERS = [entry for kind in KINDS for entry in installed().offers(kind)]


def named(entry: Listed) -> str:
    return f"{entry.kind}-{entry.name}"


@pytest.fixture
def problem() -> Problem:
    """Two channels, two trajectories of 8 and 6 observations, something missing."""
    rng = np.random.default_rng(0)
    t = np.concatenate([np.arange(8.0), np.arange(6.0)])
    values = 2.0 + rng.random((14, 2))
    values[3, 1] = np.nan
    data = Dataset(t, values, np.array([8, 6]), ("a", "b"), ("0", "1"))
    return Problem("small").with_data(data, "none")


@pytest.mark.parametrize("entry", OFFERS, ids=named)
def test_an_offer_makes_with_its_defaults_what_its_kind_says(entry: Listed) -> None:
    made = installed().make(entry.kind, entry.name)
    assert isinstance(made, KINDS[entry.kind])


@pytest.mark.parametrize("entry", OFFERS, ids=named)
def test_every_default_can_be_typed_and_means_itself(entry: Listed) -> None:
    for option in entry.options:
        assert from_text(toml(option.default), option.type) == option.default


@pytest.mark.parametrize("entry", OFFERS, ids=named)
def test_a_summary_is_one_line_and_an_option_a_lower_case_name(entry: Listed) -> None:
    assert entry.offer.summary == entry.offer.summary.strip()
    assert "\n" not in entry.offer.summary
    assert len(entry.offer.summary) <= 100
    assert all(option.name == option.name.lower() and not option.name.startswith("_") for option in entry.options)


@pytest.mark.parametrize("entry", [e for e in OFFERS if e.kind in ("solver", "loss", "optimizer")], ids=named)
def test_a_built_in_method_has_a_published_source(entry: Listed) -> None:
    """An author and a year, or the documentation of the library that does the work."""
    assert entry.offer.source


@pytest.mark.parametrize("entry", [e for e in OFFERS if e.kind == "loss"], ids=named)
@pytest.mark.parametrize("noise", ["gaussian", "lognormal", "poisson"])
def test_the_formulas_of_a_loss_can_be_read(entry: Listed, noise: str) -> None:
    from workbench.formula import parse

    try:
        loss = installed().make("loss", entry.name).pointwise(noise)
    except UsageError as refused:  # as in the kit: a loss may know some kinds of noise only
        pytest.skip(str(refused))
    for text in filter(None, (loss.residual, loss.nll, loss.support, loss.derivative)):
        parse(text, ["y", "mu", "sigma"])


BLACK_BOXES = [e for e in OFFERS if e.kind == "dynamics" and e.name != "equations"]


@pytest.mark.parametrize("entry", BLACK_BOXES, ids=named)
def test_the_same_generator_builds_the_same_field_and_another_another(entry: Listed, problem: Problem) -> None:
    def start(seed: int) -> np.ndarray:
        field = installed().make("dynamics", entry.name).build(problem, np.random.default_rng(seed))
        assert isinstance(field, contracts.Field)
        return np.concatenate([np.asarray(block.value, float).ravel() for block in field.blocks()])

    np.testing.assert_array_equal(start(1), start(1))
    graph = installed().make("dynamics", entry.name).build(problem, np.random.default_rng(1)).graph()
    if graph is None or graph.networks:  # what is only formulas draws nothing
        assert not np.array_equal(start(1), start(2))


@pytest.mark.parametrize("entry", BLACK_BOXES, ids=named)
def test_a_field_has_a_graph_or_a_module(entry: Listed, problem: Problem) -> None:
    field = installed().make("dynamics", entry.name).build(problem, np.random.default_rng(0))
    assert field.graph() is not None or field.module() is not None
    assert len(field.states) >= 2


# --- the stranger's ----------------------------------------------------------------------------------------------


@pytest.fixture
def strangers(outsider: Path) -> Registry:
    return Registry.load()


def test_a_strangers_offers_keep_the_same_contracts(strangers: Registry) -> None:
    theirs = [e for kind in KINDS for e in strangers.offers(kind) if e.distribution == "workbench-outsider"]
    assert {entry.kind for entry in theirs} == {"solver", "dynamics", "loss", "reader", "reporter"}
    for entry in theirs:
        assert isinstance(strangers.make(entry.kind, entry.name), KINDS[entry.kind])


@pytest.mark.usefixtures("outsider")
def test_a_strangers_solver_dynamics_loss_and_problem_do_the_main_job() -> None:
    """Affine dynamics found back from a simulated cooling curve: dT/dt = 1 − 0.05 T."""
    import workbench as wb

    data = wb.simulate("outsider_cooling").dataset()
    fitted = wb.fit(data, dynamics="affine", loss="pseudo_huber", split="none", settings={"dynamics.start": "zero"})
    assert fitted.parameters["a11"]["value"] == pytest.approx(-0.05, rel=1e-4)
    assert fitted.parameters["b1"]["value"] == pytest.approx(1.0, rel=1e-4)
    assert fitted.run.provenance["plugins"]["dynamics"]["distribution"] == "workbench-outsider"


@pytest.mark.usefixtures("outsider")
@pytest.mark.parametrize(
    ("solver", "settings", "tolerance"),
    [
        ("leapfrog_midpoint", {"solver.rtol": 1e-8}, 1e-5),
        ("ssprk3", {"solver.rtol": 1e-8}, 1e-5),
        ("taylor1", {"solver.step": 0.001}, 0.05),  # error of Euler's method below T0·k²·t·h/2·e^(−kt) < 0.01
    ],
)
def test_a_strangers_solvers_solve(solver: str, settings: dict[str, float], tolerance: float) -> None:
    import workbench as wb

    solved = wb.simulate("outsider_cooling", solver=solver, settings=settings)
    exact = 20.0 + 70.0 * np.exp(-0.05 * solved.ts[0])
    np.testing.assert_allclose(solved.ys[0, :, 0], exact, atol=tolerance)


# --- the kit -----------------------------------------------------------------------------------------------------


def contracts_of_the_kit() -> list[type[Contract]]:
    """Every contract in `workbench.testing`, found and not listed: the classes that no other of the kit builds on."""
    for module in pkgutil.iter_modules(testing.__path__):
        importlib.import_module(f"{testing.__name__}.{module.name}")
    return sorted((kind for kind in below(Contract) if not below(kind)), key=named_kind)


def below(contract: type[Contract]) -> set[type[Contract]]:
    """All that the kit itself derives from a contract."""
    own = {kind for kind in contract.__subclasses__() if kind.__module__.startswith(f"{testing.__name__}.")}
    return own.union(*map(below, own))


def named_kind(contract: type[Contract]) -> str:
    return contract.kind


def held_to(contract: type[Contract], offer: str = "") -> type[Contract]:
    """The tests of a contract, for every installed offer or for one of the stranger's."""
    members = {"offer": offer, "pytestmark": [pytest.mark.usefixtures("outsider")] if offer else []}
    return type(f"Test{contract.__name__}{offer.title()}", (contract,), members)


STRANGERS = {
    "solver": ("leapfrog_midpoint", "taylor1", "ssprk3"),
    "dynamics": ("affine",),
    "loss": ("pseudo_huber",),
    "reader": ("jsonl",),
    "reporter": ("one_line",),
}

for _contract in contracts_of_the_kit():
    for _offer in STRANGERS.get(_contract.kind, ()):
        _held = held_to(_contract, _offer)
        globals()[_held.__name__] = _held


def test_the_stranger_is_held_to_every_contract_of_the_kinds_that_it_offers(strangers: Registry) -> None:
    theirs = {
        kind: tuple(e.name for e in strangers.offers(kind) if e.distribution == "workbench-outsider") for kind in KINDS
    }
    assert {kind: names for kind, names in theirs.items() if names} == STRANGERS
