"""A linear ODE whose states are the channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Block, Graph, Problem
from workbench.errors.usage import UsageError
from workbench.graph import Builder


@dataclass(frozen=True)
class Linear:
    """dy/dt = A y + B u + E c + k; the constants begin at 0, from where gradient matching is one linear step."""

    def build(self, problem: Problem, generator: np.random.Generator) -> LinearField:
        """The equations of the problem's channels; nothing is drawn."""
        if problem.data is None:
            raise UsageError("a linear ODE is fitted to data, and there is none", help="give a data file")
        return LinearField(problem)


class LinearField:
    """Blocks `parameters` (A[x,y] and so on, row by row) and `initial` (one each trajectory, its first values)."""

    def __init__(self, problem: Problem) -> None:
        assert problem.data is not None
        self.problem, self.data = problem, problem.data
        self.states = self.data.channels
        inputs = self.data.inputs.names if self.data.inputs is not None else ()
        self._terms = [
            *(("A", "y", i, name) for i, name in enumerate(self.states)),
            *(("B", "u", i, name) for i, name in enumerate(inputs)),
            *(("E", "c", i, name) for i, name in enumerate(self.data.covariates)),
        ]
        self.labels = tuple(
            label for s in self.states for label in (*(f"{k}[{s},{name}]" for k, _, _, name in self._terms), f"k[{s}]")
        )

    def graph(self) -> Graph:
        """The lowered form; parameters in the order of the block."""
        b = Builder()
        rhs, number = [], 0
        for _ in self.states:
            total = b.leaf("p", number + len(self._terms))
            for k, (_, kind, place, _) in enumerate(self._terms):
                total = b.add(total, b.mul(b.leaf("p", number + k), b.leaf(kind, place)))
            rhs.append(total)
            number += len(self._terms) + 1
        y = tuple(b.leaf("y", i) for i in range(len(self.states)))
        inputs = self.data.inputs.names if self.data.inputs is not None else ()
        groups = {"rhs": tuple(rhs), "observed": y}
        return Graph(tuple(b.nodes), groups, self.states, self.labels, inputs, tuple(self.data.covariates))

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        seen = self.problem.seen
        first = seen.first(seen.sizes(seen.values)[0])
        return (
            Block("parameters", self.labels, np.zeros(len(self.labels))),
            Block("initial", self.states, first, per="trajectory"),
        )

    def linear_part(self, values: dict[str, float]) -> dict[str, np.ndarray]:
        """A, B and b of y' = A y + B u + b, b that of no covariates."""
        rows = {
            kind: [[values[f"{kind}[{to},{of}]"] for k, _, _, of in self._terms if k == kind] for to in self.states]
            for kind in "AB"
        }
        b = np.array([values[f"k[{state}]"] for state in self.states])
        return {"A": np.array(rows["A"]), "B": np.array(rows["B"]).reshape(len(b), -1), "b": b}

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """Right-hand sides with numbers."""
        texts = []
        for state in self.states:
            constant = values.get(f"k[{state}]", 0.0)
            terms = [(values.get(f"{kind}[{state},{name}]", 0.0), name) for kind, _, _, name in self._terms]
            words = [f"{value:+.4g}*{name}" for value, name in terms if value] + [f"{constant:+.4g}"] * bool(constant)
            texts.append(f"d {state}/dt = {' '.join(words).lstrip('+') or '0'}")
        return tuple(texts)
