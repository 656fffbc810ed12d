"""How scalar nodes of a graph are written in a language: names, numbers, calls, and statements in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..graph import Network, Node
from ..graph.derivatives import reachable
from ..graph.network import NONE
from ..graph.nodes import LEAVES

INFIX = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2)}
LOOSE, SUM, ATOM = 0, 1, 3  # how firmly a text holds together: LOOSE and SUM need parentheses in a product
DEEPEST = 8  # operations written inside each other, for readers


class Text(NamedTuple):
    """A written value, how firmly it holds together, and how many operations lie inside each other."""

    text: str
    firmness: int = ATOM
    depth: int = 0

    def within(self, firmness: int) -> str:
        """It as a part of something, in parentheses where it holds together less firmly."""
        return self.text if self.firmness >= firmness else f"({self.text})"


@dataclass(frozen=True)
class Language:
    """`calls` writes operations beyond + − · /: their name, or a template with {0}, {1} … for the arguments.

    The order of operations is that of the graph, to the last bit: a product of products keeps its parentheses.
    """

    calls: Mapping[str, str]
    number: Callable[[float], str]
    declare: str = "{name} = {value}"

    def constant(self, value: float) -> Text:
        """A number, which a sign makes no firmer than a sum."""
        text = self.number(value)
        return Text(text, SUM if text.startswith("-") else ATOM)

    def call(self, op: str, args: Sequence[Text]) -> Text:
        """An operation on written arguments."""
        depth = 1 + max(arg.depth for arg in args)
        if op in INFIX:
            sign, firmness = INFIX[op]
            return Text(f"{args[0].within(firmness)} {sign} {args[1].within(firmness + 1)}", firmness, depth)
        if op == "neg":
            return Text(f"-{args[0].within(ATOM)}", SUM, depth)
        form = self.calls[op]
        if "{" not in form:
            return Text(f"{form}({', '.join(arg.text for arg in args)})", ATOM, depth)
        closed = form[0].isalpha() and form.endswith(")")
        return Text(form.format(*(arg.within(ATOM) for arg in args)), ATOM if closed else LOOSE, depth)


def written(
    nodes: Sequence[Node], outputs: Sequence[int], language: Language, leaf: Callable[[str, int], str]
) -> tuple[list[str], list[str]]:
    """The statements that compute `outputs`, and how each of these is then written.

    A value that is used more than once, or lies deep, gets a name of its own (v12); `leaf` names leaves by kind and
    index.
    """
    order = reachable(nodes, outputs)
    uses = Counter(outputs) + Counter(arg for number in order for arg in nodes[number].args)
    found: dict[int, Text] = {}
    lines: list[str] = []
    for number in order:
        node = nodes[number]
        if node.op == "constant":
            text = language.constant(node.value)
        elif node.op in LEAVES:
            text = Text(leaf(node.op, int(node.value)))
        else:
            text = language.call(node.op, [found[arg] for arg in node.args])
            if uses[number] > 1 or text.depth > DEEPEST:
                lines.append(language.declare.format(name=f"v{number}", value=text.text))
                text = Text(f"v{number}")
        found[number] = text
    return lines, [found[number].text for number in outputs]


def indexed(kind: str, index: int) -> str:
    """A leaf as an entry of its kind's array: y[0], and t."""
    return "t" if kind == "t" else f"{kind}[{index}]"


def placed(network: Network) -> list[str]:
    """Each layer of a network as (outputs, inputs, matrix, biases): where its weights begin in p; None: no biases."""
    return [
        f"({o.n_outputs}, {o.n_inputs}, {o.matrix}, {None if o.biases == NONE else o.biases})" for o in network.layers
    ]


def operations(nodes: Sequence[Node], outputs: Sequence[int]) -> set[str]:
    """The operations that `outputs` are computed by."""
    return {nodes[number].op for number in reachable(nodes, outputs)} - {"constant", *LEAVES}
