"""`wb.solve` and `wb.prepare`: names of solvers become solvers, the rest is `workbench.solving`."""

from __future__ import annotations

from typing import Any

from ..registry import installed


def _named(solver: Any, options: dict[str, Any]) -> Any:
    """The solver of that name, made with the settings that it takes out of `options`; an object as it is."""
    if not isinstance(solver, str):
        return solver
    given = [key for key in ("rtol", "atol", "step") if isinstance(options.get(key), int | float)]
    settings = {key: options.pop(key) for key in given}  # one atol a component is set on the solver, not by its factory
    return installed().make("solver", solver, settings)


def solve(f: Any, y0: Any, ts: Any, solver: Any = "tsit5", **options: Any) -> Any:
    """y(ts) of dy/dt = f(t, y), y(ts[0]) = y0; see `workbench.solving.solve`.

    `solver` is a name or a solver object; with a name, `rtol`, `atol` and `step` are passed to its factory.
    The other `options` are those of `workbench.solving.solve`.
    """
    from ..solving import solve as run

    return run(f, y0, ts, _named(solver, options), **options)


def prepare(f: Any, ts: Any, solver: Any = "tsit5", **options: Any) -> Any:
    """A handle that solves f on ts again and again, `ready(y0)`; see `workbench.solving.prepare`.

    `solver` is a name or a solver object, and `options` are those of `solve`.
    """
    from ..solving import prepare as made

    return made(f, ts, _named(solver, options), **options)
