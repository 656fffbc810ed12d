"""Long formulas → C functions of bounded length, one after the other: compilers take more than twice as long for twice
as many statements in one function.

What one function computes and a later one needs goes through an array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..graph import Node
from ..graph.derivatives import reachable
from .scalars import name, statements

LONG = 400  # statements from which a function is split
PART = 250  # statements of a part
Leaves = Mapping[str, Mapping[int, int]]
Assignment = tuple[str, int]  # `target = ` or `target += factor * `, and the node that follows


def formulas(
    head: str, unpacked: Sequence[str], nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> str:
    """A function "… void title(parameters)" that makes the assignments; `unpacked` are its first lines."""
    found = reachable(nodes, [node for _, node in assignments])
    if len(found) + len(assignments) <= LONG:
        lines = [f"    {line}" for line in statements(nodes, [node for _, node in assignments], leaves)]
        lines += [f"    {target}{name(nodes, node, leaves)};" for target, node in assignments]
        return "\n".join([head, "{", *unpacked, *lines, "}"])
    return _split(head, unpacked, nodes, assignments, leaves)


def _split(
    head: str, unpacked: Sequence[str], nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> str:
    parts, home = _parts(nodes, assignments, leaves)
    slots: dict[int, int] = {}  # node → its place in the array
    for part, (own, _) in enumerate(parts):
        for number in own:
            for arg in nodes[number].args:
                if home.get(arg, part) != part:
                    slots.setdefault(arg, len(slots))
    title, parameters = head.split("(", 1)
    title = title.split()[-1]
    given = ", ".join(_argument(parameter) for parameter in parameters.rstrip(")").split(", "))
    texts = []
    for part, (own, made) in enumerate(parts):
        before = sorted({arg for number in own for arg in nodes[number].args if home.get(arg, part) != part})
        lines = [f"    const R v{number} = v[{slots[number]}];" for number in before]
        lines += [f"    {line}" for line in statements(nodes, own, leaves, only=frozenset(own))]
        lines += [f"    {target}{name(nodes, node, leaves)};" for target, node in made]
        lines += [f"    v[{slots[number]}] = v{number};" for number in own if number in slots]
        own_head = f"CALLED void {title}_{part}({parameters.rstrip(')')}, R *v)"
        texts.append("\n".join([own_head, "{", *unpacked, "    (void)v;", *lines, "}"]))
    calls = [f"    {title}_{part}({given}, v);" for part in range(len(parts))]
    return "\n\n".join([*texts, "\n".join([head, "{", f"    R v[{max(len(slots), 1)}];", *calls, "}"])])


def _parts(
    nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> tuple[list[tuple[list[int], list[Assignment]]], dict[int, int]]:
    """For each part the nodes that it computes and the assignments that it makes; and the part of every node."""
    after: dict[int, list[Assignment]] = {}
    for assignment in assignments:
        after.setdefault(assignment[1], []).append(assignment)
    parts: list[tuple[list[int], list[Assignment]]] = [([], [])]
    home: dict[int, int] = {}
    for number in reachable(nodes, [node for _, node in assignments]):
        if nodes[number].op != "constant" and nodes[number].op not in leaves:
            parts[-1][0].append(number)
            home[number] = len(parts) - 1
        parts[-1][1].extend(after.get(number, []))
        if len(parts[-1][0]) + len(parts[-1][1]) >= PART:
            parts.append(([], []))
    return parts, home


def _argument(parameter: str) -> str:
    """The name of a parameter: `y` of `const R *y`, `fy` of `R (*fy)[N_STATES]`."""
    text = parameter.split("(*")[1].split(")")[0] if "(*" in parameter else parameter.split()[-1]
    return text.lstrip("*")
