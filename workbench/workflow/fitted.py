"""A fitted model: the run's record, and the model itself where its plugins are there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Where
from ..errors.store import LayoutWrong
from ..errors.usage import UsageError
from ..fitting import FitBudget
from .changes import Changes
from .choices import Choices

if TYPE_CHECKING:
    from ..problem import Problem
    from ..runs import Record, Run
    from .bootstrapping import Bootstrap
    from .exported import Exported
    from .predicting import Prediction
    from .profiles import Profiles
    from .session import Session


class Fitted:
    """The result of `fit` or `load`: what was found (plain data), and a model that can predict."""

    def __init__(self, record: Record | Run, session: Session, path: Path | None) -> None:
        self.run, self.session, self.path = record, session, path

    @property
    def name(self) -> str | None:
        """The run's name, if it is stored."""
        return self.path.stem if self.path else None

    @property
    def status(self) -> str:
        """converged, stuck, stalled, early_stop, iterations, time or interrupted."""
        return str(self.run.status)

    @property
    def parameters(self) -> dict[str, Any]:
        """Name → value, stderr, ci95."""
        return dict(self.run.parameters)

    @property
    def metrics(self) -> dict[str, Any]:
        """train, validation, holdout and baselines."""
        return dict(self.run.metrics)

    @property
    def equations(self) -> tuple[str, ...]:
        """The fitted right-hand sides, readable."""
        return tuple(self.run.equations)

    @property
    def verdict(self) -> dict[str, Any]:
        """The word (good, doubtful, bad) and its reasons."""
        return dict(self.run.diagnostics["verdict"])

    @property
    def starts(self) -> dict[str, Any] | None:
        """Where the starts of the fit ended, best first (see `diagnose.waterfall`); None for a fit from one start."""
        return self.run.diagnostics.get("starts")

    def predict(self, ts: Any = None, x0: Any = None, **options: Any) -> Prediction:
        """The trajectory at `ts` (time,); see `workflow.predict`."""
        from .predicting import predict

        return predict(self, times=ts, x0=x0, **options)

    def profile(self, names: Sequence[str] = (), **options: Any) -> Profiles:
        """The profiles of the named unknowns, or of all; see `workflow.profile`."""
        from .profiling import profile

        return profile(self, names, **options)

    def bootstrap(self, **options: Any) -> Bootstrap:
        """Fits to data drawn anew; see `workflow.bootstrap`."""
        from .bootstrapping import bootstrap

        return bootstrap(self, **options)

    def term(self, name: str, *arguments: Any) -> np.ndarray:
        """The values (point,) of a learned term of the equations, at arguments that are numbers or (point,) each.

        Raises UsageError where there is no such term, or it takes another number of arguments.
        """
        from .learned import term_values

        return term_values(self.session.model, self.session.x, name, arguments)

    def export(self, format: str, out: str | Path | None = None, *, verify: bool = False) -> Exported:
        """The model in another language, or its curves; see `workflow.export`."""
        from .exported import export

        return export(self, format, out, verify=verify)

    def slopes(self, states: Any, t: float | Any = 0.0, trajectory: int = 0) -> np.ndarray:
        """dy/dt (point, state) of the fitted dynamics at states (point, state) and times (one, or a point each).

        Inputs, covariates and own parameters are those of the `trajectory`. Raises UsageError for states of another
        number.
        """
        model, y = self.session.model, np.atleast_2d(np.asarray(states, dtype=float))
        if y.shape[1] != len(model.field.states):
            raise UsageError(
                f"the states have {y.shape[1]} columns; the dynamics have {', '.join(model.field.states)}",
                help="give (point, state)",
            )
        times = np.broadcast_to(np.asarray(t, dtype=float), (len(y),))
        f = model.rhs(self.session.x, np.array([trajectory]))
        return np.asarray(f(times, y, np.zeros(len(y), dtype=int), times))

    def save(self, path: str | Path) -> Path:
        """Write the run to a file, sealed; raises RunExists if it is there already."""
        from ..runs import RunWriter

        path = Path(path)
        with RunWriter(path) as writer:
            writer.commit(self.run)
        self.path = path
        return path

    def document(self) -> dict[str, Any]:
        """The document of `fit --json`."""
        from .document import fit_document

        return fit_document(self.run, self.path)

    def __repr__(self) -> str:
        train = self.metrics.get("train") or {}
        return f"Fitted({self.run.config['choices']['dynamics']}, {self.status}, fit {train.get('fit_percent')} %)"


def opened(run: str | Path | Run, store: str | Path = "runs") -> Run:
    """The stored run of a name, prefix, path or @last."""
    from ..runs import Run, resolve

    return run if isinstance(run, Run) else Run.open(resolve(str(run), Path(store)))


def load(run: str | Path | Run, store: str | Path = "runs", plugins: Iterable[str | Path] = ()) -> Fitted:
    """A stored run as a Fitted that can predict.

    It is looked for in the folder `store`. Its plugins must be installed or given as files in `plugins`: a run names
    them, and never says where they are.
    """
    from .session import Session

    stored = opened(run, store)
    choices = replace(Choices.stored(stored.config, plugins), device="cpu")  # the machine may have no other
    session = Session(question_of(stored), choices, FitBudget(time.monotonic))
    session.state = state_of(stored, session)
    session.model.settle(session.x)
    return Fitted(stored, session, Path(stored.path))


def fitted_of(run: Fitted | Run | str | Path, store: str | Path = "runs", plugins: Iterable[str | Path] = ()) -> Fitted:
    """The fitted model itself, or a stored run, loaded."""
    return run if isinstance(run, Fitted) else load(run, store, plugins)


def question_of(stored: Run) -> Problem:
    """The problem of a run, from what is stored in it alone; raises LayoutWrong where that is none of ours."""
    try:
        return _question(stored, stored.config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"the run's configuration cannot be read: {type(error).__name__} {error}"
        raise LayoutWrong(message, help="fit again", where=Where(str(stored.path))) from error


def state_of(stored: Run, session: Session) -> Any:
    """The checkpoint of a run, looked over before a session goes on from it; raises LayoutWrong."""
    state = stored.checkpoint
    inner = state.get("strategy") if isinstance(state, dict) else None
    x = inner.get("x") if isinstance(inner, dict) else None
    sound = isinstance(x, np.ndarray) and x.shape == session.model.unknowns.start.shape
    if not sound or not isinstance(state.get("number"), int) or not isinstance(state.get("done"), str):
        message = "the run's checkpoint does not fit the model that its configuration describes"
        raise LayoutWrong(message, help="fit again", where=Where(str(stored.path)))
    return state


def _question(stored: Run, config: dict[str, Any]) -> Problem:
    from ..problem import Problem, read_problem

    problem = Problem(config["problem"] or "data")
    if stored.problem_text:
        problem = read_problem(stored.problem_text + "\n")
        assert problem.system is not None
        problem = replace(problem, system=replace(problem.system, text=stored.problem_text))  # as it was, to the byte
        problem = replace(Changes.stored(config).made_to(problem), name=config["problem"])
    part, said = np.asarray(stored.part), Changes.stored(config)
    return replace(
        problem,
        data=stored.dataset,
        part=part,
        noise=config["noise"],
        scales=said.scales,
        limits=said.limits,
        start=config["start"],
    )
