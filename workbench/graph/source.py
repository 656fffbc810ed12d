"""A group and its derivatives → one Python function, by generated source.

The source holds generated identifiers (v12, y[3]), names of operations and constants by `repr`; nothing that a user
wrote. Values that several results need are computed once. The same source serves NumPy and torch: what an operation
means is looked up in the namespace that it is compiled in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .derivatives import reachable
from .nodes import LEAVES, Node

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
DEEPEST = 12  # operations written inside each other; Python's parser bears some 90 nested parentheses


@dataclass(frozen=True)
class Result:
    """An array to return: (rows, *shape), zero but for `nodes` at the flat `places`."""

    shape: tuple[int, ...]
    places: tuple[int, ...]
    nodes: tuple[int, ...]


def function_source(nodes: Sequence[Node], results: Sequence[Result]) -> str:
    """The text of `evaluate(t, y, u, c, p, z)`, which returns one array for each of `results`."""
    lines = _assignments(nodes, results)
    used = {nodes[number].op for number in reachable(nodes, (each for result in results for each in result.nodes))}
    body = ["shared = frame(t, y, u, c, p)"]
    body += [f"{kind} = columns({kind})" for kind in LEAVES if kind != "t" and kind in used]
    body += ["with quiet():", *(f"    {line}" for line in lines or ["pass"])]
    return "\n".join(["def evaluate(t, y, u, c, p, z=None):", *(f"    {line}" for line in body)]) + "\n"


def compiled(source: str, operations: Mapping[str, Callable[..., Any]], rest: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of `function_source` in the namespace of one kind of arrays."""
    namespace = {f"op_{name}": function for name, function in operations.items()} | dict(rest)
    exec(compile(source, "<graph>", "exec"), namespace)  # generated identifiers and numbers only
    return namespace["evaluate"]


def _assignments(nodes: Sequence[Node], results: Sequence[Result]) -> list[str]:
    """`v7 = …` for every value used more than once or nested too deeply, then the results."""
    outputs = [number for result in results for number in result.nodes]
    order = reachable(nodes, outputs)
    uses = Counter(outputs) + Counter(arg for number in order for arg in nodes[number].args)
    lines: list[str] = []
    written: dict[int, tuple[str, int]] = {}  # node → its text and how deeply it nests
    for number in order:
        text, depth = _text(nodes[number], [written[arg] for arg in nodes[number].args])
        if depth and (uses[number] > 1 or depth >= DEEPEST):
            lines.append(f"v{number} = {text}")
            text, depth = f"v{number}", 0
        written[number] = text, depth
    for i, result in enumerate(results):
        values = "".join(f"{written[number][0]}, " for number in result.nodes)
        lines.append(f"out{i} = gather(shared, {result.shape!r}, {result.places!r}, ({values}))")
    names = ", ".join(f"out{i}" for i in range(len(results)))
    return [*lines, f"return {names}"]


def _text(node: Node, args: list[tuple[str, int]]) -> tuple[str, int]:
    if node.op == "constant":
        text = repr(node.value) if math.isfinite(node.value) else f"{'-' if node.value < 0 else ''}{abs(node.value)}"
        return (f"({text})" if node.value < 0 else text), 0
    if node.op in LEAVES:
        return ("t" if node.op == "t" else f"{node.op}[{int(node.value)}]"), 0
    depth = 1 + max(depth for _, depth in args)
    texts = [text for text, _ in args]
    if node.op in INFIX:
        return f"({texts[0]} {INFIX[node.op]} {texts[1]})", depth
    return (f"(-{texts[0]})" if node.op == "neg" else f"op_{node.op}({', '.join(texts)})"), depth
