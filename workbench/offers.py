"""An Offer: how a plugin enters the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import RosenbrockTableau, Splitting, Tableau


@dataclass(frozen=True)
class Offer:
    """A plugin's entry: what users type, how it is made, one line about it and where it is published.

    `make` takes named, typed, defaulted options (bool, int, float, str, Literal, tuples of them), no **kwargs, and
    returns the plugin object. The command line, its help, the docs and the provenance in run files come from its
    signature. Heavy imports belong in the body of `make`.
    """

    name: str
    make: Callable[..., Any]
    summary: str
    source: str = ""

    @classmethod
    def of_tableau(cls, tableau: Tableau | RosenbrockTableau | Splitting) -> Offer:
        """The solver that a method's coefficients describe, with the options that every such solver has.

        An adaptive method has tolerances, a method without an error estimate has a step. Making the offer computes
        nothing, so that listing solvers stays light.
        """
        from .engine import solver_factory  # the engine is on this floor; only plugins that bring a tableau come here

        return cls(tableau.name, solver_factory(tableau), tableau.summary, tableau.source)

    @classmethod
    def of_tableau_file(cls, file: Traversable) -> Offer:
        """The solver in a file of a method's coefficients; raises PluginFileUnusable where they are no method."""
        from .engine.tableau_file import read_tableau

        return cls.of_tableau(read_tableau(file))
