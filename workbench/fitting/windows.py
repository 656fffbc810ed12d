"""Trajectories cut into windows: each is solved as a trajectory of its own, from a node at its beginning."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..dataset import Dataset
from ..model import Model
from ..unknowns import Block, Unknowns

MOST = 100  # windows of one trajectory


@dataclass(frozen=True)
class Windows:
    """Windows in order of trajectory and time.

    `data` has a trajectory a window. Rows without values mark where a solve begins before the first observation and
    where it ends: at the node of the next window.
    """

    data: Dataset
    trajectory: np.ndarray  # (window,) which one of the model's it is a part of
    first: np.ndarray  # (window,) bool: begins where the trajectory does
    end: np.ndarray  # (window,) the row of `data` at the node of the next window; −1 where there is none

    @property
    def nodes(self) -> np.ndarray:
        """The windows whose first state is an unknown of its own (node,)."""
        return np.flatnonzero(~self.first)

    @property
    def before(self) -> np.ndarray:
        """The windows that end where those nodes are (node,)."""
        return self.nodes - 1

    @property
    def t(self) -> np.ndarray:
        """When each begins (window,)."""
        return self.data.t[self.data.starts]


def cut(model: Model, wanted: np.ndarray, values: int) -> Windows:
    """Windows with at least `values` values each, and two times, of the wanted observations (observation,).

    Nodes lie at observations, at most a hundred windows on a trajectory; what is left over at the end belongs to the
    last window.
    """
    rows: list[np.ndarray] = []  # observation of each row, −1 for a mark
    times: list[np.ndarray] = []
    trajectory, first, closed = [], [], []
    data = model.data
    for i in range(data.n_trajectories):
        index = np.flatnonzero(wanted & (data.trajectory_of == i))
        if not len(index):
            continue
        begins = _beginnings(data.t[index], data.mask[index].sum(axis=1), values)
        for k, begin in enumerate(begins):
            last = k + 1 == len(begins)
            inside = index[begin:] if last else index[begin : begins[k + 1]]
            t = data.t[inside]
            if k == 0 and model.t0[i] < t[0]:
                inside, t = np.append(-1, inside), np.append(model.t0[i], t)
            if not last:
                inside, t = np.append(inside, -1), np.append(t, data.t[index[begins[k + 1]]])
            rows.append(inside)
            times.append(t)
            trajectory.append(i)
            first.append(k == 0)
            closed.append(not last)
    return _windows(data, rows, times, np.array(trajectory), np.array(first), np.array(closed))


def _beginnings(t: np.ndarray, counts: np.ndarray, values: int) -> list[int]:
    """Where windows begin among the observations at t; replicates stay together."""
    at = np.flatnonzero(np.append(True, np.diff(t) > 0))  # the first observation of each time
    seen = np.add.reduceat(counts, at)
    values = max(values, -(-int(seen.sum()) // MOST))
    begins, inside, n = [0], 0, 0
    for k, place in enumerate(at):
        if inside >= values and n >= 2:
            begins.append(int(place))
            inside = n = 0
        inside, n = inside + int(seen[k]), n + 1
    if len(begins) > 1 and (inside < values or n < 2):
        begins.pop()
    return begins


def _windows(
    data: Dataset,
    rows: list[np.ndarray],
    times: list[np.ndarray],
    trajectory: np.ndarray,
    first: np.ndarray,
    closed: np.ndarray,
) -> Windows:
    row = np.concatenate(rows)
    sizes = np.array([len(each) for each in rows])
    inputs = None if data.inputs is None else data.inputs.select(trajectory)
    values = np.where((row >= 0)[:, None], data.values[row], np.nan)
    number = np.arange(len(sizes)) - np.maximum.accumulate(np.where(first, np.arange(len(sizes)), 0))
    names = tuple(f"{data.trajectories[i]}, window {k + 1}" for i, k in zip(trajectory, number, strict=True))
    windowed = replace(
        data,
        t=np.concatenate(times),
        values=values,
        sd=None if data.sd is None else np.where((row >= 0)[:, None], data.sd[row], np.nan),
        row_size=sizes,
        trajectories=names,
        inputs=inputs,
        covariates={name: covariate[trajectory] for name, covariate in data.covariates.items()},
    )
    end = np.where(closed, np.cumsum(sizes) - 1, -1)
    return Windows(windowed, trajectory, first, end)


class WindowUnknowns(Unknowns):
    """x of the whole model, then the state at the beginning of every window, flat: z (unknown + window·state,)."""

    def __init__(self, whole: Unknowns, trajectory: np.ndarray, states: tuple[str, ...]) -> None:
        n, shape = len(whole.start), (len(trajectory), len(states))
        size = shape[0] * shape[1]
        kept = [block for block in whole.blocks if block.name != "initial"]
        nodes = Block("initial", states, np.zeros(shape), per="trajectory")
        self.blocks = (*(_repeated(block, trajectory) for block in kept), nodes)
        self.index = {
            block.name: whole.index[block.name][trajectory] if block.value.ndim == 2 else whole.index[block.name]
            for block in kept
        }
        self.index["initial"] = n + np.arange(size).reshape(shape)
        self.labels = (*whole.labels, *(f"{state}[{k}]" for k in range(shape[0]) for state in states))
        self.shrink = np.append(whole.shrink, np.zeros(size))
        self.origin = np.append(whole.origin, np.zeros(size))
        self.priors = (*whole.priors, *("",) * size)
        self.kind = np.append(whole.kind, np.full(size, "identity"))
        self.low, self.high = np.append(whole.low, np.full(size, -np.inf)), np.append(whole.high, np.full(size, np.inf))
        self.start = np.append(whole.start, np.zeros(size))
        self.lower = np.append(whole.lower, np.full(size, -np.inf))
        self.upper = np.append(whole.upper, np.full(size, np.inf))


def _repeated(block: Block, trajectory: np.ndarray) -> Block:
    """A block of values by trajectory as one of values by window."""
    if block.value.ndim == 1:
        return block
    of_each = {name: block.spread(name)[trajectory] for name in ("free", "lower", "upper")}
    return replace(block, value=block.value[trajectory], **of_each)


def windowed(model: Model, windows: Windows) -> Model:
    """The model with a trajectory a window, its unknowns z, its loss and engine those of the whole model."""
    part = np.zeros(len(windows.data.t), dtype=np.int8)
    problem = replace(model.problem, data=windows.data, part=part, start=None)
    unknowns = WindowUnknowns(model.unknowns, windows.trajectory, model.field.states)
    inside = Model(problem, model.field, model.solver, model.loss, model.gradient, unknowns)
    inside.misfit = model.misfit
    if model.compiled is not None:
        inside.compile()
    return inside
