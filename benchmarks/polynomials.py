"""The polynomials of workbench/compiled/kernels/functions.h: coefficients, and the error that each leaves.

Each function is reduced to a short interval, an exact leading part is split off, and the rest is interpolated at
Chebyshev's nodes, which is within a small factor of the best possible (Muller, Elementary Functions, 3rd ed., ch. 3).
Run it to print the tables: python benchmarks/polynomials.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import atanh, cos, cosh, exp, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt, tanh

mp.dps = 60
SAMPLES = 400


@dataclass(frozen=True)
class Fit:
    """f on [low, high] by `above` coefficients, over 1 + `below` coefficients where that is not 0."""

    name: str
    f: Callable[[mpf], mpf]
    share: Callable[[mpf], mpf]  # what an error of f relative to f does to the whole function, relative to it
    low: mpf
    high: mpf
    above: int
    below: int = 0
    roots: bool = False  # x is a square, and its root is what the nodes are spread over


def nodes(fit: Fit, count: int) -> list[mpf]:
    """Chebyshev's nodes on the interval of a fit."""
    return between(fit, [(1 + cos(pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)])


def between(fit: Fit, shares: list[mpf]) -> list[mpf]:
    """Points at these shares of the way through the interval of a fit."""
    if fit.roots:
        return [(sqrt(fit.low) + (sqrt(fit.high) - sqrt(fit.low)) * share) ** 2 for share in shares]
    return [fit.low + (fit.high - fit.low) * share for share in shares]


def coefficients(fit: Fit) -> tuple[list[mpf], list[mpf]]:
    """Of the polynomial above, and of the one below without its leading 1."""
    points = nodes(fit, fit.above + fit.below)
    rows = [[x**k for k in range(fit.above)] + [-fit.f(x) * x**k for k in range(1, fit.below + 1)] for x in points]
    solved = list(lu_solve(matrix(rows), matrix([fit.f(x) for x in points])))
    return solved[: fit.above], solved[fit.above :]


def error(fit: Fit, above: list[mpf], below: list[mpf]) -> mpf:
    """The largest error that rounded coefficients leave in the whole function, relative to it."""

    def value(x: mpf) -> mpf:
        return sum(c * x**k for k, c in enumerate(above)) / (1 + sum(c * x ** (k + 1) for k, c in enumerate(below)))

    points = between(fit, [(i + mpf(1) / 2) / SAMPLES for i in range(SAMPLES)])
    return max(abs((value(x) / fit.f(x) - 1) * fit.share(x)) for x in points)


def rounded(numbers: list[mpf], bits: int) -> list[mpf]:
    """To the nearest number of `bits` bits."""
    with mp.workprec(bits):
        return [+number for number in numbers]


def rest_of_exp(r: mpf) -> mpf:
    """(exp r - 1 - r) / r²."""
    return (exp(r) - 1 - r) / r**2 if abs(r) > mpf(2) ** -60 else mpf(1) / 2


def fits(double: bool) -> list[Fit]:
    """Every polynomial of one precision."""
    half = log(2) / 2 * (1 + mpf(2) ** -10)  # the nearest multiple of log 2 is found in rounded arithmetic
    octant = (pi / 4 * (1 + mpf(2) ** -10)) ** 2
    root = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * (1 + mpf(2) ** -10)
    tiny = mpf(2) ** -40  # where f has no value at 0 as it is written
    whole_tanh = Fit(
        "tanh: 2 tanh(x/2) / x in x²",
        lambda s: 2 * tanh(sqrt(s) / 2) / sqrt(s),
        lambda s: 1 / cosh(sqrt(s)),
        tiny,
        mpf(7) ** 2,
        3,
        3,
        roots=True,
    )
    return [
        Fit("exp: (exp r - 1 - r) / r²", rest_of_exp, lambda r: r**2 / 2, -half, half, 10 if double else 5),
        Fit(
            "exp: tanh(r/2) / r in r²",
            lambda s: tanh(sqrt(s) / 2) / sqrt(s),
            lambda s: mpf(1),
            tiny,
            half**2,
            *((3, 2) if double else (2, 1)),
        ),
        *([] if double else [whole_tanh]),
        Fit(
            "softplus: (atanh w / w - 1) / w² in w²",
            lambda s: (atanh(sqrt(s)) / sqrt(s) - 1) / s,
            lambda s: s / 3,
            tiny,
            mpf(1) / 9,
            10 if double else 4,
        ),
        Fit(
            "log: (atanh w / w - 1) / w² in w²",
            lambda s: (atanh(sqrt(s)) / sqrt(s) - 1) / s,
            lambda s: s / 3,
            tiny,
            root,
            7 if double else 3,
        ),
        Fit(
            "sin: (sin r / r - 1) / r² in r²",
            lambda s: (sin(sqrt(s)) / sqrt(s) - 1) / s,
            lambda s: s / 6,
            tiny,
            octant,
            6 if double else 3,
        ),
        Fit(
            "cos: (cos r - 1 + r²/2) / r⁴ in r²",
            lambda s: (cos(sqrt(s)) - 1 + s / 2) / s**2,
            lambda s: s**2 / 24,
            tiny,
            octant,
            6 if double else 3,
        ),
    ]


def main() -> None:
    """Print the tables of both precisions."""
    for double, bits in ((True, 53), (False, 24)):
        for fit in fits(double):
            above, below = (rounded(numbers, bits) for numbers in coefficients(fit))
            print(f"{fit.name}  ({'double' if double else 'float'}): leaves {float(error(fit, above, below)):.1e}")
            for side, numbers in (("above", above), ("below", below)):
                for number in numbers:
                    print(f"  {side}  {mp.nstr(number, 17 if double else 9)}")


if __name__ == "__main__":
    main()
