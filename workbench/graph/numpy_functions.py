"""What the operations of a graph mean, in NumPy.

Kinks are decided by real parts, so that complex steps pass through the branch that was taken; a comparison with NaN is
false. SciPy is imported only by graphs that use lgamma.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any  # np.ndarray (rows,) or a scalar


def columns(x: np.ndarray | None) -> np.ndarray | None:
    """(rows, k) or (k,) → something to index by column: item i is (rows,) or (1,)."""
    return None if x is None else x.T if x.ndim == 2 else x[:, None]


def frame(t: np.ndarray, *arrays: np.ndarray | None) -> tuple[int, np.dtype]:
    """The number of rows and the type of the results: that of states, inputs, covariates and parameters together."""
    dtype = t.dtype if t.dtype.kind == "c" else None
    for array in arrays:
        if array is not None and array.dtype is not dtype:
            dtype = array.dtype if dtype is None else np.result_type(array.dtype, dtype)
    dtype = t.dtype if dtype is None else dtype
    return len(t), dtype if dtype.kind in "fc" else np.result_type(dtype, np.float64)


def gather(
    frame: tuple[int, np.dtype], shape: tuple[int, ...], places: Sequence[int], values: Sequence[Array]
) -> np.ndarray:
    """(rows, *shape), zero but for `values` at the flat `places`."""
    rows, dtype = frame
    size = math.prod(shape)
    out = np.empty((rows, size), dtype) if len(places) == size else np.zeros((rows, size), dtype)
    for place, value in zip(places, values, strict=True):
        out[:, place] = value
    return out if len(shape) == 1 else out.reshape(rows, *shape)


def _complex(x: Array) -> bool:
    return getattr(x, "dtype", np.dtype(float)).kind == "c"


def absolute(x: Array) -> Array:
    return np.where(x.real < 0, -x, x) if _complex(x) else np.abs(x)


def sign(x: Array) -> Array:
    return np.sign(x.real)


def floor(x: Array) -> Array:
    return np.floor(x.real)


def step(x: Array) -> Array:
    return np.where(x.real > 0, 1.0, 0.0)


def where(c: Array, a: Array, b: Array) -> Array:
    return np.where(c.real > 0, a, b)


def smaller(a: Array, b: Array) -> Array:
    return np.where(b.real < a.real, b, a) if _complex(a) or _complex(b) else np.minimum(a, b)


def larger(a: Array, b: Array) -> Array:
    return np.where(b.real > a.real, b, a) if _complex(a) or _complex(b) else np.maximum(a, b)


def less(a: Array, b: Array, x: Array, y: Array) -> Array:
    """x where a < b, else y."""
    return np.where(a.real < b.real, x, y)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    return np.log1p(np.exp(-absolute(x))) + np.where(x.real > 0, x, 0.0)


def atan2(y: Array, x: Array) -> Array:
    if not (_complex(y) or _complex(x)):
        return np.arctan2(y, x)
    across, along = y * x.real - x * y.real, x * x.real + y * y.real  # turned to the real parts' angle
    return np.arctan2(y.real, x.real) + np.arctan(ratio(across, along))


def xlogy(a: Array, b: Array) -> Array:
    return np.where(a == 0, 0.0, a * np.log(b))


def ratio(a: Array, b: Array) -> Array:
    return np.where(a == 0, 0.0, a / b)


def chain(slope: Array, dx: Array) -> Array:
    return np.where(dx == 0, 0.0, slope * dx)


def lgamma(x: Array) -> Array:
    from scipy.special import gammaln, loggamma

    return (loggamma if _complex(x) else gammaln)(x)


def digamma(x: Array) -> Array:
    from scipy.special import digamma

    return digamma(x)


def trigamma(x: Array) -> Array:
    from scipy.special import zeta

    return zeta(2.0, x)  # ψ₁(x) = ζ(2, x); real x only


NAMES: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
    "pow": np.power, "sqrt": np.sqrt, "exp": np.exp, "expm1": np.expm1, "log": np.log, "log10": np.log10,
    "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "atan2": atan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "abs": absolute, "sign": sign, "floor": floor, "step": step,
    "where": where, "min": smaller, "max": larger, "less": less, "sigmoid": sigmoid, "softplus": softplus,
    "xlogy": xlogy, "ratio": ratio, "chain": chain, "lgamma": lgamma, "digamma": digamma, "trigamma": trigamma,
}  # fmt: skip
"""Operation → its value."""

REST: dict[str, Any] = {
    "columns": columns, "frame": frame, "gather": gather, "quiet": lambda: np.errstate(all="ignore"),
    "inf": np.inf, "nan": np.nan,
}  # fmt: skip
"""What else a generated function mentions."""
