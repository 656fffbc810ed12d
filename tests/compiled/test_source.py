"""The C files hold generated identifiers and numbers only, whatever a user called things and wrote in formulas."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from graphs import EXAMPLES

from workbench.compiled import Kernel
from workbench.errors import WorkbenchError
from workbench.formula import parse
from workbench.graph import Graph, from_sympy
from workbench.registry import installed

HOSTILE = (
    'x"); system("touch owned"); ("',
    "*/ #include </etc/passwd> /*",
    "x\n#define REAL int\n",
    "??/\n",
    "__attribute__((constructor))",
    "asm",
    "R_exp",
    "v1",
    "y[0]",
    "%n%s",
    "\\u0000",
    "Δ·é",
)
PURPOSES = ("solve", "follow", "pull", "push", "fit")
NUMBER = re.compile(r"0x[0-9a-f.]+p[+-]?[0-9]+")
SHAPE = re.compile(r"[a-z]+[0-9]+(_[0-9]+)*|R_[a-z0-9]+|NAN|INFINITY")  # numbers of nodes and parts; operations


def kernel(graph: Graph, solver: str = "tsit5") -> Kernel:
    return Kernel(graph, installed().make("solver", solver).tableau, np.dtype(float), wide=False)


def words(text: str) -> set[str]:
    """All identifiers and keywords."""
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", NUMBER.sub("0", text)))


@pytest.mark.parametrize("solver", ["tsit5", "rodas5p"])
@pytest.mark.parametrize("name", ["driven", "chained"])
def test_names_do_not_reach_the_compiler(name: str, solver: str) -> None:
    graph = EXAMPLES[name]().graph
    rename = iter(f"{word}{i}" for i, word in enumerate(HOSTILE * 40))
    fields = ("states", "parameters", "inputs", "covariates")
    hostile = replace(
        graph, time=HOSTILE[0], **{each: tuple(next(rename) for _ in getattr(graph, each)) for each in fields}
    )
    for purpose in PURPOSES:
        assert kernel(hostile, solver).source(purpose) == kernel(graph, solver).source(purpose)


def formula(rng: random.Random, names: list[str], depth: int = 4) -> str:
    """A random formula in the language of problem files."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice([*names, repr(rng.uniform(-3, 3)), "2", "pi"])
    parts = [formula(rng, names, depth - 1) for _ in range(3)]
    return rng.choice(
        [
            f"({parts[0]} + {parts[1]})", f"{parts[0]}*{parts[1]}", f"({parts[0]})/({parts[1]} + 3)", f"-({parts[0]})",
            f"({parts[0]})^2", f"abs({parts[0]})^1.5", f"exp(-abs({parts[0]}))", f"sin({parts[0]})",
            f"max({parts[0]}, {parts[1]})", f"where({parts[0]}, {parts[1]}, {parts[2]})", f"log(1 + abs({parts[0]}))",
            f"tanh({parts[0]})", f"atan2({parts[0]}, {parts[1]})", f"sqrt(abs({parts[0]}))", f"sign({parts[0]})",
        ]
    )  # fmt: skip


def test_random_formulas_become_known_words_only() -> None:
    """A vocabulary is taken from graphs that hold every operation; random formulas may add numbers of nodes alone."""
    rng = random.Random(11)
    names = ["x", "y", "t", "k", "u"]
    shape = {"states": ["x", "y"], "parameters": ["k"], "inputs": ["u"]}
    every = (
        "abs(x)^k + exp(x) + sin(y) + max(x, y) + min(x, 2) + where(x, y, u) + log(x) + tanh(y) + atan2(x, y) + sqrt(x)"
        " + sign(x) + x*log(y) + t + cos(x) + step(x) + floor(y) + k^x"
    )
    known: set[str] = set()
    for text in (every, "x", "x*log(y)/k"):
        graph = from_sympy({"rhs": [parse(text, names), parse("x*y", names)]}, **shape)
        known |= {word for purpose in PURPOSES for word in words(kernel(graph).source(purpose))}
    tried = 0
    for _ in range(60):
        try:
            texts = [formula(rng, names), formula(rng, names)]
            graph = from_sympy({"rhs": [parse(each, names) for each in texts]}, **shape)
        except WorkbenchError:
            continue  # refused by the reader of formulas: nothing to compile
        tried += 1
        for purpose in PURPOSES:
            strange = {word for word in words(kernel(graph).source(purpose)) - known if not SHAPE.fullmatch(word)}
            assert not strange, texts
    assert tried > 30
