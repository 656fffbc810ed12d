"""State-space models of a chosen order: a linear part that begins where subspace identification ends, and a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from workbench import Block, Graph, Problem
from workbench.errors.usage import UsageError
from workbench.graph import Builder, Encoder, Network, inputs_of

from .continuous import ContinuousModel, continuous, dissipative, stabilised, unit_sized
from .offers import Activation
from .sampled import Sampled
from .subspace import DiscreteModel, identify, initial_state

FIRST = 10  # samples a state of a trajectory that its initial state is found from


@dataclass(frozen=True)
class StateSpace:
    """dx/dt = rate·(A x + B v + b + network(x, v)), y = mean + spread·(C x + D v + d), v the inputs of unit size."""

    order: int
    hidden: tuple[int, ...]
    activation: Activation
    direct: bool
    stable: bool
    encoder: int = 0  # samples that the initial state is made of; 0: each trajectory has its own

    def build(self, problem: Problem, generator: np.random.Generator) -> StateSpaceField:
        """The model for the problem's channels and inputs; the network's weights are drawn, its last layer is 0."""
        if self.order < 1:
            raise UsageError(
                f"a state-space model has at least one state, not {self.order}", help="-S dynamics.order=2"
            )
        if problem.data is None:
            raise UsageError("a state-space model is fitted to data, and there is none", help="give a data file")
        if problem.data.covariates:
            raise UsageError(
                "state-space models take inputs, no covariates", help="leave --covariates out, or fit an mlp"
            )
        return StateSpaceField(self, problem, generator)


class StateSpaceField:
    """The linear part is a start plus weights, which begin at 0: a prior around 0 holds it to what was identified.

    Blocks: `weights` (dA[x1,x2] is by how much an entry of A left its start, b and d are constants), and `initial` (one
    each trajectory, by least squares on its first samples) or `encoder`.
    """

    def __init__(self, family: StateSpace, problem: Problem, generator: np.random.Generator) -> None:
        assert problem.data is not None
        self.family, self.problem, self.data = family, problem, problem.data
        self.sampled = Sampled.of(problem)
        self.states = tuple(f"x{i + 1}" for i in range(family.order))
        self.observed = problem.data.channels
        self._network = (
            _drawn((family.order + self.n_u, *family.hidden, family.order), generator) if family.hidden else None
        )
        self.encoder = self._encoder(generator) if family.encoder else None

    @property
    def start_samples(self) -> int:
        """How many of its first samples the initial state of a trajectory is found from."""
        return min(FIRST * self.family.order, max(int(self.data.row_size.min()) // 2, 1))

    def _encoder(self, generator: np.random.Generator) -> Encoder:
        """Begins as the least squares of the identified linear part on the samples, as if these came in equal steps."""
        sampled, samples = self.sampled, self.family.encoder
        first = self.problem.seen.first_samples(samples)
        scale = first.scale((sampled.y_mean, sampled.y_spread), (sampled.u_mean, sampled.u_spread))
        n_y, n_u, n = len(self.observed), self.n_u, self.family.order
        discrete, linear = self._discrete(self.start), np.zeros((n, len(scale[0])))
        for j, unit in enumerate(np.eye(samples * (n_y + n_u))):  # linear in samples: one column from each
            y, u = np.split(unit, [samples * n_y])
            linear[:, j] = initial_state(discrete, u.reshape(samples, n_u), y.reshape(samples, n_y))
        return Encoder.of(self.states, samples, first.spacing, scale, linear, (np.zeros(n), np.ones(n)), generator)

    @property
    def n_u(self) -> int:
        """How many inputs there are."""
        return len(self.sampled.u_mean)

    @cached_property
    def start(self) -> ContinuousModel:
        """The identified linear part; slow decays that see nothing where trajectories are too short for more."""
        order, sampled = self.family.order, self.sampled
        found = identify(sampled.series, order, self.family.direct)
        if found is None:
            n_y = len(self.observed)
            found = DiscreteModel(
                np.diag(np.exp(-np.arange(1, order + 1) / 20)),
                np.zeros((order, self.n_u)),
                np.eye(n_y, order),
                np.zeros((n_y, self.n_u)),
            )
        model = continuous(found, sampled.dt)
        if self.family.stable:
            model = dissipative(stabilised(model))
        return unit_sized(model, self._followed(model)) if not self.family.stable else model

    def _followed(self, model: ContinuousModel) -> np.ndarray:
        """The states (time, state) of the linear part along all trajectories."""
        discrete = self._discrete(model)
        paths = []
        for u, y in self.sampled.series:
            few = slice(0, self.start_samples)
            x = initial_state(discrete, u[few], y[few])
            path = []
            for now in u:
                path.append(x)
                x = discrete.A @ x + discrete.B @ now
            paths.append(np.array(path))
        return np.concatenate(paths)

    def _discrete(self, model: ContinuousModel) -> DiscreteModel:
        from scipy.linalg import expm

        n = self.family.order
        whole = np.zeros((n + self.n_u, n + self.n_u))
        whole[:n, :n], whole[:n, n:] = model.A, model.B
        step = expm(whole * model.rate * self.sampled.dt)
        return DiscreteModel(step[:n, :n], step[:n, n:], model.C, model.D)

    def graph(self) -> Graph:
        """The lowered form; weights in the order of the block."""
        return self._lowered[0]

    @cached_property
    def _lowered(self) -> tuple[Graph, np.ndarray]:
        family, model, sampled = self.family, self.start, self.sampled
        n, n_u = family.order, self.n_u
        inputs = self.data.inputs.names if self.data.inputs is not None else ()
        b, names = Builder(), list[str]()

        def weight(name: str) -> int:
            names.append(name)
            return b.leaf("p", len(names) - 1)

        x = [b.leaf("y", i) for i in range(n)]
        u = [
            b.div(b.sub(b.leaf("u", i), b.constant(middle)), b.constant(width))
            for i, (middle, width) in enumerate(zip(sampled.u_mean, sampled.u_spread, strict=True))
        ]

        def around(value: float, name: str) -> int:
            return b.add(b.constant(value), weight(name))

        if family.stable:
            A = _stable_entries(b, model.A, self.states, around)
        else:
            A = [
                [around(model.A[i, j], f"dA[{to},{of}]") for j, of in enumerate(self.states)]
                for i, to in enumerate(self.states)
            ]
        slopes = []
        for i, state in enumerate(self.states):
            total = weight(f"b[{state}]")
            for j in range(n):
                total = b.add(total, b.mul(A[i][j], x[j]))
            for j, name in enumerate(inputs):
                total = b.add(total, b.mul(around(model.B[i, j], f"dB[{state},{name}]"), u[j]))
            slopes.append(total)
        groups: dict[str, tuple[int, ...]] = {}
        observed = []
        for k, channel in enumerate(self.observed):
            total = weight(f"d[{channel}]")
            for j, state in enumerate(self.states):
                total = b.add(total, b.mul(around(model.C[k, j], f"dC[{channel},{state}]"), x[j]))
            for j, name in enumerate(inputs if family.direct else ()):
                total = b.add(total, b.mul(around(model.D[k, j], f"dD[{channel},{name}]"), u[j]))
            scaled = b.mul(b.constant(sampled.y_spread[k]), total)
            observed.append(b.add(b.constant(sampled.y_mean[k]), scaled))
        networks: tuple[Network, ...] = ()
        begun = np.zeros(len(names))
        if self._network is not None:
            networks = (Network((n + n_u, *family.hidden, n), family.activation, len(names), 0),)
            names.extend(f"network.w{i}" for i in range(len(self._network)))
            begun = np.concatenate([begun, self._network])
            groups[inputs_of(0)] = (*x, *u)
            slopes = [b.add(slope, b.leaf("z", i)) for i, slope in enumerate(slopes)]
        rate = b.constant(model.rate)
        groups |= {"rhs": tuple(b.mul(rate, slope) for slope in slopes), "observed": tuple(observed)}
        return Graph(tuple(b.nodes), groups, self.states, tuple(names), inputs, networks=networks), begun

    def linear_part(self, values: dict[str, float]) -> dict[str, np.ndarray]:
        """A, B, C, D, b and d of x' = A x + B u + b, y = C x + D u + d, u and y as they are in the data."""
        model, sampled, states = self.start, self.sampled, self.states
        inputs = self.data.inputs.names if self.data.inputs is not None else ()

        def moved(name: str, start: np.ndarray, rows: tuple[str, ...], columns: tuple[str, ...]) -> np.ndarray:
            return start + [[values.get(f"d{name}[{to},{of}]", 0.0) for of in columns] for to in rows]

        if self.family.stable:
            skew, lower = (
                moved(name, start, states, states) for name, start in zip("KL", _parts(model.A), strict=True)
            )
            A = np.tril(skew, -1) - np.tril(skew, -1).T - np.tril(lower) @ np.tril(lower).T
        else:
            A = moved("A", model.A, states, states)
        B = moved("B", model.B, states, inputs) / sampled.u_spread
        C = moved("C", model.C, self.observed, states)
        D = moved("D", model.D, self.observed, inputs) / sampled.u_spread
        b = np.array([values[f"b[{state}]"] for state in states]) - B @ sampled.u_mean
        d = np.array([values[f"d[{channel}]"] for channel in self.observed]) - D @ sampled.u_mean
        rate, spread = model.rate, sampled.y_spread
        return {
            "A": rate * A,
            "B": rate * B,
            "C": spread[:, None] * C,
            "D": spread[:, None] * D,
            "b": rate * b,
            "d": sampled.y_mean + spread * d,
        }

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        graph, begun = self._lowered
        weights = Block("weights", graph.parameters, begun)
        if self.encoder is not None:
            names, start = self.encoder.graph.parameters, self.encoder.start
            return weights, Block("encoder", names, start, origin=start)
        discrete = self._discrete(self.start)
        few = slice(0, self.start_samples)
        first = np.array([initial_state(discrete, u[few], y[few]) for u, y in self.sampled.starts])
        return weights, Block("initial", self.states, first, per="trajectory")

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """What depends on what; the weights are in the run."""
        names = ", ".join([*self.states, *(self.data.inputs.names if self.data.inputs is not None else ())])
        shape = "-".join(map(str, (self.family.order + self.n_u, *self.family.hidden, self.family.order)))
        more = f" + network({names})   [{shape}, {self.family.activation}]" if self.family.hidden else ""
        return tuple(f"d {state}/dt = linear({names}){more}" for state in self.states)


def _parts(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K and L, lower triangles, of which A = K − Kᵀ − L Lᵀ."""
    skew, damping = (A - A.T) / 2, -(A + A.T) / 2
    sizes, axes = np.linalg.eigh(damping)
    return skew, np.linalg.cholesky(axes @ np.diag(np.maximum(sizes, 1e-6)) @ axes.T)


def _stable_entries(
    b: Builder, A: np.ndarray, states: tuple[str, ...], around: Callable[[float, str], int]
) -> list[list[int]]:
    """Nodes of K − Kᵀ − L Lᵀ, which is A to begin with and has a negative definite symmetric part for any K and L.

    `around` makes the node of a weight that starts at a value, of a name.
    """
    n = len(A)
    skew, lower = _parts(A)
    K = {(i, j): around(skew[i, j], f"dK[{states[i]},{states[j]}]") for i in range(n) for j in range(i)}
    L = {(i, j): around(lower[i, j], f"dL[{states[i]},{states[j]}]") for i in range(n) for j in range(i + 1)}
    rows = []
    for i in range(n):
        row = []
        for j in range(n):
            total = b.constant(0.0) if i == j else K[i, j] if i > j else b.neg(K[j, i])
            for k in range(min(i, j) + 1):
                total = b.sub(total, b.mul(L[i, k], L[j, k]))
            row.append(total)
        rows.append(row)
    return rows


def _drawn(sizes: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Weights (out, in) and biases (out,) layer by layer: Glorot & Bengio (2010, eq. 16), the last layer 0."""
    parts = []
    layers = list(pairwise(sizes))
    for k, (n_in, n_out) in enumerate(layers):
        reach = np.sqrt(6.0 / (n_in + n_out)) * (k < len(layers) - 1)
        parts += [generator.uniform(-1.0, 1.0, (n_out, n_in)).ravel() * reach, np.zeros(n_out)]
    return np.concatenate(parts)
