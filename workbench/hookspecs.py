"""Every way to extend the workbench. A hook takes nothing, returns a list of offers and does nothing else."""

from __future__ import annotations

from importlib.resources.abc import Traversable

import pluggy

from .offers import Offer

hookspec = pluggy.HookspecMarker("workbench")
hookimpl = pluggy.HookimplMarker("workbench")


@hookspec
def offer_solvers() -> list[Offer]:  # type: ignore[empty-body]  # a hook's specification has no body
    """Ways to turn dy/dt = f(t, y) into a trajectory (workbench.contracts.Solver)."""


@hookspec
def offer_dynamics() -> list[Offer]:  # type: ignore[empty-body]
    """Families of right-hand sides f(t, y, u; p) (workbench.contracts.Dynamics)."""


@hookspec
def offer_losses() -> list[Offer]:  # type: ignore[empty-body]
    """Scores of a fit against data (workbench.contracts.Loss)."""


@hookspec
def offer_optimizers() -> list[Offer]:  # type: ignore[empty-body]
    """Ways to lower an objective (workbench.contracts.Optimizer); provisional."""


@hookspec
def offer_strategies() -> list[Offer]:  # type: ignore[empty-body]
    """Orders in which a fit is attempted (workbench.contracts.Strategy); provisional."""


@hookspec
def offer_readers() -> list[Offer]:  # type: ignore[empty-body]
    """File formats that become observations (workbench.contracts.Reader); provisional."""


@hookspec
def offer_reporters() -> list[Offer]:  # type: ignore[empty-body]
    """Views of finished runs (workbench.contracts.Reporter); provisional."""


@hookspec
def offer_experiments() -> list[Offer]:  # type: ignore[empty-body]
    """Published experiments that `reproduce` arranges (workbench.contracts.Experiment); provisional."""


@hookspec
def offer_problems() -> list[Traversable]:  # type: ignore[empty-body]
    """Problem files (TOML), each a System and possibly its data; the name is the file's stem."""
