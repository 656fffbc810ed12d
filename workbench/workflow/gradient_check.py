"""The certificate of gradients: each mode of a solver against an independent derivative of the same solve."""

from __future__ import annotations

import copy
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import GradientMode
from ..engine.adjoint import TOO_FAR
from ..engine.tolerances import relative
from ..errors import WorkbenchError
from ..model import Model, Selection, Trial
from ..model.derivatives import modes_of, pulled
from .gradient_reference import Reference, directions, reference, untouched

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem
    from .choices import Choices

EXACT = ("discrete", "backprop")
"""Modes that claim to be the derivative of the steps taken; the others are good to the solver's tolerance."""

MOST = 50
"""Observation times of a trajectory that a check looks at: at each of them the adjoint starts anew."""

BEGINNING = 2000
"""Observations on which the gradient of a finished fit is checked: the steps are repeated on NumPy, one by one."""

LOOSE = 1e3
"""Times rtol: how far a mode that is good to the tolerance may be, for errors of many steps add up."""

SHAKEN = 10.0
"""Times the roundings measured: how far off a right gradient may be, which has roundings of its own."""

SHARP = 5e-7
"""What must be told apart along one direction at least, as a share of its derivative: 1e-6 wrong is not to pass."""


@dataclass(frozen=True)
class ModeCheck:
    """One mode: its error against the reference, as a share of Σ|g_i v_i|, and what it cost.

    Verdicts of modes that claim exactness, unless the times of events move: exact, rounded (no further off than
    roundings move the reference), unknown (they move it too far to tell), off; of the others: agrees, rough, astray
    (the adjoint's states); of all: failed.
    """

    mode: str
    verdict: str
    relative_error: float | None
    rounding: float | None = None  # how far a few roundings move the reference, in the same shares; where measured
    seconds: float | None = None
    peak_bytes: int | None = None  # of NumPy's and Python's memory, the solve included
    saved_bytes: int | None = None  # of tensors in torch's graph of the steps
    reverse_error: float | None = None
    message: str = ""


@dataclass(frozen=True)
class GradientCheck:
    """Every mode of one solver on one problem."""

    problem: str
    dynamics: str
    solver: str
    seed: int
    steps: int  # of the longest trajectory
    against: str
    modes: tuple[ModeCheck, ...]

    @property
    def holds(self) -> bool:
        """Every mode that claims exactness is exact, or as near to it as roundings (with events, tolerances) allow."""
        return all(found.verdict in ("exact", "rounded", "agrees") for found in self.modes if found.mode in EXACT)

    def document(self) -> dict[str, Any]:
        """The document `workbench/gradient/1`."""
        fields = {**asdict(self), "modes": [asdict(found) for found in self.modes]}
        return {"schema": "workbench/gradient/1", **fields, "holds": self.holds}


def check_gradient(
    problem: str | Path | Problem,
    *,
    dynamics: str | None = None,
    solver: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    plugins: Iterable[str | Path] = (),
) -> GradientCheck:
    """Compare the gradient modes of a solver on a problem, at the values of its file or a network drawn by the seed.

    The gradient is that of Σ w·y by initial states and parameters, over up to 50 observation times a trajectory, with
    weights w drawn by the seed. `dynamics` and `solver` are names (the equations and tsit5 unless given), `settings`
    their options, `plugins` files to load. Raises NoFiniteSolution where the solve itself fails, and what opening the
    problem raises.
    """
    made, choices = compared(problem, dynamics, solver, settings, seed, plugins)
    found = [made.checked_and_measured(mode) for mode in modes_of(made.model.solver)]
    return GradientCheck(
        made.model.problem.name, choices.dynamics, choices.solver, seed, made.steps, made.reference.name, tuple(found)
    )


def compared(
    problem: str | Path | Problem,
    dynamics: str | None = None,
    solver: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    plugins: Iterable[str | Path] = (),
) -> tuple[Comparison, Choices]:
    """The comparison that `check_gradient` makes, before any mode is looked at, and what was chosen for it."""
    from .choices import choose
    from .simulating import simulate
    from .sources import open_source, read_problem

    settings = dict(settings or {})
    question = read_problem(problem, plugins) if isinstance(problem, str | Path) else problem
    if question.data is None and question.data_file is None:  # observations by the solver itself, however stiff
        terms = {network.name: 0.0 for network in question.system.networks} if question.system is not None else {}
        solved = simulate(
            question, solver=solver or "tsit5", settings=settings, values=terms, seed=seed, plugins=plugins
        )
        question = question.with_data(solved.dataset(), "none")
    question = open_source(question, None, split="none", settings=settings, meaning={}, plugins=plugins)
    choices = choose(
        question,
        dynamics=dynamics,
        solver=solver,
        loss="mse",
        optimizer=None,
        strategy=None,
        gradient="discrete",
        engine="auto",
        seed=seed,
        settings=settings,
        plugins=plugins,
    )
    field = choices.make("dynamics").build(question, np.random.default_rng([seed, 0]))
    model = Model(question, field, choices.make("solver"), choices.make("loss"))
    trial = model.trial(model.unknowns.start, Selection.of(model.data, _few(model.data)))
    return Comparison(trial, np.random.default_rng([seed, 3]), 4), choices


def _few(data: Dataset) -> np.ndarray:
    """Which observations are looked at: evenly chosen ones of each trajectory, the last among them (observation,)."""
    chosen = np.zeros(len(data.t), dtype=bool)
    for start, size in zip(data.starts, data.row_size, strict=True):
        chosen[start + np.unique(np.linspace(0, size - 1, min(size, MOST)).round().astype(int))] = True
    return chosen


def checked_fit(trial: Trial, seed: int) -> dict[str, Any] | None:
    """The cheap form for a finished fit: its own mode along one direction; None where that cannot be had.

    None too for a curve without states, where no solve is differentiated. Of long trajectories the beginning is taken.
    """
    if not trial.model.field.states:
        return None
    try:
        trial = _beginning(trial)
        made = Comparison(trial, np.random.default_rng([seed, 3]), 1, quick=True)
        found = made.checked(trial)
    except WorkbenchError:
        return None
    return {
        "mode": found.mode,
        "against": made.reference.name,
        "max_relative_error": found.relative_error,
        "reverse_error": found.reverse_error,
        "verdict": found.verdict,
    }


def _beginning(trial: Trial) -> Trial:
    """The trial on equally many first observations of each trajectory, where there are more than BEGINNING."""
    model, index = trial.model, trial.selection.index
    if len(index) <= BEGINNING:
        return trial
    data = model.data
    first = np.zeros(len(data.t), dtype=bool)
    first[index] = True
    first &= np.arange(len(data.t)) - data.starts[data.trajectory_of] < max(BEGINNING // data.n_trajectories, 2)
    return model.trial(trial.x, Selection.of(data, first)) if first.any() else trial


class Comparison:
    """A trial, a functional of its states at the observations, and that functional's derivatives."""

    def __init__(self, trial: Trial, rng: np.random.Generator, n_directions: int, quick: bool = False) -> None:
        self.base, self.model = trial, trial.model
        _ = trial.states  # raises where a trajectory did not arrive
        p = _parameters(trial)
        weights = _weights(trial, rng)
        along = directions(trial, p, n_directions, rng)
        self.weights = untouched(trial, p, weights, along)
        self.reference: Reference = reference(trial, p, self.weights, along, quick=quick)
        self._rng = rng

    @property
    def steps(self) -> int:
        """Steps of the longest trajectory; 0 where the solver does not say."""
        mesh = self.base.trajectory.mesh
        steps = mesh.n_steps if mesh is not None else self.base.trajectory.stats.get("accepted", np.zeros(0, int))
        return int(steps.max(initial=0))

    def checked_and_measured(self, mode: GradientMode) -> ModeCheck:
        """One mode against the reference, taken twice, to see its time and its memory."""
        found = self.checked(self._trial(mode))
        if found.verdict == "failed":
            return found
        with _memory(graph=mode == "backprop") as memory:
            pulled(self._trial(mode), self.weights)
        return replace(found, peak_bytes=memory["peak"], saved_bytes=memory["saved"])

    def checked(self, trial: Trial) -> ModeCheck:
        """A trial's own mode against the reference."""
        mode = trial.mode
        begun = time.perf_counter()
        try:
            gradient = pulled(trial, self.weights)
        except (WorkbenchError, RuntimeError) as failure:  # the latter is torch's, for what a module cannot do
            return ModeCheck(mode, "failed", None, message=str(failure))
        seconds = time.perf_counter() - begun
        return replace(self.judged(mode, *gradient, trial.reverse_error), seconds=seconds)

    def judged(
        self, mode: GradientMode, g_y0: np.ndarray, g_p: np.ndarray, reverse_error: float | None = None
    ) -> ModeCheck:
        """A gradient by y0 (row, state) and p (row or 1, parameter) against the reference."""
        off, size = self._distances(g_y0, g_p)
        if mode in EXACT and (self.base.chain is None or self.base.chain.events.fixed):
            return self._exactness(mode, off, size)
        error = float((off / size).max())
        return ModeCheck(mode, self._nearness(error, reverse_error), error, reverse_error=reverse_error)

    def _trial(self, mode: GradientMode) -> Trial:
        model = copy.copy(self.model)
        model.gradient = mode
        return model.trial(self.base.x, self.base.selection)

    def _distances(self, g_y0: np.ndarray, g_p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the derivative is off the reference, and Σ|g_i v_i|, along each direction (direction,)."""
        off, size = [], []
        for one, value in zip(self.reference.along, self.reference.values, strict=True):
            shared = g_p.sum(axis=0) if one.p.ndim == 1 else g_p
            of_rows = one.p if one.p.ndim == 1 or len(one.p) == len(shared) else one.p[self.base.selection.rows]
            terms = np.concatenate([(g_y0 * one.y0).ravel(), (shared * of_rows).ravel()])
            off.append(abs(float(terms.sum()) - float(value)))
            size.append(float(np.abs(terms).sum()) or 1.0)
        return np.array(off), np.array(size)

    def _exactness(self, mode: GradientMode, off: np.ndarray, size: np.ndarray) -> ModeCheck:
        """The verdict on a mode that claims to be the derivative of the steps; roundings are measured where needed."""
        error, bound = float((off / size).max()), self.reference.bound
        if error <= bound:
            return ModeCheck(mode, "exact", error)
        allowed, rounding = np.maximum(bound * size, SHAKEN * self.roundings), float((self.roundings / size).max())
        if not (off <= allowed).all():
            return ModeCheck(mode, "off", error, rounding)
        message = f"roundings of the start and of parameters move the reference by up to {rounding:.1e}"
        if not (allowed <= SHARP * np.abs(self.reference.values)).any():
            return ModeCheck(mode, "unknown", error, rounding, message=f"{message}, too far to tell")
        return ModeCheck(mode, "rounded", error, rounding, message=message)

    @cached_property
    def roundings(self) -> np.ndarray:
        """How far roundings move the reference along each direction (direction,)."""
        return self.reference.roundings(self._rng)

    def _nearness(self, error: float, reverse: float | None) -> str:
        """The verdict on a mode that is good to the tolerance."""
        rtol = relative(self.model.solver)
        if reverse is not None and reverse > TOO_FAR * rtol:
            return "astray"
        return "agrees" if error <= max(LOOSE * rtol, self.reference.bound) else "rough"


def _parameters(trial: Trial) -> np.ndarray:
    """p of the trial's right-hand side, without torch where it is a graph's."""
    from ..model.graph_rhs import GraphRhs

    if isinstance(trial.rhs, GraphRhs):
        return np.asarray(trial.rhs.p, dtype=float)
    from ..model.backprop import parameters_of

    return parameters_of(trial.rhs)


def _weights(trial: Trial, rng: np.random.Generator) -> np.ndarray:
    """gys (row, time, state), normal over each state's largest value, at the selected observations."""
    ys = trial.trajectory.ys
    gys = np.zeros_like(ys)
    largest = np.nanmax(np.abs(ys), axis=(0, 1))
    at = (trial.selection.row, trial.selection.column)
    gys[at] = rng.standard_normal((len(trial.selection), ys.shape[2])) / np.where(largest > 0, largest, 1.0)
    return gys


@contextmanager
def _memory(graph: bool) -> Iterator[dict[str, int]]:
    """The peak of Python's allocations (NumPy's among them) inside, and the bytes of tensors in torch's `graph`."""
    memory = {"peak": 0, "saved": 0}
    seen: set[int] = set()

    def count(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            memory["saved"] += storage.nbytes()
        return tensor.detach()  # an output would hold the node that holds it

    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        if not graph:
            yield memory
        else:
            import torch

            with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
                yield memory
        memory["peak"] = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not already:
            tracemalloc.stop()
