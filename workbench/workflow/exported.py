"""`export`: a fitted model in another language or format, and the proof that it computes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors.nearest import did_you_mean
from ..errors.usage import FormatUnknown, NotExportable
from ..exporting import Curves, Form
from .written import written

if TYPE_CHECKING:
    from ..runs import Run
    from .export_check import Agreement
    from .fitted import Fitted

SUFFIXES = {"python": ".py", "c": ".c", "torch": ".py", "sympy": ".py", "latex": ".tex", "csv": ".csv", "netcdf": ".nc"}
"""Format → how the names of its files end."""


@dataclass(frozen=True)
class Exported:
    """What `export` made: the text where the format is one, the file where one was asked for, the comparison."""

    format: str
    text: str | None
    path: Path | None
    agreement: Agreement | None

    def document(self) -> dict[str, Any]:
        """The document `workbench/export/1`."""
        return {
            "schema": "workbench/export/1",
            "format": self.format,
            "file": None if self.path is None else str(self.path),
            "agreement": None if self.agreement is None else self.agreement.document(),
        }


def export(
    run: Fitted | Run | str | Path,
    format: str,
    out: str | Path | None = None,
    *,
    verify: bool = False,
    store: str | Path = "runs",
    plugins: Iterable[str | Path] = (),
) -> Exported:
    """Write a run as `python`, `c`, `torch`, `sympy`, `latex`, `csv` or `netcdf`, to the file `out` if one is given.

    That is the `format`; a stored run is looked for in the folder `store`, with its `plugins` (files).
    Programs hold rhs(t, y, u, c, p), observe and the fitted numbers, and depend on no part of the workbench. With
    `verify` what was written is read back (executed, compiled, parsed), put in the place of the model's own
    right-hand side under the run's own solver, and compared with the run's stored prediction. Raises FormatUnknown,
    NotExportable (dynamics that give a torch module only), NotWritable.
    """
    from .export_check import agreement_of
    from .fitted import Fitted, fitted_of, opened

    if format not in SUFFIXES:
        help = did_you_mean(format, SUFFIXES) or f"one of {', '.join(SUFFIXES)}"
        raise FormatUnknown(f'"{format}" is no format of export', help=help)
    path = None if out is None else Path(out)
    if format in ("csv", "netcdf"):
        stored = run.run if isinstance(run, Fitted) else opened(run, store)
        return _tables(stored, format, path, verify)
    fitted = fitted_of(run, store, plugins)
    form = form_of(fitted)
    text = _printer(format, fitted)(form)
    if path is not None:
        written(path, lambda file: file.write_text(text, encoding="utf-8"))
    return Exported(format, text, path, agreement_of(fitted, form, format, text) if verify else None)


def _printer(format: str, fitted: Fitted) -> Callable[[Form], str]:
    from .. import exporting

    if format == "latex":
        return lambda form: exporting.latex_file(form, _equations(fitted, form), fitted.parameters)
    return {
        "python": exporting.python_file,
        "c": exporting.c_file,
        "torch": exporting.torch_file,
        "sympy": exporting.sympy_file,
    }[format]


def form_of(fitted: Fitted) -> Form:
    """The model of a run with its fitted numbers; raises NotExportable where its dynamics give no graph."""
    model, x = fitted.session.model, fitted.session.x
    graph, data = model.lowered, model.data
    if graph is None:
        name = fitted.session.choices.dynamics
        raise NotExportable(
            f"the dynamics {name!r} are a torch module that cannot be printed",
            help="export csv or netcdf; wb.load(RUN).session.model.field.module() is the module itself",
        )
    observed = tuple(graph.groups["observed"][i] for i in model.channel_columns)
    graph = replace(graph, groups={**graph.groups, "observed": observed})
    p = model.columns.parameters(x)
    names = graph.covariates
    return Form(
        title=fitted.name or "a fitted model",
        graph=graph,
        channels=data.channels,
        trajectories=data.trajectories,
        p=p if p.ndim == 2 else np.tile(p, (data.n_trajectories, 1)),
        t0=np.asarray(model.t0, dtype=float),
        y0=model.initial(x)[0],
        c=np.column_stack([data.covariates[name] for name in names]) if names else None,
        inputs=data.inputs if graph.inputs else None,
        interpolation=tuple(_interpolation(model.problem, graph.inputs)),
        time=data.time,
        units=_units(fitted),
        events=tuple(event.name for event in model.events),
    )


def _interpolation(problem: Any, names: tuple[str, ...]) -> list[str]:
    declared = {each.name: each.interpolation for each in problem.system.inputs} if problem.system else {}
    return [declared.get(name, "hold") for name in names]


def _units(fitted: Fitted) -> Mapping[str, str]:
    """Of time, channels, inputs and parameters, where they are known."""
    return dict(fitted.session.model.data.units) | {
        name: str(one["unit"]) for name, one in fitted.parameters.items() if one.get("unit")
    }


def _equations(fitted: Fitted, form: Form) -> tuple[str, ...]:
    """In LaTeX: the problem's own where the dynamics are its equations, else those of the graph."""
    system = fitted.session.problem.system
    if system is not None and set(system.state_names) == set(form.graph.states) and not form.graph.networks:
        return system.latex()
    from ..exporting.latex_equations import latex_equations

    return latex_equations(form)


def _tables(run: Any, format: str, path: Path | None, verify: bool) -> Exported:
    from ..exporting import csv_text, write_netcdf
    from .export_check import table_agreement

    curves = Curves(
        title=Path(run.path).stem if getattr(run, "path", None) else "a fitted model",
        data=run.dataset,
        part=np.asarray(run.part),
        prediction=run.prediction,
        lower=run.lower,
        upper=run.upper,
        states=run.states,
        state_names=tuple(run.state_names),
    )
    if format == "netcdf":
        if path is None:
            raise NotExportable("netCDF is no text for the terminal", help="-o FILE.nc")
        written(path, lambda file: write_netcdf(curves, file))
        return Exported(format, None, path, table_agreement(curves, path) if verify else None)
    text = csv_text(curves)
    if path is not None:
        written(path, lambda file: file.write_text(text, encoding="utf-8"))
    return Exported(format, text, path, table_agreement(curves, text) if verify else None)
