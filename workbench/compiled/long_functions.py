"""Long formulas → C functions of bounded length, one after the other: compilers take more than twice as long for twice
as many statements in one function.

What one function computes and a later one needs goes through an array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..graph import Node
from ..graph.derivatives import reachable
from .scalars import Assignment, Leaves, statements
from .tables import tabled

LONG = 400
"""Statements from which a function is split, and vᵀJ swept: up to 800 a whole one, entry by entry, compiles about as
fast, and 1,900 take three times as long."""
PART = 250
HUGE = 13000
"""Statements from which it is printed as tables: these compile in about half of the time, and from here on no longer
run longer (single runs of `benchmarks/compile_time.py`: 1.5 times as long at 4,000 statements, alike at 12,000)."""


def formulas(
    head: str, unpacked: Sequence[str], nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> str:
    """A function "… void title(parameters)" that makes the assignments; `unpacked` are its first lines."""
    length = _length(nodes, assignments)
    if length > HUGE:
        return tabled(head, unpacked, nodes, assignments, leaves)
    if length <= LONG:
        lines = [f"    {line}" for line in statements(nodes, [assignment.node for assignment in assignments], leaves)]
        lines += [f"    {assignment.statement(nodes, leaves)}" for assignment in assignments]
        return "\n".join([head, "{", *unpacked, *lines, "}"])
    return _split(head, unpacked, nodes, assignments, leaves)


def is_long(nodes: Sequence[Node], assignments: Sequence[Assignment]) -> bool:
    """Whether the function that makes them would be split."""
    return _length(nodes, assignments) > LONG


def _length(nodes: Sequence[Node], assignments: Sequence[Assignment]) -> int:
    return len(reachable(nodes, [assignment.node for assignment in assignments])) + len(assignments)


def _split(
    head: str, unpacked: Sequence[str], nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> str:
    parts, home = _parts(nodes, assignments, leaves)
    taken = [_taken(nodes, own, made, home, part) for part, (own, made) in enumerate(parts)]
    slots = {number: slot for slot, number in enumerate(sorted(set().union(*taken)))}  # node → its place in the array
    title, parameters = head.split("(", 1)
    title = title.split()[-1]
    given = ", ".join(_argument(parameter) for parameter in parameters.rstrip(")").split(", "))
    texts = []
    for part, (own, made) in enumerate(parts):
        lines = [f"    const R v{number} = v[{slots[number]}];" for number in taken[part]]
        lines += [f"    {line}" for line in statements(nodes, own, leaves, only=frozenset(own))]
        lines += [f"    {assignment.statement(nodes, leaves)}" for assignment in made]
        lines += [f"    v[{slots[number]}] = v{number};" for number in own if number in slots]
        own_head = f"CALLED PLAIN void {title}_{part}({parameters.rstrip(')')}, R *v)"
        texts.append("\n".join([own_head, "{", *unpacked, "    (void)v;", *lines, "}"]))
    calls = [f"    {title}_{part}({given}, v);" for part in range(len(parts))]
    return "\n\n".join([*texts, "\n".join([head, "{", f"    R v[{max(len(slots), 1)}];", *calls, "}"])])


def _parts(
    nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> tuple[list[tuple[list[int], list[Assignment]]], dict[int, int]]:
    """For each part the nodes that it computes and the assignments that it makes; and the part of every node."""
    parts: list[tuple[list[int], list[Assignment]]] = [([], [])]
    home: dict[int, int] = {}
    for assignment in assignments:
        for number in _needed(nodes, assignment.node, leaves, home):
            parts[-1][0].append(number)
            home[number] = len(parts) - 1
            _next_if_full(parts)
        parts[-1][1].append(assignment)
        _next_if_full(parts)
    return parts, home


def _next_if_full(parts: list[tuple[list[int], list[Assignment]]]) -> None:
    if len(parts[-1][0]) + len(parts[-1][1]) >= PART:
        parts.append(([], []))


def _taken(
    nodes: Sequence[Node], own: Sequence[int], made: Sequence[Assignment], home: Mapping[int, int], part: int
) -> list[int]:
    """The nodes of other parts that a part needs."""
    needed = {arg for number in own for arg in nodes[number].args} | {assignment.node for assignment in made}
    return sorted(number for number in needed if home.get(number, part) != part)


def _needed(nodes: Sequence[Node], node: int, leaves: Leaves, home: Mapping[int, int]) -> list[int]:
    """What has to be computed before `node` and itself, in order, but for what has a home."""
    waiting, found = [node], set()
    while waiting:
        number = waiting.pop()
        known = number in found or number in home or nodes[number].op == "constant" or nodes[number].op in leaves
        if not known:
            found.add(number)
            waiting.extend(nodes[number].args)
    return sorted(found)


def _argument(parameter: str) -> str:
    """The name of a parameter: `y` of `const R *y`, `fy` of `R (*fy)[N_STATES]`."""
    text = parameter.split("(*")[1].split(")")[0] if "(*" in parameter else parameter.split()[-1]
    return text.lstrip("*")
