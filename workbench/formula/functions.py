"""The functions that formulas can call: how many arguments they take, and their values at constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """A function of the language: `fold` is its value in float64, for arguments that are constants."""

    fold: Callable[..., float]
    least: int = 1  # how many arguments it takes: at least, and at most (None: any number)
    most: int | None = 1
    meaning: str = ""

    @property
    def arity(self) -> str:
        """How many arguments the function takes, in words."""
        if self.most is None:
            return f"{self.least} or more arguments"
        return "1 argument" if self.most == 1 else f"{self.most} arguments"


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _step(x: float) -> float:
    return float(x > 0)


def _where(c: float, a: float, b: float) -> float:
    return a if c > 0 else b


FUNCTIONS: dict[str, Function] = {
    "exp": Function(math.exp),
    "expm1": Function(math.expm1, meaning="exp(x) - 1, exact near 0"),
    "log": Function(math.log, meaning="the natural logarithm"),
    "log10": Function(math.log10),
    "log1p": Function(math.log1p, meaning="log(1 + x), exact near 0"),
    "sqrt": Function(math.sqrt),
    "sin": Function(math.sin),
    "cos": Function(math.cos),
    "tan": Function(math.tan),
    "asin": Function(math.asin),
    "acos": Function(math.acos),
    "atan": Function(math.atan),
    "atan2": Function(math.atan2, 2, 2, "the angle of the point (x, y) = (second, first)"),
    "sinh": Function(math.sinh),
    "cosh": Function(math.cosh),
    "tanh": Function(math.tanh),
    "asinh": Function(math.asinh),
    "acosh": Function(math.acosh),
    "atanh": Function(math.atanh),
    "abs": Function(math.fabs),
    "sign": Function(_sign, meaning="-1, 0 or 1"),
    "floor": Function(lambda x: float(math.floor(x))),
    "min": Function(min, 2, None),
    "max": Function(max, 2, None),
    "sigmoid": Function(_sigmoid, meaning="1/(1 + exp(-x))"),
    "softplus": Function(_softplus, meaning="log(1 + exp(x))"),
    "step": Function(_step, meaning="1 where x > 0, else 0"),
    "heaviside": Function(_step, meaning="another name of step"),
    "where": Function(_where, 3, 3, "where(c, a, b) is a where c > 0, else b"),
    "lgamma": Function(math.lgamma, meaning="the logarithm of the gamma function"),
}
