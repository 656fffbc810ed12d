"""A fit in progress: problem, model, task and strategy made from choices, and the record of where it stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import Field, Step, Tree, TrialLoss
from ..dataset import TRAIN, VALIDATION
from ..errors.numerics import GradientUnavailable
from ..errors.usage import CompilerUnavailable, UsageError
from ..fitting import FitBudget, FitTask, Multistart, steps
from ..fitting.objective import LARGEST_DENSE
from ..model import Model
from ..model.compiled import Compiled
from ..model.derivatives import mode_for
from ..unknowns import Unknowns
from .choices import Choices, optimizer_for
from .threads import one_thread

if TYPE_CHECKING:
    from ..problem import Problem
    from ..runs import Record

HISTORY = ("number", "rung", "loss", "validation", "event")
FEW = 2
"""Training values per unknown from which no validation part is set aside: known equations rarely overfit then."""
HELD = 1
"""The same per weight of a network that the evidence holds to what the data ask for."""


class Session:
    """One fit from its choices. Two sessions with equal problem, choices and state go on bit for bit alike."""

    def __init__(self, problem: Problem, choices: Choices, budget: FitBudget) -> None:
        generator = np.random.default_rng([choices.seed, 0])
        field = choices.make("dynamics").build(problem, generator)
        solver, loss = choices.make("solver"), choices.make("loss")
        problem = _without_needless_validation(problem, _values_wanted(field, choices, loss))
        self.field, self.budget = field, budget
        self.truth: Problem | None = None  # what the model is compared with in the end
        self.model = Model(problem, field, solver, loss, choices.gradient, device=choices.device)  # type: ignore[arg-type]
        self.model.deadline = budget.deadline
        self.problem = replace(problem, notes=(*problem.notes, *self.model.said))
        if not choices.optimizer:
            choices = replace(choices, optimizer=_optimizer(field, choices, loss, len(self.model.unknowns.start)))
        choices = replace(choices, gradient=mode_for(choices.gradient, solver))  # type: ignore[arg-type]
        self.choices = replace(choices, engine=self._chosen_engine(choices))
        optimizer = self.choices.make("optimizer")
        if choices.gradient == "adjoint" and optimizer.least_squares:
            raise GradientUnavailable(
                f"the optimizer {choices.optimizer!r} needs Jacobians, and the adjoint gives gradients only",
                help="--optimizer lbfgs, or --gradient forward",
            )
        if isinstance(loss, TrialLoss) and optimizer.least_squares:
            raise UsageError(
                f"the optimizer {self.choices.optimizer!r} needs residuals, and the loss {choices.loss!r} has none",
                help=f"--optimizer {loss.optimizer}",
            )
        self.task = FitTask(self.model, optimizer, budget)
        self.strategy = self.choices.make("strategy")
        if choices.starts > 1:
            self.strategy = Multistart(self.strategy, choices.starts, self._redrawn)
        self.state: Tree = None
        self.history: dict[str, list[Any]] = {name: [] for name in HISTORY}
        self.seconds = 0.0

    def _chosen_engine(self, choices: Choices) -> str:
        """What executes the solves; `auto` compiles where it can, and else takes what the dynamics are made of."""
        wanted = choices.engine
        if choices.device != "cpu":
            another = "" if wanted in ("auto", "torch") else f"the engine {wanted}"
            if another or self.model.graph is not None:
                raise UsageError(
                    f"{another or f'the dynamics {choices.dynamics!r}'} cannot run on {choices.device!r}",
                    help="leave --device out; on a GPU run networks without events, by the engine torch",
                )
            return "torch"
        able = Compiled.serves(self.model)
        if able and wanted in ("auto", "compiled") and self._compiles():
            return "compiled"
        plain = "numpy" if self.model.graph is not None else "torch"
        if wanted == "compiled" and not able:
            raise UsageError(
                f"the dynamics {choices.dynamics!r} with the solver {choices.solver!r} and the gradient "
                f"{choices.gradient!r} cannot be compiled",
                help="--engine auto; compiled are graphs with explicit or Rosenbrock methods, the gradient discrete "
                "and no triggered events",
            )
        if wanted not in ("auto", "compiled", plain):  # a run that was compiled can be read where nothing compiles
            raise UsageError(
                f"the dynamics {choices.dynamics!r} run on the engine {plain}, not on {wanted!r}", help="--engine auto"
            )
        return plain

    def _compiles(self) -> bool:
        try:
            self.model.compile()
        except CompilerUnavailable:
            return False
        return True

    def _redrawn(self, generator: np.random.Generator) -> np.ndarray:
        """x at the start values of the same dynamics built anew."""
        field = self.choices.make("dynamics").build(self.problem, generator)
        return Unknowns([self.model._held_out(block) for block in field.blocks()]).start

    def resume(self, state: Tree, history: dict[str, list[Any]], seconds: float) -> None:
        """Go on from a stored state; a fit that a budget ended is opened again."""
        self.state = {**state, "done": ""} if state["done"] in ("time", "iterations", "interrupted") else state
        self.history, self.seconds = history, seconds

    def steps(self) -> Iterator[Step]:
        """Advance to the end; after each step `state`, `history` and `seconds` are up to date."""
        rng = np.random.default_rng([self.choices.seed, 1])
        before = time.monotonic()
        with one_thread(self.model.graph is None):
            for state, step in steps(self.task, self.strategy, rng, self.state):
                self.state = state
                self.seconds += time.monotonic() - before
                before = time.monotonic()
                if step.number and not (step.done and step.rung == "end"):
                    self._note(step)
                yield step
                before = time.monotonic()

    def _note(self, step: Step) -> None:
        row = (step.number, step.rung, step.loss, np.nan if step.validation is None else step.validation, step.event)
        for name, value in zip(HISTORY, row, strict=True):
            self.history[name].append(value)

    @property
    def x(self) -> np.ndarray:
        """The point to report: the strategy's best so far, or the start."""
        return self.model.unknowns.start if self.state is None else self.state["strategy"]["x"]

    @property
    def status(self) -> str:
        """`running` until the strategy or the budget has ended."""
        return (self.state or {}).get("done") or "running"

    def end(self, status: str) -> None:
        """Call the end of the fit by another status."""
        self.state = {**self.state, "done": status}

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions, plugins and machine; no part of a run's content."""
        from .provenance import provenance

        return provenance(self.choices.distributions(), self.choices.seed)

    def record(self, config: dict[str, Any], **results: Any) -> Record:
        """What a run file holds now; `results` are the parts that only a finished fit has."""
        from ..runs import Record

        data, system = self.model.data, self.problem.system
        columns = {name: _column(name, values) for name, values in self.history.items()}
        return Record(
            config=config,
            dataset=data,
            part=np.asarray(self.problem.part, dtype=np.int8),
            status=self.status,
            provenance=self.provenance,
            history=columns,
            model={"unknowns": self.model.unknowns.values(self.x), "x": self.x},
            checkpoint=self.state,
            problem_text=system.text if system is not None else "",
            timings={"seconds": self.seconds},
            state_names=self.field.states,
            **results,
        )


def _column(name: str, values: list[Any]) -> np.ndarray:
    if name in ("rung", "event"):
        return np.array(values, dtype=str)
    return np.array(values, dtype=np.int64 if name == "number" else float)


def _optimizer(field: Field, choices: Choices, loss: Any, n_unknowns: int) -> str:
    """The name that was chosen, that a loss on whole trials brings, or that the shapes ask for."""
    own = loss.optimizer if isinstance(loss, TrialLoss) else ""
    return choices.optimizer or own or optimizer_for(field, n_unknowns, choices.gradient)


def _values_wanted(field: Field, choices: Choices, loss: Any) -> int:
    """How many training values nothing need validate."""
    sizes = {block.name: int(block.spread("free").sum()) for block in field.blocks()}
    total = sum(sizes.values())
    optimizer = replace(choices, optimizer=_optimizer(field, choices, loss, total)).make("optimizer")
    declared = {block.name for block in field.blocks() if block.shrink}
    held = {"weights", "encoder"} - declared if optimizer.least_squares and total <= LARGEST_DENSE else set()
    return sum(size * (HELD if name in held else FEW) for name, size in sizes.items())


def _without_needless_validation(problem: Problem, wanted: int) -> Problem:
    part = np.asarray(problem.part)
    if not (part == VALIDATION).any():
        return problem
    assert problem.data is not None
    values = int(problem.data.mask[part <= VALIDATION].sum())
    if wanted >= values:
        return problem
    return replace(problem, part=np.where(part == VALIDATION, TRAIN, part).astype(np.int8))
