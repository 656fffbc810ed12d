"""The functions of formulas that SymPy lacks, or evaluates in ways that a solver cannot use, as SymPy classes.

They print as they are written, so that text → SymPy → text is a round trip, never evaluate themselves, and have the
derivatives of the graph at kinks: sign(0) = 0, step(0) = 0, and min and max follow their first argument where both tie
(SymPy's own would give DiracDelta, Heaviside(0) = 1/2 or Derivative(re(x), x)).

Imports SymPy; only functions that need it import this module.
"""

from __future__ import annotations

from typing import Any

import sympy


class Written(sympy.Function):
    """A function that stays as it is written; `classical` is the same in SymPy's own functions."""

    latex_form = ""  # with {0}, {1} … for the arguments

    def classical(self) -> Any:
        raise NotImplementedError

    def _eval_evalf(self, prec: int) -> Any:
        return self.classical()._eval_evalf(prec)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        name = rf"\operatorname{{{self.func.__name__}}}\left({{0}}\right)".replace("{0}", "\0")
        form = self.latex_form or name.replace("{", "{{").replace("}", "}}").replace("\0", "{0}")
        text = form.format(*(printer._print(arg) for arg in self.args))
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"  # SymPy passes exponents as text


class where(Written):
    """where(c, a, b): a where c > 0, else b."""

    nargs = 3
    latex_form = r"\begin{{cases}} {1} & {0} > 0 \\ {2} & \text{{otherwise}} \end{{cases}}"

    def classical(self) -> Any:
        c, a, b = self.args
        return sympy.Piecewise((a, c > 0), (b, True))

    def fdiff(self, argindex: int = 1) -> Any:
        return (0, where(self.args[0], 1, 0), where(self.args[0], 0, 1))[argindex - 1]


class step(Written):
    """1 where x > 0, else 0."""

    nargs = 1
    latex_form = r"\theta\left({0}\right)"

    def classical(self) -> Any:
        return sympy.Piecewise((1, self.args[0] > 0), (0, True))

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class sign(Written):
    """-1, 0 or 1."""

    nargs = 1

    def classical(self) -> Any:
        return sympy.sign(*self.args)

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class floor(Written):
    """The largest whole number that is not above x."""

    nargs = 1
    latex_form = r"\left\lfloor {0} \right\rfloor"

    def classical(self) -> Any:
        return sympy.floor(*self.args)

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class abs(Written):
    """|x|."""

    nargs = 1
    latex_form = r"\left|{0}\right|"

    def classical(self) -> Any:
        return sympy.Abs(*self.args)

    def fdiff(self, argindex: int = 1) -> Any:
        return sign(*self.args)


class min(Written):
    """The smaller of two."""

    nargs = 2
    latex_form = r"\min\left({0}, {1}\right)"

    def classical(self) -> Any:
        return sympy.Min(*self.args)

    def fdiff(self, argindex: int = 1) -> Any:
        second = step(self.args[0] - self.args[1])
        return second if argindex == 2 else 1 - second


class max(Written):
    """The larger of two."""

    nargs = 2
    latex_form = r"\max\left({0}, {1}\right)"

    def classical(self) -> Any:
        return sympy.Max(*self.args)

    def fdiff(self, argindex: int = 1) -> Any:
        second = step(self.args[1] - self.args[0])
        return second if argindex == 2 else 1 - second


class sigmoid(Written):
    """1/(1 + exp(-x))."""

    nargs = 1
    latex_form = r"\sigma\left({0}\right)"

    def classical(self) -> Any:
        return 1 / (1 + sympy.exp(-self.args[0]))

    def fdiff(self, argindex: int = 1) -> Any:
        return self * sigmoid(-self.args[0])


class softplus(Written):
    """log(1 + exp(x))."""

    nargs = 1

    def classical(self) -> Any:
        return sympy.log(1 + sympy.exp(self.args[0]))

    def fdiff(self, argindex: int = 1) -> Any:
        return sigmoid(*self.args)


class log10(Written):
    """The decimal logarithm."""

    nargs = 1
    latex_form = r"\log_{{10}}\left({0}\right)"

    def classical(self) -> Any:
        return sympy.log(self.args[0]) / sympy.log(10)

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / (self.args[0] * sympy.log(10))


class log1p(Written):
    """log(1 + x)."""

    nargs = 1

    def classical(self) -> Any:
        return sympy.log(1 + self.args[0])

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / (1 + self.args[0])


class expm1(Written):
    """exp(x) - 1."""

    nargs = 1

    def classical(self) -> Any:
        return sympy.exp(self.args[0]) - 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.exp(*self.args)


class lgamma(Written):
    """The logarithm of the gamma function."""

    nargs = 1
    latex_form = r"\log\Gamma\left({0}\right)"

    def classical(self) -> Any:
        return sympy.loggamma(*self.args)

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.digamma(*self.args)


OWN: dict[str, Any] = {
    each.__name__: each
    for each in (where, step, sign, floor, abs, min, max, sigmoid, softplus, log10, log1p, expm1, lgamma)
} | {"heaviside": step}
"""Name in formulas → class, for the functions that are not SymPy's own."""


def application(name: str, args: list[Any]) -> Any:
    """The function `name` of the language at SymPy expressions, not evaluated."""
    if name == "sqrt":
        return sympy.Pow(args[0], sympy.Rational(1, 2), evaluate=False)
    if name in ("min", "max"):
        first, *others = args
        for other in others:
            first = OWN[name](first, other)
        return first
    return OWN[name](*args) if name in OWN else getattr(sympy, name)(*args, evaluate=False)
