"""A trial through events: its pieces are trials of their own, and derivatives pass from one to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..contracts import Ending, Event, Trajectory
from .chain import Chain
from .derivatives import Pair, pulled, sensitivities
from .events import Events
from .graph_rhs import GraphRhs
from .selection import Selection
from .trial import Trial

if TYPE_CHECKING:
    from .model import Model


class TrialPiece(Trial):
    """The trial of trajectories `rows` between two events, from y0 (row, state) at t0 (row,) to ts (row, time)."""

    chain = None

    def __init__(
        self,
        model: Model,
        x: np.ndarray,
        rows: np.ndarray,
        y0: np.ndarray,
        t0: np.ndarray,
        ts: np.ndarray,
        found: Trajectory | None = None,
    ) -> None:
        super().__init__(model, x, Selection.at(rows, ts, model.data.n_channels))
        self.y0, self.t0 = y0, t0
        if found is not None:
            self.trajectory = found

    def until(self, trajectory: Trajectory) -> TrialPiece:
        """The same solve, seen at the times of `trajectory`."""
        return TrialPiece(self.model, self.x, self.selection.rows, self.y0, self.t0, trajectory.ts, trajectory)


class TrialChain(Chain):
    """A trial's solve through the model's events, and its derivatives by the trial's mode."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        assert isinstance(trial.rhs, GraphRhs), "events are formulas"
        events = Events(trial.model.events, trial.rhs)
        super().__init__(events, self._piece, trial.y0, trial.t0, trial.selection.ts)

    def _piece(
        self,
        rows: np.ndarray,
        y0: np.ndarray,
        t0: np.ndarray,
        ts: np.ndarray,
        events: tuple[Event, ...],
        after: Ending | None,
    ) -> TrialPiece:
        model, x, numbers = self.trial.model, self.trial.x, self.trial.selection.rows[rows]
        piece = TrialPiece(model, x, numbers, y0, t0, ts)
        if not events:
            return piece
        options = replace(piece.options(keep=self.trial.mode == "discrete"), events=events, after=after)
        with np.errstate(all="ignore"):
            found = model.solver.solve(piece.rhs, y0, t0, ts, options)
        return TrialPiece(model, x, numbers, y0, t0, ts, found)

    def push(self) -> Pair:
        """∂y/∂y0 (row, time, state, state) and ∂y/∂p (row, time, state, parameter), NaN where not reached."""
        d, n = self._y.shape[1], self.events.rhs.n_parameters
        found = np.full((*self.ts.shape, d, d + n), np.nan)
        here = np.zeros((len(self.ts), d, d + n))
        here[:, np.arange(d), np.arange(d)] = 1.0
        for link in self.links:
            line, column, whole = link.asked
            met, m_y, m_p = self.jumps(link)
            if isinstance(link.piece, TrialPiece):
                by_y0, by_p = sensitivities(link.piece)
                through = by_y0 @ here[link.rows][:, None]
                through[..., d:] += by_p
                found[link.rows[line], whole] = through[line, column]
                before = through[met, link.at[met]]
            else:
                found[link.rows[line], whole] = here[link.rows[line]]
                before = here[link.rows[met]]
            here[link.rows[met]] = m_y @ before
            here[link.rows[met], :, d:] += m_p
        return found[..., :d], found[..., d:]

    def pull(self, gys: np.ndarray) -> Pair:
        """Σ gysᵀ ∂y/∂y0 (row, state) and Σ gysᵀ ∂y/∂p (row, parameter), for gys (row, time, state)."""
        rows, d = self._y.shape
        g_y, g_p = np.zeros((rows, d)), np.zeros((rows, self.events.rhs.n_parameters))
        errors = []
        for link in reversed(self.links):
            line, column, whole = link.asked
            met, m_y, m_p = self.jumps(link)
            back, g = np.zeros((len(link.rows), d)), g_y[link.rows[met]]
            back[met] = np.einsum("li,lij->lj", g, m_y)
            g_p[link.rows[met]] += np.einsum("li,lip->lp", g, m_p)
            if isinstance(link.piece, TrialPiece):
                g_piece = np.zeros_like(link.piece.trajectory.ys)
                g_piece[line, column] = gys[link.rows[line], whole]
                g_piece[met, link.at[met]] += back[met]
                back, by_p = pulled(link.piece, g_piece)
                g_p[link.rows[: len(by_p)]] += by_p  # one sum for all stands with the first
                errors.append(link.piece.reverse_error)
            else:
                np.add.at(back, line, gys[link.rows[line], whole])
            g_y[link.rows] = back
        told = [error for error in errors if error is not None]
        self.trial.reverse_error = max(told) if told else None
        return g_y, g_p
