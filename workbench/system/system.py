"""The System: a ground truth, or a model with unknown parameters, as equations to be read, printed and lowered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.errors import Where
from workbench.errors.problems import NotRunnableYet

from .parts import Clock, Covariate, EndValue, Event, Expression, Input, Network, Observed, Parameter, State

if TYPE_CHECKING:
    import sympy

    from workbench.graph import Graph

RUNNABLE_NOISE = ("", "gaussian", "lognormal", "poisson")


@dataclass(frozen=True)
class System:
    """Equations dy/dt = f(t, y, u, c; p) with how they start, how they are observed and where they come from.

    Without `observed`, every state is observed by its own name.

    >>> s = System("decay", states=(State("x", "-k*x", 1.0),), parameters=(Parameter("k", 0.5),))
    >>> s.equations({"k": 0.5})
    ('d x/dt = -0.5*x',)
    """

    name: str
    states: tuple[State, ...]
    parameters: tuple[Parameter, ...] = ()
    inputs: tuple[Input, ...] = ()
    covariates: tuple[Covariate, ...] = ()
    expressions: tuple[Expression, ...] = ()
    observed: tuple[Observed, ...] = ()
    derived: tuple[Expression, ...] = ()
    invariants: tuple[Expression, ...] = ()
    events: tuple[Event, ...] = ()
    networks: tuple[Network, ...] = ()
    time: Clock = field(default_factory=Clock)
    reference: EndValue | None = None
    title: str = ""
    source: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    text: str = field(default="", repr=False)  # the problem file, verbatim
    places: Mapping[tuple[str, ...], Where] = field(default_factory=dict, repr=False, compare=False)  # key → its line

    def __post_init__(self) -> None:
        if not self.observed:
            each = tuple(Observed(s.name, s.name, unit=s.unit) for s in self.states)
            object.__setattr__(self, "observed", each)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The components of y, in order."""
        return tuple(state.name for state in self.states)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The components of p, fixed ones included, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The components of u, in order."""
        return tuple(each.name for each in self.inputs)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """The components of c, in order."""
        return tuple(covariate.name for covariate in self.covariates)

    @property
    def observed_names(self) -> tuple[str, ...]:
        """What can be measured, in the order of the graph's group `observed`."""
        return tuple(observed.name for observed in self.observed)

    @property
    def values(self) -> dict[str, float]:
        """Parameter → its value in the file."""
        return {parameter.name: parameter.value for parameter in self.parameters}

    def graph(self) -> Graph:
        """The lowered form: groups `rhs` and `initial` (one a state), `observed`, `derived`, `invariants`.

        And of each event `times NAME` or `trigger NAME`, and `map NAME` (one a state).
        `initial` holds the formulas of parameters and covariates; a state whose initial value is a number has it as a
        constant there. Raises FormulaRefused and its kin, with the place where it is known, and NotRunnableYet.
        """
        self.require_runnable()
        return self._graph

    @cached_property
    def _graph(self) -> Graph:
        from workbench.graph import from_sympy

        from .symbolic import Symbolic

        reading = Symbolic(self)
        return from_sympy(
            reading.groups(),
            states=self.state_names,
            parameters=self.parameter_names,
            inputs=self.input_names,
            covariates=self.covariate_names,
            expressions=reading.expressions,
        )

    def jacobian(self) -> sympy.Matrix:
        """∂f/∂y as a SymPy matrix (state, state), in named expressions too; solvers differentiate the graph instead."""
        from .symbolic import Symbolic

        return Symbolic(self).jacobian()

    def equations(self, values: Mapping[str, float] | None = None) -> tuple[str, ...]:
        """`d x/dt = …` for every state, then the named expressions they mention; `values` in place of their names."""
        from .writing import equations

        return equations(self, values or {})

    def latex(self) -> tuple[str, ...]:
        r"""`\frac{dx}{dt} = …` for every state, then the named expressions they mention."""
        from .writing import latex

        return latex(self)

    def require_runnable(self) -> None:
        """Raises NotRunnableYet at the first key that this version reads and checks but cannot run."""
        for key, what in self._not_runnable():
            place = next((self.places[key[:n]] for n in range(len(key), 0, -1) if key[:n] in self.places), None)
            raise NotRunnableYet(
                f"{'.'.join(key)}: {what} cannot be run by this version",
                help=f"take the key out, or fit without it; `workbench explain {NotRunnableYet.code}` says more",
                where=place,
            )

    def _not_runnable(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from ((("networks", n.name), "a learned term inside equations") for n in self.networks)
        yield from ((("states", s.name, "initial", "prior"), f'the prior "{s.prior}"') for s in self.states if s.prior)
        yield from ((("parameters", p.name, "prior"), f'the prior "{p.prior}"') for p in self.parameters if p.prior)
        for observed in self.observed:
            if observed.noise not in RUNNABLE_NOISE:
                yield ("observed", observed.name, "noise"), f"{observed.noise} noise"
