"""The System: a ground truth, or a model with unknown parameters, as equations to be read, printed and lowered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.errors import Where
from workbench.errors.problems import ValueWrong

from .parts import Clock, Covariate, EndValue, Event, Expression, Input, Network, Observed, Parameter, Scaling, State

if TYPE_CHECKING:
    import sympy

    from workbench.graph import Graph


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
    def weight_names(self) -> tuple[str, ...]:
        """The weights of the learned terms, term after term; in p they stand behind the parameters."""
        return tuple(name for network in self.networks for name in network.weight_names)

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

    def graph(self, scaling: Mapping[str, Scaling] | None = None) -> Graph:
        """The lowered form: groups `rhs` and `initial` (one a state), `observed`, `derived`, `invariants`, `terms`.

        And of each event `times NAME` or `trigger NAME`, and `map NAME` (one a state).
        `initial` holds the formulas of parameters and covariates; a state whose initial value is a number has it as a
        constant there. `terms` are the `calls` of learned terms; `scaling` (name → Scaling) is theirs, without it they
        are not scaled, and their weights stand behind the parameters in p. Raises FormulaRefused and its kin, with the
        place where it is known, and ValueWrong for an event of a curve.
        """
        self.require_states_of_events()
        return self._lowered(scaling) if scaling else self._graph

    @cached_property
    def _graph(self) -> Graph:
        return self._lowered({})

    def term(self, name: str, scaling: Scaling | None = None) -> Graph:
        """A learned term alone: its group `value` is a function of states a0, a1, …, its arguments, and its weights."""
        import sympy

        from workbench.graph import from_sympy

        from .learned import learned_terms

        network = next(each for each in self.networks if each.name == name)
        alone = replace(self, parameters=(), networks=(network,))
        arguments = [sympy.Symbol(f"a{i}") for i in range(network.arity)]
        return from_sympy(
            {"value": [sympy.Function(name)(*arguments)]},
            states=[str(each) for each in arguments],
            parameters=network.weight_names,
            learned=learned_terms(alone, {name: scaling} if scaling else {}),
        )

    def _lowered(self, scaling: Mapping[str, Scaling]) -> Graph:
        from workbench.graph import from_sympy

        from .learned import learned_terms
        from .symbolic import Symbolic

        reading = Symbolic(self)
        terms = {"terms": reading.calls} if self.networks else {}
        return from_sympy(
            reading.groups() | terms,
            states=self.state_names,
            parameters=(*self.parameter_names, *self.weight_names),
            inputs=self.input_names,
            covariates=self.covariate_names,
            expressions=reading.expressions,
            learned=learned_terms(self, scaling),
        )

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """The calls of learned terms in the equations, `friction(omega)`, each once, as in the graph's `terms`."""
        from .symbolic import Symbolic

        return tuple(str(call) for call in Symbolic(self).calls)

    @property
    def learned(self) -> tuple[str, ...]:
        """What each learned term is: `friction: network 1-16-16-1, tanh, 321 weights`."""
        return tuple(
            f"{n.name}: network {'-'.join(map(str, n.sizes))}, {n.activation}, {len(n.weight_names)} weights"
            for n in self.networks
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

    def require_states_of_events(self) -> None:
        """Raises ValueWrong for an event of a curve, which has no states."""
        if self.events and not self.states:
            name = self.events[0].name
            raise ValueWrong(
                f"events.{name}: a curve has no states that an event could change or end",
                help="take the event out, or write the equations of states",
                where=self.places.get(("events", name)),
            )
