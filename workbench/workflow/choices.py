"""Which plugins a fit uses, by name and by rule, and how they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors.plugins import ContractBroken
from ..errors.store import LayoutWrong
from ..errors.usage import UsageError
from ..registry import by_kind, installed

if TYPE_CHECKING:
    from ..contracts import Field
    from ..problem import Problem

MEMBERS = {
    "dynamics": ("build",),
    "solver": ("order", "adaptive", "differentiable", "solve"),
    "loss": ("name", "pointwise"),
    "optimizer": ("least_squares", "opaque", "start", "advance"),
    "strategy": ("start", "advance"),
}
"""Kind → what its contract (workbench.contracts) asks of an object."""

NAMES = (*MEMBERS, "gradient", "engine")
"""What is chosen by name."""
CHOSEN = (*NAMES, "seed", "starts", "device")
"""What the document `choices` says."""

NOT_OURS = "the run's configuration does not say how it was fitted"

DENSE = 2000
"""Unknowns up to which least squares with a dense Jacobian is the rule; beyond it L-BFGS."""


@dataclass(frozen=True)
class Choices:
    """Names of plugins and their settings; what was left open has been decided by rule and stands here all the same."""

    dynamics: str
    solver: str
    loss: str
    optimizer: str
    strategy: str
    gradient: str
    engine: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()  # files given by --plugin
    starts: int = 1
    device: str = "cpu"  # where a network is called, as torch names it

    @classmethod
    def stored(cls, config: Mapping[str, Any], plugins: Iterable[str | Path] = ()) -> Choices:
        """The choices in a run's configuration; raises LayoutWrong where it is none of ours."""
        chosen, settings = config.get("choices"), config.get("settings")
        if not isinstance(chosen, dict) or not isinstance(settings, dict):
            raise LayoutWrong(NOT_OURS, help="fit again")
        if type(chosen.get("seed")) is not int or not all(isinstance(chosen.get(name), str) for name in NAMES):
            raise LayoutWrong(NOT_OURS, help="fit again")
        starts = chosen.get("starts", 1)
        device = chosen.get("device", "cpu")
        if type(starts) is not int or starts < 1 or not isinstance(device, str):
            raise LayoutWrong(NOT_OURS, help="fit again")
        files = tuple(str(file) for file in plugins)
        texts = {name: chosen[name] for name in NAMES}
        return cls(**texts, seed=chosen["seed"], settings=settings, plugins=files, starts=starts, device=device)

    def make(self, kind: str) -> Any:
        """The plugin object of a kind, with its settings; raises ContractBroken where it lacks what it must have."""
        name = getattr(self, kind)
        made = installed(self.plugins).make(kind, name, by_kind(self.settings)[kind])
        missing = [member for member in MEMBERS[kind] if not hasattr(made, member)]
        if missing:
            raise ContractBroken(
                f"{kind} {name!r} made a {type(made).__name__} without {', '.join(missing)}",
                help=f"see workbench.contracts for what a {kind} must have",
            )
        return made

    def document(self) -> dict[str, Any]:
        """The `choices` of `fit --json`."""
        return {name: getattr(self, name) for name in CHOSEN}

    def distributions(self) -> dict[str, dict[str, Any]]:
        """Kind → name, distribution, version and every option, for the run's provenance."""
        registry, found = installed(self.plugins), {}
        for kind in MEMBERS:
            listed = registry.entry(kind, getattr(self, kind))
            arguments = registry.arguments(kind, listed.name, by_kind(self.settings)[kind])
            found[kind] = {
                "name": listed.name,
                "plugin": listed.plugin,
                "distribution": listed.distribution,
                "version": listed.version,
                "options": {name: list(v) if isinstance(v, tuple) else v for name, v in arguments.items()},
            }
        return found


def choose(
    problem: Problem,
    *,
    dynamics: str | None,
    solver: str | None,
    loss: str | None,
    optimizer: str | None,
    strategy: str | None,
    gradient: str,
    engine: str,
    seed: int,
    settings: Mapping[str, Any],
    plugins: Iterable[str | Path] = (),
    starts: int = 1,
    device: str = "cpu",
) -> Choices:
    """Defaults for what was left open, from the problem alone; the optimizer is decided once the unknowns are known.

    Raises UnknownName, and UnknownSetting for a setting that its plugin does not have.
    """
    files = tuple(str(file) for file in plugins)
    if starts < 1:
        raise UsageError(f"a fit from {starts} starts was asked for", help="--starts 10")
    dynamics = dynamics or ("equations" if problem.system is not None else "mlp")
    weighed = dynamics == "equations" and bool(priors_of(problem))
    choices = Choices(
        dynamics=dynamics,
        solver=solver or "tsit5",
        loss=loss or ("likelihood" if any(problem.noise.values()) or weighed else "mse"),
        optimizer=optimizer or "",
        strategy=strategy or "ladder",
        gradient=gradient,
        engine=engine,
        seed=seed,
        settings=dict(settings),
        plugins=files,
        starts=starts,
        device=device,
    )
    for kind in ("dynamics", "solver", "loss", "strategy", *(["optimizer"] if optimizer else [])):
        installed(files).arguments(kind, getattr(choices, kind), by_kind(settings)[kind])
    return choices


def priors_of(problem: Problem) -> list[str]:
    """The names of parameters and initial values that have a prior."""
    system = problem.system
    if system is None:
        return []
    parameters = [each.name for each in system.parameters if each.prior]
    return parameters + [f"{each.name}(0)" for each in system.states if each.prior]


def limits_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The iterations and seconds that a run was started with; raises LayoutWrong where there are none."""
    limits = config.get("limits")
    if not isinstance(limits, dict) or not {"iterations", "max_time"} <= limits.keys():
        raise LayoutWrong("the run's configuration does not say how long it may go on", help="give --iterations")
    return limits


def optimizer_for(field: Field, n_unknowns: int, gradient: str = "discrete") -> str:
    """The rule on shapes: SciPy's least squares for formulas, Levenberg–Marquardt for networks up to 2000 unknowns.

    Beyond, and where there are no Jacobians to work with (`adjoint`), L-BFGS.
    """
    if n_unknowns > DENSE or gradient == "adjoint":
        return "lbfgs"
    graph = field.graph()
    return "least-squares" if graph is not None and not graph.networks else "levenberg-marquardt"
