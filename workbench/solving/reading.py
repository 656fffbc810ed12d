"""How a bare f(t, y) is to be read: over rows as it stands, mapped over them, or one state at a time.

Written for one state, `y[0], y[1]` takes rows for states when it is given several; `-y + sin(t)` is silently wrong when
t has as many entries as y. So f is tried on rows that differ, and what it says there is compared with what it says
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..errors.numerics import RhsUnreadable

Array = Any
Call = Callable[[Array, Array, Sequence[Array]], Array]  # t (line,), y (line, *state), further arguments (line, …)
Reading = Literal["rows", "mapped", "one by one", "one system"]


def call_as(reading: Reading, f: Callable[..., Array], scalar: bool = False) -> Call:
    """f on lines, under a reading; for "one system" a line is the whole batch.

    A `scalar` f gives one number a line, and its t has one axis.
    """
    if reading == "rows":
        if scalar:
            return lambda t, y, more: f(t, y, *more)
        return lambda t, y, more: f(t.reshape(-1, *[1] * (y.ndim - 1)), y, *more)
    if reading == "mapped":
        return _mapped(f)
    return lambda t, y, more: _stack([f(t[i], y[i], *[x[i] for x in more]) for i in range(len(y))], y)


def _mapped(f: Callable[..., Array]) -> Call:
    import torch

    return torch.func.vmap(lambda t, y, more: f(t, y, *more), randomness="different")


def _stack(values: list[Array], like: Array) -> Array:
    if isinstance(like, np.ndarray):
        return np.stack([np.asarray(value) for value in values])
    import torch

    return torch.stack(values)


def read(
    f: Callable[..., Array], t: Array, y: Array, more: Sequence[Array], batch: bool, scalar: bool = False
) -> Reading:
    """The reading under which f on several lines says what f says on each alone.

    t (line,), y (line, *state) and `more` are unequal lines to try f on. With `batch` the caller gave several
    trajectories and f may have been written for all of them at once; if its rows then cannot be told apart they are one
    system. A `scalar` f is to give one number for each. Raises RhsUnreadable.
    """
    failures: list[Exception] = []

    def tried(reading: Reading, *arguments: Any) -> Array | None:
        try:
            value = call_as(reading, f, scalar)(*arguments)
        except Exception as error:  # f is a stranger's: whatever it raises says that it is not to be read like this
            failures.append(error)
            return None
        wanted = tuple(arguments[1].shape)
        return value if tuple(value.shape) == (wanted[:1] if scalar else wanted) else None

    rows = tried("rows", t, y, more)
    ones = [tried("rows", t[i : i + 1], y[i : i + 1], [x[i : i + 1] for x in more]) for i in range(len(y))]
    alone = tried("one by one", t, y, more)
    found = [one[0] for one in ones if one is not None]
    as_batch = _stack(found, y) if len(found) == len(y) else None
    first, second = (as_batch, alone) if batch else (alone, as_batch)
    if _same(rows, second if first is None else first):
        return "rows"
    if alone is not None:
        torch_like = not isinstance(y, np.ndarray)
        return "mapped" if torch_like and _same(tried("mapped", t, y, more), alone) else "one by one"
    if batch and not scalar and tried("one system", t[:1], y[None], [x[None] for x in more]) is not None:
        return "one system"
    raise RhsUnreadable(
        f"f gives no dy/dt of the shape of y, {tuple(y.shape[1:])}, neither for one state nor for several rows",
        help="return dy/dt with the shape of y",
    ) from (failures[-1] if failures else None)


def _same(a: Array | None, b: Array | None) -> bool:
    if a is None or b is None:
        return False
    x, z = (np.asarray(v) if isinstance(v, np.ndarray) else v.detach().cpu().numpy() for v in (a, b))
    # batched products round differently from single ones
    slack = 1e3 * float(np.finfo(z.dtype).eps)
    size = float(np.max(np.abs(z), initial=0.0, where=np.isfinite(z)))
    return np.allclose(x, z, rtol=slack, atol=slack * size, equal_nan=True)


def lines_to_try(t0: float, t1: float, y0: Array) -> tuple[np.ndarray, Array]:
    """Times (line,) in [t0, t1] and unequal states (line, *state) near y0, never as many as an axis of y0 is long."""
    n = next(n for n in range(2, 9) if n not in y0.shape)
    number = np.arange(1, n + 1).reshape(-1, *[1] * y0.ndim)
    wave: Array = 1e-3 * np.cos(number * (1 + np.arange(int(np.prod(y0.shape)))).reshape(y0.shape))
    times = t0 + (t1 - t0) * np.linspace(0.0, 0.01, n)
    if isinstance(y0, np.ndarray):
        wave = wave.astype(y0.dtype)
    else:
        import torch

        wave = torch.as_tensor(wave, dtype=y0.dtype, device=y0.device)
    return times, y0 * (1 + wave) + wave
