"""A graph → the C function of f_y, and of f_t with inputs moving: what linearly implicit methods ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..graph import Builder, Graph, Node
from ..graph import derivatives as rules
from .printer import Layer, Printer, function
from .scalars import Assignment

Entries = dict[tuple[int, int], int]  # (output, leaf) → node


@dataclass(frozen=True)
class Moved:
    """The derivatives of a group: by states, along time with its inputs in motion, and by outputs of networks."""

    nodes: tuple[Node, ...]
    by_state: Entries
    in_time: dict[int, int]  # output → node
    by_output: Entries


def moved(graph: Graph, group: str, timed: bool) -> Moved:
    """The derivatives of a group of `graph`; slopes of the inputs are leaves of the kind "du"."""
    builder, outputs = Builder(graph.nodes), graph.groups[group]

    def by(kind: str) -> Entries:
        columns = rules.differentiate(builder, outputs, kind)
        return {(i, j): node for i, column in enumerate(columns) for j, node in column.items()}

    by_state, by_output, in_time = by("y"), by("z"), {}
    if timed:
        in_time = {i: node for (i, _), node in by("t").items()}
        for (i, j), node in by("u").items():
            moving = builder.mul(node, builder.leaf("du", j))
            in_time[i] = builder.add(in_time[i], moving) if i in in_time else moving
    return Moved(tuple(builder.nodes), by_state, in_time, by_output)


class StateJacobian:
    """Prints `rhs_jacobian(net, at, y, tape, fy, ft)`: fy by columns, only what may differ from 0."""

    def __init__(self, printer: Printer, timed: bool) -> None:
        self.printer, self.timed = printer, timed
        self.places = printer.places

    def text(self) -> str:
        """The function, and what it calls."""
        if not self.printer.groups:
            return self._of_formulas()
        networks = range(len(self.printer.layers))
        parts = [self._way_back(k, self.printer.layers[k]) for k in networks]
        parts += [self._moves(title, group) for title, group in self.printer.titles]
        return "\n\n".join([*parts, self._composed()])

    HEAD = "INLINE void rhs_jacobian(const Net *net, const At *at, const R *y, Tape *tape, R (*fy)[N_STATES], R *ft)"

    def _of_formulas(self) -> str:
        found = moved(self.printer.graph, "rhs", self.timed)
        made = [Assignment("fy", (j, i), node) for (i, j), node in sorted(found.by_state.items())]
        made += [Assignment("ft", (i,), node) for i, node in sorted(found.in_time.items())]
        return self._formulas(self.HEAD, ("net", "y", "tape", "fy", "ft"), found, made)

    def _formulas(self, head: str, names: Sequence[str], found: Moved, made: Sequence[Assignment]) -> str:
        return self.printer.formulas(head, names, found.nodes, made)

    def _moves(self, title: str, group: str) -> str:
        """Writes d(group)/d(y, time) with networks followed: zy are those of their outputs. Time stands behind y."""
        graph, found = self.printer.graph, moved(self.printer.graph, group, self.timed)
        made = [Assignment("by", (i, j), node) for (i, j), node in sorted(found.by_state.items())]
        made += [Assignment("by", (i, "N_STATES"), node) for i, node in sorted(found.in_time.items())]
        slopes = {at: n for n, at in enumerate(sorted(found.by_output))}
        made += [Assignment("d", (slopes[at],), node) for at, node in sorted(found.by_output.items())]
        head = f"INLINE void {title}_own(const At *at, const R *y, const R *z, R (*by)[N_STATES + 1], R *d)"
        lines = [f"    R d[{max(len(slopes), 1)}];", f"    for (int i = 0; i < {len(graph.groups[group])}; i++)"]
        lines += ["        clear(by[i], N_STATES + 1);", f"    {title}_own(at, y, z, by, d);", "    (void)zy, (void)d;"]
        for (i, o), n in slopes.items():
            lines += ["    for (int j = 0; j <= N_STATES; j++)", f"        by[{i}][j] += d[{n}] * zy[{o}][j];"]
        whole = (
            f"INLINE void {title}_moves(const At *at, const R *y, const R *z, R (*zy)[N_STATES + 1], "
            "R (*by)[N_STATES + 1])"
        )
        return f"{self._formulas(head, ('y', 'z', 'by', 'd'), found, made)}\n\n{function(whole, lines)}"

    def _way_back(self, k: int, own: Sequence[Layer]) -> str:
        """One row of a network's Jacobian: from gz, over its outputs, to gx, over its inputs."""
        n_in = own[0].n_in
        lines = self.printer.network_back(k, own, weights=False)
        lines += [f"    for (int i = 0; i < {n_in}; i++)", f"        row[i] = gx{k}[i];"]
        return function(f"CALLED void network{k}_row(const Net *net, const Tape *tape, const R *gz, R *row)", lines)

    def _composed(self) -> str:
        """The networks one after the other, then f."""
        outputs = self.printer.n_z
        lines = ["    R f[N_STATES], *z = tape->z;", "    rhs(net, at, y, f, tape);"]
        lines += [f"    R zy[{outputs}][N_STATES + 1], gz[{outputs}], by[N_STATES][N_STATES + 1];"]
        lines += ["    (void)ft;", f"    clear(gz, {outputs});"]
        for k, own in enumerate(self.printer.layers):
            n_in, first = own[0].n_in, self.printer.graph.networks[k].first
            lines += [f"    R x{k}[{n_in}][N_STATES + 1], row{k}[{n_in}];", f"    input{k}_moves(at, y, z, zy, x{k});"]
            lines += [f"    for (int o = {first}; o < {first + own[-1].n_out}; o++) {{", "        gz[o] = SPLAT(1);"]
            lines += [f"        network{k}_row(net, tape, gz, row{k});", "        gz[o] = SPLAT(0);"]
            lines += ["        clear(zy[o], N_STATES + 1);", f"        for (int i = 0; i < {n_in}; i++)"]
            lines += ["            for (int j = 0; j <= N_STATES; j++)"]
            lines += [f"                zy[o][j] += row{k}[i] * x{k}[i][j];", "    }"]
        lines += ["    core_moves(at, y, z, zy, by);", "    for (int i = 0; i < N_STATES; i++) {"]
        lines += ["        for (int j = 0; j < N_STATES; j++)", "            fy[j][i] = by[i][j];"]
        lines += ["        ft[i] = by[i][N_STATES];", "    }"]
        return function(self.HEAD.replace("INLINE", "CALLED"), lines)
