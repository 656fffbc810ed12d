"""Very long formulas → tables of places and one short function that walks over them.

A function of many thousands of statements takes the compiler seconds, and the processor reads it from memory as slowly
as it reads numbers. So the formulas are sorted: all products that can be taken one after the other, then all sums of
them, and so on. A run of one operation is a loop over a table, entry by entry where its arguments and its result stand
in an array v.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Node
from .scalars import INFIX, Assignment, Leaves, constant

BLOCK = 1000  # operations that are sorted together: their values stay in the processor's first cache
Entry = tuple[str, tuple[int | str, ...]]  # a statement with ▢ where the entry's places go, and those


def tabled(
    head: str, unpacked: Sequence[str], nodes: Sequence[Node], assignments: Sequence[Assignment], leaves: Leaves
) -> str:
    """A function "… void title(parameters)" that makes the assignments; `unpacked` are its first lines."""
    table = _Table(nodes, leaves)
    blocks = _blocks(nodes, assignments)
    table.note_last_uses(blocks)
    for number, (own, made) in enumerate(blocks):
        table.block(number, own, made)
    return table.text(head, unpacked)


def _blocks(nodes: Sequence[Node], assignments: Sequence[Assignment]) -> list[tuple[list[int], list[Assignment]]]:
    """For each block the nodes that it computes, in order, and the assignments that it makes."""
    blocks: list[tuple[list[int], list[Assignment]]] = [([], [])]
    known: set[int] = set()
    for assignment in assignments:
        waiting = [assignment.node]
        while waiting:
            missing = [arg for arg in nodes[waiting[-1]].args if arg not in known]
            if missing:
                waiting.extend(missing)
                continue
            number = waiting.pop()
            if number not in known:
                known.add(number)
                blocks[-1][0].append(number)
        blocks[-1][1].append(assignment)
        if len(blocks[-1][0]) + len(blocks[-1][1]) >= BLOCK:
            blocks.append(([], []))
    return blocks


class _Table:
    """Runs, in the order in which they are walked, and where values stand."""

    def __init__(self, nodes: Sequence[Node], leaves: Leaves) -> None:
        self.nodes, self.leaves = nodes, leaves
        self.slots: dict[int, int] = {}  # node → its place in v
        self.free: list[int] = []
        self.size = 0
        self.constants: dict[float, int] = {}
        self.kinds: dict[str, int] = {}  # statement → its case
        self.rows: list[str] = []
        self._last: dict[int, int] = {}

    def note_last_uses(self, blocks: Sequence[tuple[list[int], list[Assignment]]]) -> None:
        """Note in which block each value is used for the last time."""
        for number, (own, made) in enumerate(blocks):
            for node in own:
                self._last[node] = number
                self._last.update(dict.fromkeys(self.nodes[node].args, number))
            self._last.update((assignment.node, number) for assignment in made)

    def block(self, number: int, own: Sequence[int], made: Sequence[Assignment]) -> None:
        """The runs of one block."""
        levels: dict[int, int] = {}
        runs: dict[tuple[int, str], list[tuple[int | str, ...]]] = {}
        for node in own:
            levels[node] = 1 + max((levels.get(arg, -1) for arg in self.nodes[node].args), default=-1)
            self.slots[node] = self._slot()
            statement, places = self._entry(node)
            runs.setdefault((levels[node], statement), []).append(places)
        last = len(own)
        for assignment in made:
            target = assignment.array + "[▢]" * len(assignment.places)
            entry = (*assignment.places, self.slots[assignment.node])
            runs.setdefault((last, f"{target} {assignment.sign} v[▢];"), []).append(entry)
        for (_, statement), entries in sorted(runs.items(), key=lambda item: item[0][0]):
            kind = self.kinds.setdefault(statement, len(self.kinds))
            self.rows.append(f"{kind},{len(entries)},{','.join(str(place) for entry in entries for place in entry)}")
        done = [node for node in self.slots if self._last[node] == number]
        self.free.extend(self.slots.pop(node) for node in done)

    def _slot(self) -> int:
        if self.free:
            return self.free.pop()
        self.size += 1
        return self.size - 1

    def _entry(self, number: int) -> Entry:
        """`v[▢] = …;` for a node."""
        op, args, value = self.nodes[number]
        slot = self.slots[number]
        if op == "constant":
            return "v[▢] = constants[▢];", (slot, self.constants.setdefault(value, len(self.constants)))
        if op == "t":
            return "v[▢] = t;", (slot,)
        if op in self.leaves:
            return f"v[▢] = {op}[▢];", (slot, self.leaves[op][int(value)])
        places = (slot, *(self.slots[arg] for arg in args))
        if op in INFIX:
            return f"v[▢] = v[▢] {INFIX[op]} v[▢];", places
        if op == "neg":
            return "v[▢] = -v[▢];", places
        return f"v[▢] = R_{op}({', '.join(['v[▢]'] * len(args))});", places

    def text(self, head: str, unpacked: Sequence[str]) -> str:
        """The tables and the function."""
        title = head.split("(", 1)[0].split()[-1]
        index = "unsigned short" if self.size < 65536 else "unsigned"
        cases = [line for statement, kind in self.kinds.items() for line in _case(statement, kind)]
        constants = ", ".join(constant(value) for value in self.constants) or "SPLAT(0)"
        return "\n".join(
            [
                f"static const {index} {title}_table[] = {{",
                *(f"{row}," for row in self.rows),
                "};",
                "",
                head.replace("INLINE", "CALLED"),
                "{",
                *unpacked,
                f"    const R constants[] = {{{constants}}};",
                f"    R v[{max(self.size, 1)}];",
                f"    const {index} *place = {title}_table, *last = place + sizeof {title}_table / sizeof *place;",
                "    while (place < last) {",
                "        const int kind = *place++;",
                "        int n = *place++;",
                "        switch (kind) {",
                *cases,
                "        }",
                "    }",
                "}",
            ]
        )


def _case(statement: str, kind: int) -> list[str]:
    pieces = statement.split("▢")
    text = pieces[0] + "".join(f"place[{i}]{piece}" for i, piece in enumerate(pieces[1:]))
    width = len(pieces) - 1
    loop = f"            for (; n > 0; n--, place += {width})"
    return [f"        case {kind}:", loop, f"                {text}", "            break;"]
