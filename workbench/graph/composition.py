"""A graph with networks on NumPy: its scalar groups and its layers one after the other, joined by the chain rule.

Each group's own derivatives are the graph's, with the rules at kinks; where an infinite one meets a network's, it stays
infinite or becomes NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import derivatives as rules
from . import numpy_functions as functions
from .layers import Pass, add_by_weights, add_sums_by_weights, back, forward
from .network import inputs_of, needed
from .nodes import Builder
from .source import Result, compiled, function_source

if TYPE_CHECKING:
    from .graph import Graph, Kind

Arguments = tuple[Any, ...]  # t, y, u, c, p
Partials = dict[str, np.ndarray]  # kind → (line, output, leaf), of the leaves that the group mentions


@dataclass(frozen=True)
class Stage:
    """A group as a function of t, y, u, c, p and z, and its derivatives by the leaves that it mentions itself."""

    function: Callable[..., Any]
    leaves: dict[str, list[int]]  # kind → which of its leaves are mentioned

    @classmethod
    def of(cls, graph: Graph, group: str, kinds: Sequence[str]) -> Stage:
        """With derivatives by `kinds` and by z."""
        builder, outputs = Builder(graph.nodes), graph.groups[group]
        results = [Result((len(outputs),), tuple(range(len(outputs))), outputs)]
        leaves: dict[str, list[int]] = {}
        for kind in dict.fromkeys((*kinds, "z")):
            rows = rules.differentiate(builder, outputs, kind)
            leaves[kind] = found = sorted({leaf for row in rows for leaf in row})
            entries = {i * len(found) + found.index(j): node for i, row in enumerate(rows) for j, node in row.items()}
            results.append(Result((len(outputs), len(found)), tuple(entries), tuple(entries.values())))
        source = function_source(builder.nodes, results)
        return cls(compiled(source, functions.NAMES, functions.REST), leaves)

    def __call__(self, arguments: Arguments, z: np.ndarray) -> tuple[np.ndarray, Partials]:
        value, *partials = self.function(*arguments, z)
        return value, dict(zip(self.leaves, partials, strict=True))


@dataclass(frozen=True)
class Composition:
    """A group, and the networks that it needs in their order, each behind the stage of its inputs."""

    graph: Graph
    kinds: tuple[str, ...]
    networks: tuple[int, ...]
    inputs: tuple[Stage, ...]
    last: Stage

    @classmethod
    def of(cls, graph: Graph, group: str, kinds: Sequence[str]) -> Composition:
        """With derivatives by `kinds` (of t, y, u, c, p)."""
        networks = needed(graph, group)
        stages = tuple(Stage.of(graph, inputs_of(k), kinds) for k in networks)
        return cls(graph, tuple(kinds), networks, stages, Stage.of(graph, group, kinds))

    def outputs(self, arguments: Arguments) -> np.ndarray:
        """z, still to be computed (line, output)."""
        rows, dtype = functions.frame(*arguments)
        return np.zeros((rows, self.graph.n_outputs), dtype)

    def passes(self, arguments: Arguments, z: np.ndarray) -> Iterator[tuple[slice, Stage, Pass, Partials]]:
        """Fill in z, network by network: its place there, the stage of its inputs, and what both leave behind."""
        for k, stage in zip(self.networks, self.inputs, strict=True):
            network = self.graph.networks[k]
            x, partials = stage(arguments, z)
            found = forward(network, arguments[-1], x)
            place = slice(network.first, network.first + network.n_outputs)
            z[:, place] = found.outputs
            yield place, stage, found, partials


def function(graph: Graph, group: str, kinds: Sequence[Kind]) -> Callable[..., Any]:
    """f(t, y, u, c, p): the value (line, output), or with kinds a tuple of it and of each derivative."""
    parts = Composition.of(graph, group, kinds)
    widths = {kind: len(graph.names(kind)) for kind in kinds}

    def evaluate(t: Any, y: Any, u: Any, c: Any, p: Any) -> Any:
        arguments = (t, y, u, c, p)
        with np.errstate(all="ignore"):
            z = parts.outputs(arguments)
            passes = list(parts.passes(arguments, z))
            value, partials = parts.last(arguments, z)
            if not kinds:
                return value
            totals: Partials = {k: np.zeros((*value.shape, width), value.dtype) for k, width in widths.items()}
            bar = np.zeros((*value.shape, z.shape[1]), value.dtype)
            _add(parts.last, partials, None, totals, bar)
            for place, stage, found, partials in reversed(passes):
                by_inputs, by_sums = back(found, bar[:, :, place])
                if "p" in kinds:
                    add_by_weights(found, by_sums, totals["p"])
                _add(stage, partials, by_inputs, totals, bar)
        return (value, *(total[:, :, 0] if kind == "t" else total for kind, total in totals.items()))

    return evaluate


def _add(stage: Stage, partials: Partials, by: np.ndarray | None, totals: Partials, bar: np.ndarray) -> None:
    """Add a stage's derivatives, times those of the outputs by what it computes (line, output, result), to the totals.

    Those by z go to `bar` (line, output, z); without `by` the stage computes the outputs themselves.
    """
    for kind, total in (*totals.items(), ("z", bar)):
        leaves = stage.leaves[kind]
        if leaves:
            total[:, :, leaves] += partials[kind] if by is None else by @ partials[kind]


def pullback(graph: Graph, group: str) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """(t, y, u, c, p, g, row) → gᵀf_y (line, state) and gᵀf_p summed by `row` (trajectory, parameter).

    One way forward and one back for all lines; the derivative by weights is never formed line by line.
    """
    parts = Composition.of(graph, group, ("y", "p"))

    def evaluate(t: Any, y: Any, u: Any, c: Any, p: Any, g: np.ndarray, row: np.ndarray) -> tuple[Any, Any]:
        arguments = (t, y, u, c, p)
        with np.errstate(all="ignore"):
            z = parts.outputs(arguments)
            passes = list(parts.passes(arguments, z))
            _, partials = parts.last(arguments, z)
            dtype = np.result_type(z, g)
            bars = {"y": np.zeros(y.shape, dtype), "z": np.zeros(z.shape, dtype)}
            total = np.zeros((int(row.max(initial=-1)) + 1, len(graph.parameters)), dtype)
            _spread(parts.last, partials, g, row, bars, total)
            for place, stage, found, partials in reversed(passes):
                by_inputs, by_sums = back(found, bars["z"][:, None, place])
                add_sums_by_weights(found, by_sums, row, total)
                _spread(stage, partials, by_inputs[:, 0], row, bars, total)
        return bars["y"], total

    return evaluate


def _spread(
    stage: Stage, partials: Partials, g: np.ndarray, row: np.ndarray, bars: dict[str, np.ndarray], total: np.ndarray
) -> None:
    """Add gᵀ times a stage's derivatives to the cotangents of y and z, and to the sums by p."""
    for kind, bar in bars.items():
        bar[:, stage.leaves[kind]] += np.einsum("lo,loj->lj", g, partials[kind])
    sums = np.zeros((len(total), len(stage.leaves["p"])), total.dtype)
    np.add.at(sums, row, np.einsum("lo,loj->lj", g, partials["p"]))
    total[:, stage.leaves["p"]] += sums


def sparsity(graph: Graph, group: str, kind: Kind) -> np.ndarray:
    """Where the derivative may differ from zero (output, leaf): a network's outputs depend on all that it is given."""
    by = np.zeros((graph.n_outputs, len(graph.names(kind))), bool)
    for k in needed(graph, group):
        network = graph.networks[k]
        outputs = slice(network.first, network.first + network.n_outputs)
        by[outputs] = _pattern(graph, inputs_of(k), kind, by).any(axis=0)
        if kind == "p":
            by[outputs, list(network.weight_places)] = True
    return _pattern(graph, group, kind, by)


def _pattern(graph: Graph, group: str, kind: Kind, by: np.ndarray) -> np.ndarray:
    own = np.zeros((len(graph.groups[group]), by.shape[1]), bool)
    for entry in graph.differentiate(group, kind).entries:
        own[entry] = True
    through = np.zeros((len(own), len(by)), bool)
    for entry in graph.differentiate(group, "z").entries:
        through[entry] = True
    return own | (through.astype(int) @ by.astype(int) > 0)
