"""Dynamics and a solver on a problem: what x means, what f is, how states become channels."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..contracts import Array, Field, GradientMode, LinearRhs, Loss, Posterior, SolveOptions, Solver, Trajectory
from ..dataset import TEST, TRAIN, Dataset
from ..engine import Stateless
from ..errors.usage import CompilerUnavailable, UsageError
from ..graph import Encoder, Graph
from ..problem import Problem
from ..system import Event
from ..unknowns import Block, Unknowns, to_free_scale, to_physical
from .borrowed_events import with_events
from .columns import Columns
from .compiled import Compiled
from .derivatives import mode_for
from .encoded import Encoded
from .graph_rhs import GraphRhs
from .inputs import InputTable
from .misfit import Misfit
from .module_rhs import ModuleRhs
from .pieces import TrialChain
from .selection import Selection
from .trial import Trial

if TYPE_CHECKING:
    import torch

LONG = 5000
"""Observations from which compiling for a few solves takes less time than the loop on NumPy."""


class Model:
    """A field (dynamics built for the problem), a solver and a loss, over the problem's data.

    A field without states is a curve: its solver is `Stateless`, whatever was chosen.
    `unknowns` start at the field's blocks. `deadline` (time.monotonic seconds) ends solves that would outlast a budget.
    A network is called on `device`, as torch names it.
    """

    def __init__(
        self,
        problem: Problem,
        field: Field,
        solver: Solver,
        loss: Loss,
        gradient: GradientMode = "discrete",
        unknowns: Unknowns | None = None,
        device: str = "cpu",
    ) -> None:
        assert problem.data is not None, "a model is fitted to data"
        solver = solver if field.states else Stateless()
        self.problem, self.field, self.solver, self.loss = problem, field, solver, loss
        self.data: Dataset = problem.data
        self.gradient, self.device = gradient, device
        mode_for(gradient, solver)  # raises where there is none
        self.deadline: float | None = None
        self.lowered: Graph | None
        """What the compiled engine can run: the field's graph, networks and events included."""
        self.lowered, self.said = with_events(field, problem)
        self.formulas = self.lowered is not None and not self.lowered.networks
        """Formulas alone are known: nothing is a network."""
        self.unknowns = unknowns or Unknowns([self._held_out(block) for block in field.blocks()])
        self.columns = self._columns(self.unknowns)
        self.compiled: Compiled | None = None
        """The compiled engine, where a fit has chosen it (see `compile`)."""
        self.channel_columns = self._match_channels()

    # --- what x means

    @cached_property
    def module(self) -> torch.nn.Module | None:
        """What torch runs: networks where the field has a module of them, and fields without a graph."""
        module = None if self.formulas else self.field.module()
        return module if module is None or self.device == "cpu" else module.to(self.device)

    @property
    def graph(self) -> Graph | None:
        """What NumPy runs: formulas, and all else that is lowered where it is compiled, has events or has no module."""
        if self.formulas or self.compiled is not None or self.events or self.module is None:
            return self.lowered
        return None

    def compile(self) -> None:
        """From here on the compiled engine solves, and NumPy evaluates the graph: torch is not asked.

        Raises CompilerUnavailable, and all is as it was then.
        """
        compiled = Compiled(self)
        compiled.build()
        self.compiled = compiled

    def compile_if_long(self, other: Model) -> None:
        """Compile solves for as many observations as are worth it, where `other` was compiled and this one can be."""
        if other.compiled is None or len(self.data.t) < LONG or not Compiled.serves(self):
            return
        compiled = Compiled(self)
        with suppress(CompilerUnavailable):
            compiled.build(fitting=False)
            self.compiled = compiled

    def _columns(self, unknowns: Unknowns) -> Columns:
        names = self.lowered.parameters if self.lowered is not None else None
        known = any(block.name == "initial" for block in unknowns.blocks)
        encoded = None if known else self.posterior
        return Columns(unknowns, names, self.field.states, self.data.n_trajectories, encoded)

    @cached_property
    def posterior(self) -> Posterior | None:
        """What the field's encoder makes of the problem's observations."""
        own = getattr(self.field, "posterior", None)
        encoder: Encoder | None = getattr(self.field, "encoder", None)
        if own is not None:
            found: Posterior = own(self.problem)
            return found
        return None if encoder is None else Encoded(encoder, self.problem)

    @property
    def encodes(self) -> int:
        """How many first samples initial states are made of by an encoder; 0 where they are not."""
        return self.columns.encodes

    @property
    def start_samples(self) -> int:
        """How many of its first values give a trajectory its start where no fit does."""
        return self.encodes or getattr(self.field, "start_samples", 1)

    def _held_out(self, block: Block) -> Block:
        """The block with the entries of trajectories that no training value informs held at their start."""
        if block.value.ndim == 1:
            return block
        trained = np.zeros(self.data.n_trajectories, dtype=bool)
        trained[self.data.trajectory_of[self.training_part]] = True
        return replace(block, free=block.spread("free") & trained[:, None])

    def settle(self, x: np.ndarray) -> None:
        """Give trajectories without training values the mean of the others' own parameters, in the fitted scale.

        x keeps its meaning: what is given here is held. Initial values stay at the first observations.
        """
        own = next((block for block in self.unknowns.blocks if block.name == "own"), None)
        trained = np.zeros(self.data.n_trajectories, dtype=bool)
        trained[self.data.trajectory_of[self.training_part]] = True
        if own is None or trained.all():
            return
        value = self.unknowns.values(x)["own"]
        bounds = (own.spread("lower"), own.spread("upper"))
        scaled = to_free_scale(value, own.transforms(), *bounds)
        scaled[~trained] = scaled[trained].mean(axis=0)
        settled = np.where(trained[:, None], own.value, to_physical(scaled, own.transforms(), *bounds)[0])
        blocks = [replace(b, value=settled) if b.name == "own" else b for b in self.unknowns.blocks]
        self.use(Unknowns(blocks))

    def use(self, unknowns: Unknowns) -> None:
        """Take other start values or other held entries of the same blocks."""
        self.unknowns, self.columns = unknowns, self._columns(unknowns)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The events of the problem that the dynamics can follow (see `with_events`)."""
        system = self.problem.system
        known = self.lowered.groups if self.lowered is not None else {}
        return tuple(event for event in system.events if f"map {event.name}" in known) if system else ()

    def chain(self, trial: Trial) -> TrialChain:
        """A trial's solve through the events."""
        return TrialChain(trial)

    @cached_property
    def t0(self) -> np.ndarray:
        """Where each trajectory's solve begins (trajectory,): the declared start or its first observation."""
        start = self.problem.start
        return self.data.t[self.data.starts] if start is None else np.full(self.data.n_trajectories, float(start))

    @cached_property
    def covariates(self) -> np.ndarray | None:
        """c (trajectory, covariate) in the graph's order."""
        names = self.graph.covariates if self.graph is not None else tuple(self.data.covariates)
        if not names:
            return None
        return np.column_stack([self.data.covariates[name] for name in names])

    @cached_property
    def inputs(self) -> InputTable | None:
        """u(t) of every trajectory, columns in the graph's order."""
        if self.data.inputs is None or not self.data.inputs.names:
            return None
        declared = {each.name: each.interpolation for each in self.problem.system.inputs} if self.problem.system else {}
        return InputTable(self.data.inputs, [declared.get(name, "hold") for name in self.data.inputs.names])

    def patience(self, ts: np.ndarray) -> int:
        """Steps after which a trial over ts (row, time) is refused, not waited for: a thousand and fifty an
        observation.
        """
        return 1000 + 50 * ts.shape[1] + len(self.breaks(np.arange(self.data.n_trajectories)))

    def breaks(self, rows: np.ndarray) -> tuple[float, ...]:
        """Times at which steps of these trajectories must end."""
        return self.inputs.breaks(rows) if self.inputs else ()

    # --- f, y0 and mu

    def rhs(self, x: np.ndarray, rows: np.ndarray) -> LinearRhs:
        """f of the trajectories `rows`, which the solver numbers from 0."""
        p = self.columns.parameters(x)
        c = self.covariates[rows] if self.covariates is not None else None
        inputs = self.inputs
        table = slope = None
        if inputs is not None:
            table, slope = (
                lambda t, row, middle, look=look: look(t, rows[row], middle) for look in (inputs, inputs.slope)
            )
        if self.graph is None:
            assert self.module is not None, "a field gives a graph or a module"
            return ModuleRhs(self.module, p, c, table, slope)
        return GraphRhs(self.graph, p if p.ndim == 1 else p[rows], c, table, slope)

    def initial(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """y0 (trajectory, state), and ∂y0/∂p (trajectory, state, parameter) where it has formulas of parameters."""
        n, d = self.data.n_trajectories, len(self.field.states)
        y0, y0_p = np.zeros((n, d)), None
        if self.graph is not None and "initial" in self.graph.groups:
            zero, p = np.zeros((n, d)), self.columns.parameters(x)
            y0, y0_p = self.graph.function("initial", ("p",))(self.t0, zero, None, self.covariates, p)
            y0 = np.array(y0)
        y0[:, self.columns.initial_states] = self.columns.initial(x)
        if y0_p is not None:
            y0_p = np.array(y0_p)
            y0_p[:, self.columns.initial_states] = 0.0
        return y0, y0_p

    def _match_channels(self) -> np.ndarray:
        observed = tuple(getattr(self.field, "observed", self.field.states))
        missing = [channel for channel in self.data.channels if channel not in observed]
        if missing:
            raise UsageError(
                f"the dynamics observe {', '.join(observed)}, not the channel {missing[0]!r}",
                help=f"--map {observed[0]}={missing[0]}, or leave the column out with --states",
            )
        return np.array([observed.index(channel) for channel in self.data.channels])

    def _arguments(self, x: np.ndarray, t: np.ndarray, numbers: np.ndarray) -> tuple[Array, Array, Array]:
        p = self.columns.parameters(x)
        u = self.inputs(t, numbers, t) if self.inputs else None
        c = self.covariates[numbers] if self.covariates is not None else None
        return u, c, p if p.ndim == 1 else p[numbers]

    def observe(self, x: np.ndarray, t: np.ndarray, y: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """mu (line, channel) from states y (line, state) of trajectories `numbers` (line,) at t (line,)."""
        if self.graph is None:
            return y[:, self.channel_columns]
        return self.evaluated("observed", x, t, y, numbers)[:, self.channel_columns]

    def evaluated(self, group: str, x: np.ndarray, t: np.ndarray, y: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """A group of the graph (line, output), where `observe` says how the model is observed."""
        assert self.graph is not None, "modules have no groups"
        u, c, p = self._arguments(x, t, numbers)
        values: np.ndarray = self.graph.function(group)(t, y, u, c, p)
        return values

    @property
    def states_seen(self) -> np.ndarray | None:
        """The state that each channel is (channel,), None where some channel is not one."""
        if self.graph is None:
            return self.channel_columns
        nodes = [self.graph.nodes[number] for number in self.graph.groups["observed"]]
        if any(node.op != "y" for node in nodes):
            return None
        return np.array([int(node.value) for node in nodes])[self.channel_columns]

    def observe_jacobians(
        self, x: np.ndarray, t: np.ndarray, y: np.ndarray, numbers: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """∂mu/∂y (line, channel, state) and ∂mu/∂p (line, channel, parameter); None where mu is a state."""
        states = self.states_seen
        if states is not None:
            one = np.eye(len(self.field.states))[states]
            return np.broadcast_to(one, (len(y), *one.shape)), None
        assert self.graph is not None, "without a graph channels are states"
        u, c, p = self._arguments(x, t, numbers)
        _, mu_y, mu_p = self.graph.function("observed", ("y", "p"))(t, y, u, c, p)
        return mu_y[:, self.channel_columns], mu_p[:, self.channel_columns]

    def pull(self, x: np.ndarray, rows: np.ndarray, g_y0: np.ndarray, g_p: np.ndarray) -> np.ndarray:
        """A gradient by y0 (row, state) and p (row or 1, parameter) of trajectories `rows`, as one by x (unknown,)."""
        _, y0_p = self.initial(x)
        columns = self.columns
        by_q = np.zeros((len(rows), columns.n_parameters + len(columns.initial_states)))
        by_q[: len(g_p), : g_p.shape[1]] = g_p
        if y0_p is not None:
            by_q[:, : columns.n_parameters] += np.einsum("rd,rdp->rp", g_y0, y0_p[rows])
        by_q[:, columns.n_parameters :] = g_y0[:, columns.initial_states]
        return columns.pull_unknowns(by_q, rows, x)

    # --- the loss and trials

    @cached_property
    def training_part(self) -> np.ndarray:
        """Which observations belong to neither validation nor test (observation,)."""
        return np.asarray(self.problem.part) == TRAIN

    @cached_property
    def misfit(self) -> Misfit:
        """The loss by channel; spreads are taken from what is not test."""
        problem, data = self.problem, self.data
        return Misfit(
            self.loss,
            data.channels,
            problem.noise,
            self._spread(),
            problem.noise_scales,
            {name: limits for name, limits in problem.noise_limits.items() if name in data.channels},
            data.measured,
        )

    def _spread(self) -> np.ndarray:
        weights = getattr(self.loss, "weights", "none")
        known = self.formulas and self.problem.system is not None  # the problem's equations, in their own units
        if weights == "none" or (weights == "auto" and known):
            return np.ones(self.data.n_channels)
        seen = self.data.values[np.asarray(self.problem.part) != TEST]
        finite = [column[np.isfinite(column)] for column in seen.T]
        spread = np.array([np.std(column) if len(column) else 0.0 for column in finite])
        return np.where(spread > 0, spread, 1.0)

    def trial(self, x: np.ndarray, selection: Selection) -> Trial:
        """The model at x, to be compared with a selection of the observations."""
        return Trial(self, np.asarray(x, dtype=float), selection)

    def solve(self, x: np.ndarray, rows: np.ndarray, ts: np.ndarray) -> Trajectory:
        """Trajectories `rows` at other times ts (row, time)."""
        if self.events:
            return self.trial(x, Selection.at(rows, ts, self.data.n_channels)).trajectory
        y0, _ = self.initial(x)
        options = SolveOptions(
            max_steps=max(100_000, self.patience(ts)), breaks=self.breaks(rows), deadline=self.deadline
        )
        if self.compiled is not None:
            return self.compiled.solve(x, y0[rows], self.t0[rows], rows, ts, options).trajectory()
        with np.errstate(all="ignore"):
            return self.solver.solve(self.rhs(x, rows), y0[rows], self.t0[rows], ts, options)
