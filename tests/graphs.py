"""Graphs of every kind, with points and starts at which they can be compared: formulas, networks and hybrids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.formula import parse
from workbench.graph import Builder, Graph, Network, from_network, from_sympy


@dataclass(frozen=True)
class Example:
    """A graph with its parameters, constant inputs and covariates, and a start from which a solve to t = 1 is tame."""

    graph: Graph
    y0: np.ndarray  # (state,)
    p: np.ndarray  # (parameter,)
    u: np.ndarray | None = None  # (input,)
    c: np.ndarray | None = None  # (covariate,)

    def points(self, rows: int = 5, seed: int = 3, own: bool = False) -> dict[str, np.ndarray | None]:
        """t, y, u, c and p around the start; with `own` parameters each row has its own (row, parameter)."""
        rng = np.random.default_rng(seed)

        def around(x: np.ndarray | None) -> np.ndarray | None:
            return None if x is None else x * rng.uniform(0.8, 1.2, (rows, len(x)))

        t, y, u, c, p = rng.uniform(0.1, 1.0, rows), *(around(each) for each in (self.y0, self.u, self.c, self.p))
        return {"t": t, "y": y, "u": u, "c": c, "p": p if own else self.p}


def _formulas(texts: Sequence[str], states: str, parameters: str, inputs: str = "", covariates: str = "") -> Graph:
    names = [*states, *parameters, *inputs, *covariates, "t"]
    groups = {"rhs": [parse(text, names) for text in texts], "observed": [parse(name, names) for name in states]}
    return from_sympy(groups, states=[*states], parameters=[*parameters], inputs=[*inputs], covariates=[*covariates])


def drawn(graph: Graph, seed: int = 1) -> np.ndarray:
    """Parameters at random, of the size that weights have."""
    return np.random.default_rng(seed).normal(0.0, 0.4, len(graph.parameters))


def lotka_volterra() -> Example:
    """Formulas alone, time does not enter."""
    graph = _formulas(["a*x - b*x*y", "d*x*y - g*y"], "xy", "abdg")
    return Example(graph, np.array([1.0, 0.8]), np.array([1.1, 0.7, 0.4, 0.9]))


def driven() -> Example:
    """Formulas with time, an input and a covariate."""
    graph = _formulas(["v", "u*m - k*x - d*v*abs(v)^1.5 + sin(2*t)*exp(-t)"], "xv", "kd", "u", "m")
    return Example(graph, np.array([0.6, 0.3]), np.array([2.0, 0.3]), np.array([0.7]), np.array([1.3]))


def kinked() -> Example:
    """Formulas with kinks: max, min, where, abs, and a logarithm at its edge in the branch that is not taken."""
    texts = ["max(a - x, 0.2*x) - b*abs(y)", "where(x - y, y*log(x), b*y) + min(x, a*y)"]
    return Example(_formulas(texts, "xy", "ab"), np.array([0.9, 0.7]), np.array([1.5, 0.4]))


def perceptron() -> Example:
    """Two hidden layers of tanh, nothing scaled."""
    graph = from_network((16, 8), "tanh", states=("x", "y"))
    return Example(graph, np.array([0.9, -0.4]), drawn(graph))


def scaled_perceptron() -> Example:
    """A network of states, an input, a covariate and time, scaled inside."""
    graph = from_network(
        (9,),
        "silu",
        states=("x", "y"),
        inputs=("u",),
        covariates=("c",),
        with_time=True,
        centre=(0.5, -1.0, 0.1, 2.0, 0.5),
        spread=(2.0, 3.0, 0.5, 1.5, 0.3),
        slope=(0.7, 1.9),
    )
    return Example(graph, np.array([0.9, -0.4]), drawn(graph), np.array([0.6]), np.array([1.7]))


def hybrid() -> Example:
    """Lotka & Volterra's equations with the interaction learned: a network of both, of softplus."""
    b = Builder()
    x, y = b.leaf("y", 0), b.leaf("y", 1)
    a, g = b.leaf("p", 0), b.leaf("p", 1)
    eaten = b.mul(b.mul(x, y), b.leaf("z", 0))
    network = Network((2, 10, 1), "softplus", weights=2, first=0)
    groups = {
        "network 0": (x, b.apply("log1p", y)),
        "rhs": (b.sub(b.mul(a, x), eaten), b.sub(eaten, b.mul(g, y))),
        "observed": (x, y),
    }
    parameters = ("a", "g", *(f"w{i}" for i in range(network.n_weights)))
    graph = Graph(tuple(b.nodes), groups, ("x", "y"), parameters, networks=(network,))
    return Example(graph, np.array([1.0, 0.8]), np.concatenate([[1.1, 0.9], drawn(graph)[2:]]))


def chained() -> Example:
    """Two networks, the second of which takes the first's output, a parameter and the input; time and c outside."""
    b = Builder()
    x, v, t, u, c = b.leaf("y", 0), b.leaf("y", 1), b.leaf("t"), b.leaf("u", 0), b.leaf("c", 0)
    first = Network((2, 7, 2), "sin", weights=1, first=0)
    second = Network((3, 6, 1), "tanh", weights=1 + first.n_weights, first=2)
    one, other, force = (b.leaf("z", i) for i in range(3))
    groups = {
        "network 0": (b.apply("cos", x), b.mul(c, v)),
        "network 1": (b.add(one, v), b.mul(b.leaf("p", 0), other), u),
        "rhs": (v, b.sub(b.mul(force, b.apply("exp", b.neg(t))), b.add(b.apply("sin", x), b.mul(one, v)))),
        "observed": (x, v),
    }
    parameters = tuple(f"w{i}" for i in range(1 + first.n_weights + second.n_weights))
    graph = Graph(tuple(b.nodes), groups, ("x", "v"), parameters, ("u",), ("c",), networks=(first, second))
    return Example(graph, np.array([0.5, 0.9]), drawn(graph), np.array([0.6]), np.array([1.7]))


def tied() -> Example:
    """One network without some biases, called twice with the same weights, and a relu."""
    b = Builder()
    x, y = b.leaf("y", 0), b.leaf("y", 1)
    places = ((0, -1), (5, 10))  # 1 → 5 without biases, 5 → 1 with one
    networks = tuple(Network((1, 5, 1), "relu", weights=0, first=i, places=places) for i in range(2))
    groups = {
        "network 0": (x,),
        "network 1": (b.sub(y, b.leaf("z", 0)),),
        "rhs": (b.leaf("z", 1), b.sub(b.leaf("z", 0), y)),
        "observed": (x, y),
    }
    parameters = tuple(f"w{i}" for i in range(11))
    graph = Graph(tuple(b.nodes), groups, ("x", "y"), parameters, networks=networks)
    return Example(graph, np.array([0.8, 0.6]), drawn(graph))


FORMULAS: dict[str, Callable[[], Example]] = {"lotka_volterra": lotka_volterra, "driven": driven, "kinked": kinked}
NETWORKS: dict[str, Callable[[], Example]] = {
    "perceptron": perceptron,
    "scaled_perceptron": scaled_perceptron,
    "hybrid": hybrid,
    "chained": chained,
    "tied": tied,
}
EXAMPLES = FORMULAS | NETWORKS
