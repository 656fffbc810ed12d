"""The formula reader: what is written is what is meant, and what is refused is named."""

from __future__ import annotations

import ast
import math
import pickle
import random

import pytest
import sympy

from workbench.errors import Where
from workbench.errors.problems import (
    ArgumentCountWrong,
    CharacterRefused,
    ConstantRefused,
    ExponentTooLarge,
    FormulaTooLarge,
    FormulaUnreadable,
    FormulaWrong,
    FunctionUnknown,
    NameUndeclared,
    NotAValue,
)
from workbench.formula import FUNCTIONS, names_in, parse, substitute

NAMES = ("x", "y", "a", "b", "K", "r")
x, y, a, b, K, r = (sympy.Symbol(name, real=True) for name in NAMES)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a*x - b*x*y", a * x - b * x * y),
        ("r*x*(1 - x/K)", r * x * (1 - x / K)),
        ("2/3*x", sympy.Rational(2, 3) * x),
        ("-x^2", -(x**2)),
        ("-x**2", -(x**2)),
        ("x^-2", x**-2),
        ("x^y^a", x ** (y**a)),
        ("x/(a*b)", x / (a * b)),
        ("x/a/b", x / a / b),
        ("x/a*b", x * b / a),
        ("2*pi*x/24", sympy.pi * x / 12),
        ("sqrt(x)", sympy.sqrt(x)),
        ("E^x", sympy.exp(x)),
        ("x^2.0", x**2),
        ("0.1*x", sympy.Float(0.1) * x),
        ("3 - 1*x", 3 - x),
        ("+x", x),
        ("x\n + y\t", x + y),
        ("6/4", sympy.Rational(3, 2)),
        ("0*log(x)", sympy.Integer(0)),
    ],
)
def test_a_formula_is_the_sympy_expression_that_it_looks_like(text: str, meant: sympy.Expr) -> None:
    assert parse(text, NAMES) == meant


@pytest.mark.parametrize(
    "text", ["2*(x + y)", "(x/K)**4", "x - (a - b)", "x*x", "(a - b)*(x + 1)", "min(x, max(y, a))"]
)
def test_a_formula_prints_as_it_was_written(text: str) -> None:
    assert str(parse(text, NAMES)) == text


@pytest.mark.parametrize(
    "name", ["S", "N", "E", "I", "Q", "O", "C", "beta", "gamma", "zeta", "pi", "lambda", "exp", "step"]
)
def test_a_declared_name_wins_over_every_other_meaning(name: str) -> None:
    assert parse(f"{name}*x", ["x", name]) == sympy.Symbol(name, real=True) * x


def test_a_declared_name_is_not_called_though_a_function_has_it() -> None:
    with pytest.raises(FormulaUnreadable, match="'gamma' is a declared name, not a function"):
        parse("gamma(x)", ["x", "gamma"])


def test_learned_terms_are_called_like_functions() -> None:
    expr = parse("-x + friction(x, y)", NAMES, functions={"friction": 2})
    assert expr == -x + sympy.Function("friction")(x, y)
    with pytest.raises(ArgumentCountWrong, match="friction takes 2 arguments, not 1"):
        parse("friction(x)", NAMES, functions={"friction": 2})


@pytest.mark.parametrize(
    ("text", "error", "column", "said"),
    [
        ("a*x + alpa", NameUndeclared, 7, "'alpa' is not declared"),
        ("a*xx", NameUndeclared, 3, "did you mean 'x'?"),
        ("1 + sine(x)", FunctionUnknown, 5, "did you mean 'sin'?"),
        ("a*sin", NotAValue, 3, "'sin' is a function, not a value"),
        ("atan2(x)", ArgumentCountWrong, 1, "atan2 takes 2 arguments, not 1"),
        ("max(x)", ArgumentCountWrong, 1, "max takes 2 or more arguments, not 1"),
        ("exp()", ArgumentCountWrong, 1, "exp takes 1 argument, not 0"),
        ("a +", FormulaUnreadable, 4, "found the end where a number, a name or '(' was wanted"),
        ("a + * b", FormulaUnreadable, 5, "found '*' where a number, a name or '(' was wanted"),
        ("2x", FormulaUnreadable, 2, "a product is written with *"),
        ("(a)(b)", FormulaUnreadable, 4, "a product is written with *"),
        ("x(2)", FormulaUnreadable, 1, "a product is written x*(…)"),
        ("(a + b", FormulaUnreadable, 1, "this '(' is never closed"),
        ("a + b)", FormulaUnreadable, 6, "this ')' closes nothing"),
        ("0,5*x", FormulaUnreadable, 2, "the decimal sign is '.'"),
        ("", FormulaUnreadable, 1, "an empty formula"),
        ("x > 0", CharacterRefused, 3, "where(c, a, b) is a where c > 0, else b"),
        ("x²", CharacterRefused, 2, "write powers as ^2"),
        ("x − y", CharacterRefused, 3, "write the minus sign as -"),
        ("α*x", CharacterRefused, 1, "names are spelled in ASCII"),
        ("a__b", CharacterRefused, 1, "double underscore"),
        ("x + 1/0", ConstantRefused, 5, "no finite real value"),
        ("x*1/(2 - 2)", ConstantRefused, 1, "no finite real value"),
        ("a*log(-1)", ConstantRefused, 3, "no finite real value"),
        ("(-8)^(1/3)", ConstantRefused, 3, "no finite real value"),
        ("1e200*x*1e200", ConstantRefused, 1, "no finite real value"),
        ("a + x^65", ExponentTooLarge, 5, "beyond ±64"),
        ("(x^9)^9", ExponentTooLarge, 2, "beyond ±64"),
        ("1" * 41, FormulaTooLarge, 1, "a number of 41 characters"),
        ("(" * 101 + "x" + ")" * 101, FormulaTooLarge, 101, "inside each other"),
        ("x" + "+x" * 2001, FormulaTooLarge, 4003 - 1, "more than 2000 operators"),
    ],
)
def test_a_refusal_names_the_column_what_was_found_and_what_is_meant(
    text: str, error: type[FormulaWrong], column: int, said: str
) -> None:
    with pytest.raises(error) as caught:
        parse(text, NAMES)
    assert caught.value.column == column
    assert said in str(caught.value)


def test_a_refusal_takes_the_place_of_its_formula_and_keeps_its_column() -> None:
    with pytest.raises(NameUndeclared) as caught:
        parse("a*q", NAMES)
    assert str(caught.value).startswith("formula:3: error[S014]: ")
    assert str(caught.value.at(Where("pond.toml", 12))).startswith("pond.toml:12:3: error[S014]: ")
    assert caught.value.at(Where("other.toml", 1)).where == Where("pond.toml", 12, 3)  # the first place stands


def test_small_ratios_stay_exact_and_long_ones_become_float64() -> None:
    assert parse("1/3 + 1/6", ()) == sympy.Rational(1, 2)
    assert parse("9007199254740993*x", NAMES).args[0] == sympy.Float(9007199254740993.0)
    assert parse("3^40", ()) == sympy.Float(3.0**40)
    assert parse("(2/3)^-2", ()) == sympy.Rational(9, 4)


def test_constant_parts_are_folded_like_float64_arithmetic() -> None:
    assert float(parse("exp(1)*sqrt(2) + pi^2", ())) == math.exp(1) * math.sqrt(2) + math.pi**2
    assert float(parse("1.01^365", ())) == 1.01**365


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_folds_to_what_its_sympy_form_evaluates_to(name: str) -> None:
    """Both are within a few units of the last of 53 bits of the same real number."""
    values = [1.7 if name == "acosh" else 0.3, 0.9, -0.4][: FUNCTIONS[name].least]
    folded = float(parse(f"{name}({', '.join(map(repr, values))})", ()))
    written = parse(f"{name}({', '.join('abr'[: len(values)])})", NAMES)
    evaluated = float(written.xreplace(dict(zip((a, b, r), map(sympy.Float, values), strict=False))).evalf())
    assert folded == pytest.approx(evaluated, rel=4 * 2**-53, abs=0)


def test_printed_expressions_are_read_back_as_the_same_expression() -> None:
    rng = random.Random(5)
    for _ in range(200):
        expr = parse(_formula(rng, 4), NAMES)
        assert parse(str(expr), NAMES) == expr


def test_precedence_is_pythons() -> None:
    """The reader against Python's own evaluation of 500 random formulas in integers, exactly."""
    rng = random.Random(7)
    values = {"x": 3, "y": -2, "a": 5, "b": 7, "K": 2, "r": -3}
    for _ in range(500):
        text = "".join(_tokens(rng))
        meant = _value(ast.parse(text, mode="eval").body, values)
        numbers = {sympy.Symbol(name, real=True): value for name, value in values.items()}
        assert parse(text, NAMES).xreplace(numbers) == meant, text


def _tokens(rng: random.Random) -> list[str]:
    words = []
    for _ in range(rng.randrange(1, 9)):
        words += [rng.choice(["", "", "-", "+"]), rng.choice([*NAMES, "1", "2", "(x+1)", "(y-a)"])]
        words += [rng.choice(["", "", "**2"]), rng.choice(["+", "-", "*", "/"])]
    return words[:-1]


def _value(node: ast.expr, values: dict[str, int]) -> sympy.Rational:
    match node:
        case ast.Constant(value=value):
            return sympy.Integer(value)
        case ast.Name(id=name):
            return sympy.Integer(values[name])
        case ast.UnaryOp(op=op, operand=operand):
            return _value(operand, values) * (-1 if isinstance(op, ast.USub) else 1)
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _value(left, values), _value(right, values)
            kinds = {
                ast.Add: "__add__",
                ast.Sub: "__sub__",
                ast.Mult: "__mul__",
                ast.Div: "__truediv__",
                ast.Pow: "__pow__",
            }
            return getattr(one, kinds[type(op)])(other)
    raise AssertionError(node)


def _formula(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice([f"{rng.choice(['2', '3', '2/7', '5'])}*{name}" for name in NAMES])
    left, right = _formula(rng, depth - 1), _formula(rng, depth - 1)
    name = rng.choice(["exp", "sin", "abs", "sigmoid", "softplus", "tanh"])
    shapes = (
        f"({left})+({right})",
        f"({left})*({right})",
        f"({left})/(1+({right})^2)",
        f"{name}({left})",
        f"({left})-x",
    )
    return rng.choice(shapes)


def test_names_in_a_text_are_those_used_as_values() -> None:
    assert names_in("a*exp(-x/tau) + friction(v, E)") == {"a", "x", "tau", "v", "E"}


def test_functions_print_as_latex_and_survive_pickling() -> None:
    expr = parse("where(x - 1, abs(x)^2, min(x, y)) + softplus(a)*floor(b) - log10(x)", NAMES)
    latex = sympy.latex(expr)
    assert r"\begin{cases}" in latex
    assert r"\left|x\right|" in latex
    assert r"\operatorname{softplus}\left(a\right)" in latex
    assert pickle.loads(pickle.dumps(expr)) == expr


def test_numbers_are_put_in_place_of_names_without_evaluating_towers_of_powers() -> None:
    assert str(substitute(parse("a*x^r + sqrt(b)*y", NAMES), {"a": 0.5, "r": 2.0, "b": 4.0})) == "0.5*x**2 + 2.0*y"
    assert str(substitute(parse("-a*x + y", NAMES), {"a": 1.0})) == "-x + y"
    assert substitute(parse("x^y^a", NAMES), {"x": 9.0, "y": 9.0, "a": 9.0}).is_Pow  # not a number: it has 10^8 digits


def test_expressions_are_put_in_place_of_names_and_their_powers_stay_bounded() -> None:
    assert substitute(parse("a*x^2", NAMES), {"x": parse("y + 1", NAMES)}) == parse("a*(y + 1)^2", NAMES)
    with pytest.raises(ExponentTooLarge):
        substitute(parse("(2*x)^64", NAMES), {"x": parse("y^2", NAMES)})
