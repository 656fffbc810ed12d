"""The reporter of figures: which are drawn, and where they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from workbench.axes import STYLE, make_room
from workbench.errors.data import NothingToPlot

from .saving import written

Kind = Literal["all", "fit", "phase", "residuals", "loss"]
Format = Literal["png", "svg", "pdf"]
SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class FiguresReporter:
    """Figures of runs, by matplotlib without pyplot; `kind` all draws every figure that a run has the content for."""

    kind: Kind = "all"
    format: Format = "png"
    dpi: int = 150

    def render(self, runs: Sequence[Any], out: Path | None) -> Sequence[Path] | str:
        """The files written: `out` itself for one figure, else NAME-KIND.FORMAT in the folder `out` (default: here).

        A file name with a suffix decides the format; for several figures it is their common beginning. Raises
        NothingToPlot (D060) where a run has nothing to show, NotWritable (R007).
        """
        import matplotlib

        files: list[Path] = []
        with matplotlib.rc_context(STYLE):
            drawn = [(run, kind, figure) for run in runs for kind, figure in self._draw(run)]
            for _, _, figure in drawn:
                make_room(figure)
            for run, kind, figure in drawn:
                path = self._path(out, _name(run), kind, len(runs), len(drawn))
                files.append(written(path, partial(self._save, figure)))
        return files

    def _draw(self, run: Any) -> list[tuple[str, Any]]:
        """The figures of one run; with kind "all" those that lack their content are passed over."""
        drawers = _drawers()
        if self.kind != "all":
            return [(self.kind, drawers[self.kind](run, _title(run)))]
        found, missing = [], []
        for kind, draw in drawers.items():
            try:
                found.append((kind, draw(run, _title(run))))
            except NothingToPlot as reason:
                missing.append(reason)
        if not found:
            raise missing[0]
        return found

    def _path(self, out: Path | None, name: str, kind: str, n_runs: int, n_figures: int) -> Path:
        """Where one figure goes."""
        if out is None or out.suffix.lower() not in SUFFIXES:
            return (out or Path()) / f"{name}-{kind}.{self.format}"
        if n_figures == 1:
            return out
        middle = f"-{name}" if n_runs > 1 else ""
        return out.with_name(f"{out.stem}{middle}-{kind}{out.suffix}")

    def _save(self, figure: Any, path: Path) -> None:
        """The file, without the date, so that equal runs give equal files."""
        suffix = path.suffix.lower()
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix, {})
        figure.savefig(path, dpi=self.dpi, format=suffix[1:], metadata=undated)


def figures(kind: Kind = "all", format: Format = "png", dpi: int = 150) -> FiguresReporter:
    """Reporter `figures`: which kind, in which format where no file name says so, at how many dots per inch."""
    return FiguresReporter(kind, format, dpi)


def _drawers() -> dict[str, Callable[[Any, str], Any]]:
    """Kind → the function that draws it."""
    from .fit_figure import fit_figure
    from .loss_figure import loss_figure
    from .phase_figure import phase_figure
    from .residual_figure import residual_figure

    return {"fit": fit_figure, "phase": phase_figure, "residuals": residual_figure, "loss": loss_figure}


def _name(run: Any) -> str:
    """What files of this run are called."""
    return getattr(run, "name", None) or "run"


def _title(run: Any) -> str:
    """Name, dynamics and held-out fit of the run."""
    chosen = run.config.get("choices") or run.config
    said = [_name(run), str(chosen.get("dynamics") or "")]
    for part, label in (("train", "training"), ("holdout", "held-out")):
        fit = (run.metrics.get(part) or {}).get("fit_percent")
        if fit is not None:
            said.append(f"{label} fit {fit:.1f}\N{NO-BREAK SPACE}%")
    return " · ".join(part for part in said if part)
