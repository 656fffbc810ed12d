"""The events of a problem's equations in other dynamics: followed where these have the states that jump."""

from __future__ import annotations

from ..contracts import Field
from ..graph import Graph
from ..graph.grafting import LeafMissing, grafted
from ..problem import Problem
from ..system import Event, System


def with_events(field: Field, problem: Problem) -> tuple[Graph | None, tuple[str, ...]]:
    """The field's graph with the groups of the problem's events, and what to say of those that it cannot follow.

    Graphs of the equations have them. Others get those that map states to which a channel of the same name is equal,
    by formulas of such states, inputs, covariates and held parameters.
    """
    graph, system = field.graph(), problem.system
    if system is None or not system.events or (graph is not None and f"map {system.events[0].name}" in graph.groups):
        return graph, ()
    if graph is None:
        names = ", ".join(event.name for event in system.events)
        return graph, (f"the problem's events ({names}) are not followed, for the dynamics have no graph",)
    seen, said = _seen(field, graph, system), list[str]()
    for event in system.events:
        try:
            graph = _with(graph, system, event, seen)
        except LeafMissing as missing:
            said.append(f"the event {event.name!r} is not followed: these dynamics do not have {missing.args[0]}")
    return graph, tuple(said)


def _seen(field: Field, graph: Graph, system: System) -> set[str]:
    """The states of the system that are states of the field, both being what the channel of that name shows."""
    observed = getattr(field, "observed", field.states)
    own = {
        name
        for name, number in zip(observed, graph.groups["observed"], strict=True)
        if name in graph.states and graph.nodes[number] == ("y", (), graph.states.index(name))
    }
    return own & {each.name for each in system.observed if each.formula == each.name}


def _with(graph: Graph, system: System, event: Event, seen: set[str]) -> Graph:
    """The graph with the groups of one event; what it does not map, and states of the field alone, stay."""
    theirs = system.graph()
    for name in event.map:
        if name not in seen:
            raise LeafMissing(f"the state {name}")
    when, after = f"trigger {event.name}" if event.trigger else f"times {event.name}", f"map {event.name}"
    mapped = [theirs.groups[after][theirs.states.index(s)] if s in event.map else None for s in graph.states]
    held = {each.name: float(each.value) for each in system.parameters if each.fixed and not each.per}
    return grafted(graph, theirs, {when: theirs.groups[when], after: mapped}, seen, held)
