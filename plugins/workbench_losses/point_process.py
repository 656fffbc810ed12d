"""The likelihood of event times: channels count events, and the model's slope of a channel is its intensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contracts import Pointwise
from workbench.errors.data import OutsideSupport
from workbench.errors.numerics import NoFiniteSolution
from workbench.errors.usage import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PoissonProcess:
    """Minus the log-likelihood of a Poisson process: ∫λ dt − Σ log λ(tᵢ), the sum over events.

    A channel holds how many events there were up to each time; where it grows by k, k events happened at that time. Its
    first value opens what is observed and its last closes it. The model's channel is a state, whose slope is λ: so ∫λ
    dt is what the state grows by, found by the solver beside all else. Daley & Vere-Jones (2003), An Introduction to
    the Theory of Point Processes I, §7.2 (likelihood); Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366,
    section 5.1 (with an ODE for λ).
    """

    name: str = "poisson-process"
    optimizer: str = "lbfgs"

    def pointwise(self, noise: str) -> Pointwise:
        """How the curve of the count is scored: by differences, which are no likelihood of it."""
        return Pointwise(self.name, residual="mu - y", derivative="1")

    def value(self, trial: Any) -> float:
        """The loss of a trial; raises NoFiniteSolution where an intensity is not positive at an event."""
        return float(sum(_minus_log_likelihood(channel) for channel in self._channels(trial)))

    def gradient(self, trial: Any) -> tuple[float, np.ndarray]:
        """The loss and its gradient (unknown,)."""
        found = self._channels(trial)
        g_mu, g_slopes = np.zeros_like(trial.predicted), np.zeros_like(trial.slopes)
        for number, each in enumerate(found):
            np.add.at(g_mu[:, number], each.ends, 1.0)
            np.add.at(g_mu[:, number], each.begins, -1.0)
            g_slopes[each.at, each.state] -= each.events / each.intensity
        g_y0, g_x = trial.back(g_mu, g_slopes)
        none = np.zeros((1, 0))
        whole: np.ndarray = g_x + trial.model.pull(trial.x, trial.selection.rows, g_y0, none)
        return float(sum(_minus_log_likelihood(each) for each in found)), whole

    def score(self, trial: Any) -> float:
        """The loss a value; inf where there is no solution."""
        try:
            return self.value(trial) / max(int(trial.selection.mask.sum()), 1)
        except NoFiniteSolution:
            return float("inf")

    def _channels(self, trial: Any) -> list[Counted]:
        states = trial.model.states_seen
        if states is None:
            raise UsageError(
                "a channel that counts events must be a state of the model, whose slope is the intensity",
                help="-d intensity, or equations in which the count is a state",
            )
        names = trial.model.data.channels
        return [Counted.of(trial, number, int(state), names[number]) for number, state in enumerate(states)]


@dataclass(frozen=True)
class Counted:
    """The events of one channel and what the model says of them; places are those of the trial's observations."""

    state: int
    at: NDArray[np.intp]  # of the times at which there are events (time,)
    events: NDArray[np.float64]  # how many (time,)
    intensity: NDArray[np.float64]  # λ there (time,)
    begins: NDArray[np.intp]  # of the first value of each trajectory (row,)
    ends: NDArray[np.intp]  # of the last (row,)
    expected: float  # Σ over trajectories of ∫λ dt

    @classmethod
    def of(cls, trial: Any, channel: int, state: int, name: str) -> Counted:
        """Raises OutsideSupport where a count falls, NoFiniteSolution where λ is not positive at an event."""
        values, row = trial.selection.values[:, channel], trial.selection.row
        seen = np.flatnonzero(np.isfinite(values))
        same = np.diff(row[seen]) == 0
        grown = np.diff(values[seen])
        if (grown[same] < 0).any():
            raise OutsideSupport(
                f"the channel {name} falls, and with the loss 'poisson-process' it counts events",
                help="give the number of events up to each time: 0, 1, 2, …",
            )
        at = seen[1:][same & (grown > 0)]
        intensity = trial.slopes[at, state]
        if not (intensity > 0).all():
            raise NoFiniteSolution(f"the intensity of {name} is not positive at an event")
        first = np.concatenate([[True], ~same]) if len(seen) else np.zeros(0, bool)
        last = np.concatenate([~same, [True]]) if len(seen) else first
        begins, ends = seen[first], seen[last]
        mu = trial.predicted[:, channel]
        expected = float(np.sum(mu[ends] - mu[begins]))
        return cls(state, at, grown[same & (grown > 0)], intensity, begins, ends, expected)


def _minus_log_likelihood(counted: Counted) -> float:
    return counted.expected - float(np.sum(counted.events * np.log(counted.intensity)))
