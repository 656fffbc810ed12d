"""Whatever text is called a formula: it computes or is refused at a column, at once, and runs nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workbench.errors.problems import FormulaWrong
from workbench.formula import FUNCTIONS, parse

NAMES = ("x", "y", "S", "N", "E", "I", "beta", "gamma", "zeta")
SLOWEST = 0.050  # seconds of one thread, the promise for one formula

HOSTILE = [
    "__import__('os').system('true')",
    "x + __import__('os').getpid()",
    "exec('1')",
    "eval('1')",
    "open('/etc/hostname').read()",
    "x._eval_subs.__globals__['__builtins__']['exec']('1')",
    "x.__class__.__mro__",
    "().__class__.__bases__[0].__subclasses__()",
    "Symbol('x', real=__import__('os'))",
    "(lambda: 1)()",
    "lambda x: x",
    "f'{x}'",
    "lambdify(x, 'x')(1)",
    "sympify('x')",
    "N(pi, 100000000)",
    "factorial(1000000000)",
    "[x for x in (1, 2)]",
    "{x: 1}",
    "x if y else 1",
    "x := 1",
    "x = 1",
    "x; y",
    "import os",
    "x and y",
    "not x",
    "x @ y",
    "x[0]",
    "x.real",
    "*x",
    "exp(*x)",
    "exp(**x)",
    "exp(x=1)",
    "yield x",
    "await x",
    "...",
    "None",
    "True",
    "print(x)",
    "globals()",
    "getattr(x, y)",
    "9**9**9",
    "9^9^9^9",
    "(10**64)**64",
    "((((10**60)**60)**60)**60)**60",
    "2**(10**10)",
    "x**(10**10)",
    "x^1e300",
    "((((2*x)^60)^60)^60)^60",
    "exp(exp(exp(exp(10))))",
    "1e400",
    "1" * 41,
    "1" * 19_999,
    "1" * 20_001,
    "(" * 5_000,
    "(" * 101 + "x" + ")" * 101,
    "-" * 19_999 + "x",
    "-" * 200_000 + "x",
    "x" + "^x" * 5_000,
    "x" + "+x" * 9_000,
    "exp(" * 3_000 + "x" + ")" * 3_000,
    "x" * 20_000,
    "1if x else 2",
    "0x1F",
    "1_000*x",
    "1j*x",
    "007k",
    "x\x00y",
    "x\u2028y",
    "\u202ex",
    "ｅｘｅｃ(x)",
    "x²",
    "'x'",
    '"""x"""',
    "`x`",
    "x # comment",
    "x\\\ny",
    "$(id)",
    "a__b",
    "",
    " ",
    ",",
    ")(",
]

HEAVY_BUT_ALLOWED = [
    "x^64",
    "((x^2)^4)^8",
    "(" * 100 + "x" + ")" * 100,
    "-" * 100 + "x",
    "sqrt(" * 99 + "x" + ")" * 99,
    "2*(" * 99 + "x + y" + ")" * 99,
    "max(min(" * 49 + "x" + ", y), S)" * 49,
    "1.01^365*x",
    "(x + y + S + N)^64*(x - y - S - N)^64",
    "exp(x)^0.5^0.5^0.5",
    "(12345678901*x)^(1/2)*(12345678901*x)^(1/3)",
    "(((x*y)^0.5*(x*S)^0.5)^0.5*(y*S)^0.5)^0.5",
]

RECORDED: list[str] = []
watching = False


def _record(event: str, args: tuple[object, ...]) -> None:
    if watching:
        RECORDED.append(event if event != "compile" else f"compile {args[0]!r}")


sys.addaudithook(_record)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Nothing is executed, imported, opened or started inside; Python's parser sees generated names alone."""
    global watching
    RECORDED.clear()
    watching = True
    try:
        yield
    finally:
        watching = False
    odd = [event for event in RECORDED if not _is_parse(event)]
    assert not odd, odd


def _is_parse(event: str) -> bool:
    """Whether an audit event is the parsing (no more) of a text made of v0, v1 … and operators."""
    text = event.removeprefix("compile ")
    rest = text.strip("b'\"").translate(str.maketrans("", "", "0123456789+-*/(),"))
    return event != text and not rest.replace("v", "")


def _attempt(text: str) -> tuple[str, float]:
    """The refusal's code or "", and the seconds of the best of three: other work on the machine does not count."""
    seconds, refusal = float("inf"), None
    for _ in range(3):
        begin = time.thread_time()
        try:
            parse(text, NAMES)
        except FormulaWrong as error:
            refusal = error
        seconds = min(seconds, time.thread_time() - begin)
        if seconds < SLOWEST:
            break
    if refusal is None:
        return "", seconds
    assert 1 <= refusal.column <= max(len(text), 1) + 1
    assert str(refusal).isprintable()
    return refusal.code, seconds


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """SymPy's import is no part of a formula."""
    parse("exp(x)*y^2 + 1/3", NAMES)
    with pytest.raises(FormulaWrong):
        parse("xx", NAMES)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_hostile_text_is_refused_at_a_column_and_runs_nothing(text: str) -> None:
    with nothing_runs(), warnings.catch_warnings():
        warnings.simplefilter("error")
        code, seconds = _attempt(text)
    assert code.startswith("S01")
    assert seconds < SLOWEST


@pytest.mark.parametrize("text", HEAVY_BUT_ALLOWED, ids=lambda text: ascii(text[:24]))
def test_deep_and_high_formulas_within_the_bounds_are_read_at_once(text: str) -> None:
    with nothing_runs():
        code, seconds = _attempt(text)
    assert code == ""
    assert seconds < SLOWEST


def test_the_longest_formula_costs_time_in_proportion_to_its_length() -> None:
    """Twice the text, at most thrice the time: nothing is collected, distributed or multiplied out."""

    def cost(terms: int) -> float:
        text = "+".join(f"{i}.5*x^{2 + i % 60}" for i in range(terms))
        return min(_timed(text) for _ in range(3))

    assert cost(600) < 3 * cost(300) + 0.01


def _timed(text: str) -> float:
    begin = time.thread_time()
    parse(text, NAMES)
    return time.thread_time() - begin


def _fuzzed(rng: random.Random) -> str:
    """A text that is nearly a formula, or not at all."""
    words = [
        *NAMES,
        *FUNCTIONS,
        *"0123456789",
        "1e5",
        ".5",
        "**",
        "__",
        "lambda",
        "é",
        "\n",
        *"+-*/^(),.'\"[]{}:;=<>@!%&|~\\ ",
    ]
    weights = [6 if word in NAMES or word in "+-*/^()," else 1 for word in words]
    if rng.random() < 0.5:
        return "".join(rng.choices(words, weights, k=rng.randrange(40)))
    text = list(_grown(rng, 5))
    for _ in range(rng.randrange(3)):
        text[rng.randrange(len(text))] = rng.choice(words)
    return "".join(text)


def _grown(rng: random.Random, depth: int) -> str:
    """A formula."""
    if depth == 0 or rng.random() < 0.1:
        return rng.choice([*NAMES, "0", "1", "2", "9", "64", "1e300", "0.5", "pi"])
    if rng.random() < 0.3:
        name = rng.choice(list(FUNCTIONS))
        return f"{name}({', '.join(_grown(rng, depth - 1) for _ in range(FUNCTIONS[name].least))})"
    return f"({_grown(rng, depth - 1)}){rng.choice(['+', '-', '*', '/', '^', '**'])}({_grown(rng, depth - 1)})"


@pytest.mark.parametrize(
    "count", [pytest.param(2_000, id="2000"), pytest.param(100_000, id="100000", marks=pytest.mark.long)]
)
def test_fuzzed_text_is_read_or_refused_and_runs_nothing(count: int) -> None:
    rng = random.Random(20)
    outcomes = {"read": 0, "refused": 0}
    with nothing_runs(), warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(count):
            text = _fuzzed(rng)
            code, seconds = _attempt(text)
            outcomes["refused" if code else "read"] += 1
            assert seconds < SLOWEST, text
    assert min(outcomes.values()) > count / 20  # the fuzz reaches both sides of the border


def test_importing_the_reader_imports_nothing_heavy() -> None:
    heavy = "{'sympy', 'numpy', 'torch', 'scipy'} & set(sys.modules)"
    code = f"import sys, workbench.formula; sys.exit(len({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
