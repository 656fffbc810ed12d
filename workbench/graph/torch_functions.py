"""What the operations of a graph mean, in torch: the same as in NumPy, and differentiable.

torch knows no complex lgamma, digamma and floor; complex steps through the first two need the NumPy functions.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch

Frame = tuple[int, torch.dtype, torch.device]


def columns(x: torch.Tensor | None) -> tuple[torch.Tensor, ...] | None:
    """(rows, k) or (k,) → its columns, each (rows,) or 0-d."""
    return None if x is None else x.unbind(-1)


def frame(t: torch.Tensor, *arrays: torch.Tensor | None) -> Frame:
    """The number of rows, the type and the device of the results."""
    tensors = [array for array in arrays if array is not None]
    dtypes = [tensor.dtype for tensor in tensors] + ([t.dtype] if t.is_complex() or not tensors else [])
    dtype = dtypes[0]
    for other in dtypes[1:]:
        dtype = torch.promote_types(dtype, other)
    return t.shape[0], dtype, (tensors or [t])[0].device


def gather(frame: Frame, shape: tuple[int, ...], places: Sequence[int], values: Sequence[Any]) -> torch.Tensor:
    """(rows, *shape), zero but for `values` at the flat `places`."""
    rows, dtype, device = frame
    size = math.prod(shape)
    if not places:
        return torch.zeros(rows, *shape, dtype=dtype, device=device)
    tensors = [torch.as_tensor(value, dtype=dtype, device=device).expand(rows) for value in values]
    stacked = torch.stack(tensors, dim=1)
    if len(places) < size:
        zeros = torch.zeros(rows, size, dtype=dtype, device=device)
        stacked = zeros.index_copy(1, torch.tensor(places, device=device), stacked)
    return stacked.reshape(rows, *shape)


def _pair(a: Any, b: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as tensors; a number takes the other's type."""
    like = a if isinstance(a, torch.Tensor) else b
    return tuple(
        x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=like.dtype, device=like.device) for x in (a, b)
    )  # type: ignore[return-value]  # a tuple of two


def absolute(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.real < 0, -x, x) if x.is_complex() else torch.abs(x)


def sign(x: torch.Tensor) -> torch.Tensor:
    return torch.sign(x.real)


def floor(x: torch.Tensor) -> torch.Tensor:
    return torch.floor(x.real)


def step(x: torch.Tensor) -> torch.Tensor:
    return (x.real > 0).to(x.real.dtype)


def _select(condition: torch.Tensor, a: Any, b: Any, like: torch.Tensor) -> torch.Tensor:
    if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        a = torch.as_tensor(a, dtype=like.dtype, device=like.device)  # else two numbers would become float32
    return torch.where(condition, a, b)


def where(c: torch.Tensor, a: Any, b: Any) -> torch.Tensor:
    return _select(c.real > 0, a, b, c.real)


def smaller(a: Any, b: Any) -> torch.Tensor:
    a, b = _pair(a, b)
    return torch.where(b.real < a.real, b, a) if a.is_complex() or b.is_complex() else torch.minimum(a, b)


def larger(a: Any, b: Any) -> torch.Tensor:
    a, b = _pair(a, b)
    return torch.where(b.real > a.real, b, a) if a.is_complex() or b.is_complex() else torch.maximum(a, b)


def less(a: Any, b: Any, x: Any, y: Any) -> torch.Tensor:
    """x where a < b, else y."""
    a, b = _pair(a, b)
    return _select(a.real < b.real, x, y, a.real)


def sigmoid(x: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + torch.exp(-x))


def softplus(x: torch.Tensor) -> torch.Tensor:
    return torch.log1p(torch.exp(-absolute(x))) + torch.where(x.real > 0, x, 0.0)


def atan2(y: Any, x: Any) -> torch.Tensor:
    y, x = _pair(y, x)
    if not (y.is_complex() or x.is_complex()):
        return torch.atan2(y, x)
    across, along = y * x.real - x * y.real, x * x.real + y * y.real  # turned to the real parts' angle
    return torch.atan2(y.real, x.real) + torch.atan(ratio(across, along))


def xlogy(a: Any, b: Any) -> torch.Tensor:
    return torch.where(a == 0, 0.0, a * torch.log(b))


def ratio(a: Any, b: Any) -> torch.Tensor:
    return torch.where(a == 0, 0.0, a / b)


def chain(slope: Any, dx: Any) -> torch.Tensor:
    return torch.where(dx == 0, 0.0, slope * dx)


def trigamma(x: torch.Tensor) -> torch.Tensor:
    return torch.polygamma(1, x)


NAMES: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
    "pow": torch.pow, "sqrt": torch.sqrt, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log,
    "log10": torch.log10, "log1p": torch.log1p, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan,
    "asin": torch.asin, "acos": torch.acos, "atan": torch.atan, "atan2": atan2, "sinh": torch.sinh,
    "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh,
    "abs": absolute, "sign": sign, "floor": floor, "step": step, "where": where, "min": smaller, "max": larger,
    "less": less, "sigmoid": sigmoid, "softplus": softplus, "xlogy": xlogy, "ratio": ratio, "chain": chain,
    "lgamma": torch.lgamma, "digamma": torch.digamma, "trigamma": trigamma,
}  # fmt: skip
"""Operation → its value."""

REST: dict[str, Any] = {
    "columns": columns, "frame": frame, "gather": gather, "quiet": contextlib.nullcontext,
    "inf": math.inf, "nan": math.nan,
}  # fmt: skip
"""What else a generated function mentions."""
