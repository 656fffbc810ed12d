"""Events of `solve`: a user's functions read over rows, and what is told of what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import Event
from ..errors.numerics import RhsUnreadable, ShapeOfEvent
from .reading import Call, call_as, lines_to_try, read

if TYPE_CHECKING:
    from .door import Task

Array = Any


@dataclass(frozen=True)
class Happening:
    """An event that happened: its name, when, and the state before and after it; tensors where y0 is one."""

    name: str
    t: Any
    before: Any
    after: Any


@dataclass(frozen=True)
class ReadEvent:
    """An event whose functions take rows of the task's own arrays: g (line,) and the map (line, *state)."""

    asked: Event
    function: Call
    state_map: Call | None

    def on_rows(self, like: Array) -> Event:
        """The event for a solver; torch's functions may be given NumPy arrays, and give them back."""
        state_map = None if self.state_map is None else _either(self.state_map, like)
        return replace(self.asked, function=_either(self.function, like), state_map=state_map)


def _either(call: Call, like: Array) -> Callable[..., Array]:
    """The function for arrays of the kind of `like` and for NumPy's."""

    def called(t: np.ndarray, y: Array, row: np.ndarray) -> Array:
        if isinstance(y, np.ndarray) == isinstance(like, np.ndarray):
            return call(time_like(y, t), y, [])
        import torch

        with torch.no_grad():
            state = torch.from_numpy(np.ascontiguousarray(y)).to(like.device)
            return call(time_like(state, t), state, []).cpu().numpy()

    return called


def time_like(y: Array, t: np.ndarray) -> Array:
    """Times (line,) in the precision and on the device of y."""
    if isinstance(y, np.ndarray):
        return t.astype(y.real.dtype, copy=False)
    import torch

    return torch.as_tensor(t, dtype=y.real.dtype if y.is_complex() else y.dtype, device=y.device)


def read_events(task: Task, events: Sequence[Event]) -> list[ReadEvent]:
    """The events with their functions read as f is; raises ShapeOfEvent for what cannot be read."""
    return [_read(task, event) for event in events]


def _read(task: Task, event: Event) -> ReadEvent:
    return ReadEvent(
        event,
        _call(task, event.function, f"event {event.name!r} gives no number", scalar=True),
        None
        if event.state_map is None
        else _call(task, event.state_map, f"the state map of event {event.name!r} gives no state", scalar=False),
    )


def _call(task: Task, function: Callable[..., Array], complaint: str, scalar: bool) -> Call:
    def called(t: Array, y: Array) -> Array:
        value = function(t, y)
        if not task.torch:
            return np.asarray(value, dtype=None if scalar else y.dtype)
        import torch

        return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=y.dtype, device=y.device)

    last = task.ts[0][np.isfinite(task.ts[0])]
    times, states = lines_to_try(float(last[0]), float(last[-1]), task.y0[0])
    batch = task.batch and task.reading != "one system"
    try:
        if not task.torch:
            with np.errstate(all="ignore"):
                return call_as(read(called, times, states, [], batch, scalar), called, scalar)
        import torch

        with torch.no_grad():
            reading = read(called, time_like(states, times), states, [], batch, scalar)
        return call_as(reading, called, scalar)
    except RhsUnreadable as error:
        raise ShapeOfEvent(
            f"{complaint} for y of shape {tuple(task.y0.shape[1:])}, neither for one state nor for several rows",
            help="return one number a state" if scalar else "return a state of the shape of y",
        ) from error.__cause__
