"""A graph → the C functions of its right-hand side: the value, vᵀJ, and the Jacobians.

f = rhs(t, y, u, c, p, z), where z are the outputs of dense networks and their inputs are groups of the same graph. What
is printed are generated identifiers and numbers; see kernels/*.h for what they are used by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..graph import Builder, Graph, Kind, Network, Node
from ..graph.derivatives import reachable
from ..graph.reverse import COTANGENT, pulled
from .constants import Shared
from .long_functions import formulas, is_long
from .scalars import Assignment

FEW = 8  # outputs up to which a layer with more inputs than outputs is kept by rows
BACK: tuple[Kind, ...] = ("y", "p", "z")  # the leaves to which a vᵀJ goes
SLOPE_OF_VALUE = ("tanh", "relu")  # activations whose slope follows from their value


@dataclass(frozen=True)
class Layer:
    """A dense layer: its place in network `net`, its widths, and where its weights and biases begin among p."""

    net: int
    number: int
    n_in: int
    n_out: int
    matrix: int
    biases: int  # -1 where it has none

    @property
    def kind(self) -> str:
        """By which of its sides it is vectorised."""
        return "narrow" if self.n_out < min(self.n_in, FEW) else "wide"

    @property
    def places(self) -> str:
        """Its matrix and its biases among p, as arguments."""
        return f"p + {self.matrix}, {f'p + {self.biases}' if self.biases >= 0 else '0'}"

    @property
    def tag(self) -> str:
        """Its part of identifiers."""
        return f"{self.net}_{self.number}"


def layers(graph: Graph, net: int) -> list[Layer]:
    """The layers of a network."""
    return [Layer(net, number, *layer) for number, layer in enumerate(graph.networks[net].layers)]


class Printer:
    """Prints one graph. `scalar` are the parameters that formulas use, in order: the others are weights."""

    def __init__(self, shared: Shared) -> None:
        graph = self.graph = shared.graph
        self.shared = shared
        self.groups = [f"network {k}" for k in range(len(graph.networks))]
        used = {j for group in ("rhs", *self.groups) for j in self._used(group, "p")}
        self.scalar = sorted(used)
        self.layers = [layers(graph, k) for k in range(len(graph.networks))]
        self.places: dict[str, dict[int, int]] = {
            "t": {0: 0},
            "y": {i: i for i in range(len(graph.states))},
            "u": {i: i for i in range(len(graph.inputs))},
            "du": {i: i for i in range(len(graph.inputs))},
            "c": {i: i for i in range(len(graph.covariates))},
            "p": {j: place for place, j in enumerate(self.scalar)},
            "z": {i: i for i in range(self.n_z)},
            COTANGENT: {i: i for i in range(max(map(len, graph.groups.values())))},
        }

    @property
    def titles(self) -> list[tuple[str, str]]:
        """What the function of a group is called, with the group."""
        return [("core", "rhs"), *((f"input{k}", group) for k, group in enumerate(self.groups))]

    @property
    def n_z(self) -> int:
        """Outputs of all networks."""
        return sum(network.n_outputs for network in self.graph.networks)

    def _used(self, group: str, kind: str) -> list[int]:
        nodes = self.graph.nodes
        return [int(nodes[n].value) for n in reachable(nodes, self.graph.groups[group]) if nodes[n].op == kind]

    # --- the whole text

    def text(self, purpose: str) -> str:
        """The functions that one purpose needs (see kernel.HEADERS)."""
        parts = [self._sizes(), self._structures(), *self._weights()]
        parts += [self.group_value(title, group) for title, group in self.titles]
        parts.append(self._rhs())
        if purpose == "pull" or (purpose == "push" and self.groups):
            parts += [*(self.group_vjp(title, group) for title, group in self.titles), self._rhs_vjp()]
        if purpose == "push":
            parts.append(self.jacobian())
        return "\n\n".join(parts) + "\n"

    @property
    def operations(self) -> int:
        """The size of f."""
        wanted = [node for group in ("rhs", *self.groups) for node in self.graph.groups[group]]
        return len(reachable(self.graph.nodes, wanted)) + sum(
            layer.n_in * layer.n_out for own in self.layers for layer in own
        )

    def _sizes(self) -> str:
        graph = self.graph
        sizes = {
            "N_STATES": len(graph.states),
            "N_INPUTS": len(graph.inputs),
            "N_COVARIATES": len(graph.covariates),
            "N_PARAMETERS": len(graph.parameters),
            "N_SCALARS": len(self.scalar),
            "N_OUTPUTS": self.n_z,
            "N_NETWORKS": len(graph.networks),
        }
        places = ", ".join(map(str, self.scalar)) or "0"
        lines = [f"#define {key} {value}" for key, value in sizes.items()]
        return "\n".join([*lines, f"static const int scalar_places[] = {{{places}}};"])

    def _structures(self) -> str:
        net, sums, tape = [], [], ["    R y[AT_LEAST_1(N_STATES)], z[AT_LEAST_1(N_OUTPUTS)];"]
        for own in self.layers:
            tape.append(f"    E x{own[0].net}[PAD({own[0].n_in})] ALIGNED;")
            for layer in own:
                tag, kind, sizes = layer.tag, layer.kind.upper(), f"({layer.n_in}, {layer.n_out})"
                net.append(f"    REAL w{tag}[{kind}_WEIGHTS{sizes}] ALIGNED, r{tag}[{kind}_ROWS{sizes}] ALIGNED;")
                net.append(f"    REAL b{tag}[PAD({layer.n_out})] ALIGNED;")
                sums.append(f"    E w{tag}[{kind}_SUMS{sizes}] ALIGNED, b{tag}[PAD({layer.n_out})] ALIGNED;")
                tape.append(f"    E a{layer.tag}[PAD({layer.n_out})] ALIGNED;")
                if layer is not own[-1] and self._network(layer).activation not in SLOPE_OF_VALUE:
                    tape.append(f"    E d{layer.tag}[PAD({layer.n_out})] ALIGNED;")
        nothing = ["    REAL nothing;"]
        members = {"Net": net or nothing, "Sums": sums or nothing, "Tape": tape}
        return "\n\n".join("\n".join(["typedef struct {", *lines, f"}} {name};"]) for name, lines in members.items())

    def _network(self, layer: Layer) -> Network:
        return self.graph.networks[layer.net]

    def _weights(self) -> Iterator[str]:
        every = [layer for own in self.layers for layer in own]
        pack = [
            f"    dense_{o.kind}_pack({o.n_in}, {o.n_out}, {o.places}, net->w{o.tag}, net->r{o.tag}, net->b{o.tag});"
            for o in every
        ]
        unpack = [
            f"    dense_{o.kind}_unpack({o.n_in}, {o.n_out}, {o.places}, sums->w{o.tag}, sums->b{o.tag});"
            for o in every
        ]
        yield function("static void net_pack(Net *net, const REAL *p)", ["    (void)net, (void)p;", *pack])
        yield function("static void net_unpack(const Sums *sums, REAL *p)", ["    (void)sums, (void)p;", *unpack])

    # --- groups of scalar formulas

    def unpacked(self) -> list[str]:
        """The first lines of a function of formulas."""
        names = ("u", "du", "c", "p")
        pointers = ", ".join(f"*{each} = at->{each}" for each in names)
        return [f"    const R t = at->t, {pointers};", f"    (void)t, {', '.join(f'(void){each}' for each in names)};"]

    def group_value(self, title: str, group: str) -> str:
        """Writes a group's value to f."""
        made = [Assignment("f", (i,), output) for i, output in enumerate(self.graph.groups[group])]
        head = f"INLINE void {title}(const At *at, const R *y, const R *z, R *f)"
        return self.formulas(head, "yzf", self.graph.nodes, made)

    def formulas(self, head: str, names: Iterable[str], nodes: Sequence[Node], made: Sequence[Assignment]) -> str:
        """A function of formulas with these parameters beside `at`."""
        unused = f"    {', '.join(f'(void){each}' for each in names)};"
        return formulas(head, [*self.unpacked(), unused], self.shared.undivided(nodes), made, self.places)

    def group_vjp(self, title: str, group: str) -> str:
        """Adds gᵀ∂group/∂(y, p, z) to gy, gp and gz: entry by entry, or by a reverse sweep where f is long."""
        swept = self._swept(group)
        nodes, made = swept if is_long(*swept) else self._entries_times(group)
        if is_long(nodes, made):
            nodes, made = swept
        head = f"INLINE void {title}_vjp(const At *at, const R *y, const R *z, const R *g, R *gy, R *gp, R *gz)"
        return self.formulas(head, ("y", "z", "g", "gy", "gp", "gz"), nodes, made)

    def _entries_times(self, group: str) -> tuple[Sequence[Node], list[Assignment]]:
        graph, made = self.graph, []
        for kind in BACK:
            derivative = graph.differentiate(group, kind)
            graph = derivative.graph
            for (i, j), node in sorted(derivative.entries.items(), key=lambda item: item[0][::-1]):
                if j in self.places[kind]:
                    made.append(Assignment(f"g{kind}", (self.places[kind][j],), node, "+=", f"g[{i}] * "))
        return graph.nodes, made

    def _swept(self, group: str) -> tuple[Sequence[Node], list[Assignment]]:
        builder = Builder(self.graph.nodes)
        made = [
            Assignment(f"g{leaf.op}", (self.places[leaf.op][int(leaf.value)],), node, "+=")
            for leaf, node in pulled(builder, self.graph.groups[group], BACK)
        ]
        return builder.nodes, made

    # --- the right-hand side

    def _rhs(self) -> str:
        lines = ["    R *z = tape->z;", "    (void)net, (void)z;"]
        lines += ["    for (int i = 0; i < N_STATES; i++)", "        tape->y[i] = y[i];"]
        for k, own in enumerate(self.layers):
            lines += self._network_value(k, own)
        lines.append("    core(at, y, z, f);")
        return function("INLINE void rhs(const Net *net, const At *at, const R *y, R *f, Tape *tape)", lines)

    def _network_value(self, k: int, own: Sequence[Layer]) -> list[str]:
        network, n_in = self.graph.networks[k], own[0].n_in
        lines = [f"    R in{k}[{n_in}];", f"    input{k}(at, y, z, in{k});"]
        lines += [f"    for (int i = 0; i < {n_in}; i++)", f"        tape->x{k}[i] = in{k}[i];"]
        lines += [f"    for (int i = {n_in}; i < PAD({n_in}); i++)", f"        tape->x{k}[i] = (E){{0}};"]
        x = f"x{k}"
        for layer in own:
            tag, sizes = layer.tag, f"{layer.n_in}, {layer.n_out}"
            lines.append(f"    dense_{layer.kind}({sizes}, net->w{tag}, net->b{tag}, tape->{x}, tape->a{tag});")
            if layer is not own[-1]:
                follows = network.activation in SLOPE_OF_VALUE
                lines += [f"    UNITS({layer.n_out}, i) {{", "        V a, d;"]
                lines.append(f"        act_{network.activation}(E_load(tape->a{tag} + i), &a, &d);")
                lines.append(f"        E_store(tape->a{tag} + i, a);")
                lines.append("        (void)d;" if follows else f"        E_store(tape->d{tag} + i, d);")
                lines.append("    }")
            x = f"a{tag}"
        lines += [f"    for (int i = 0; i < {own[-1].n_out}; i++)", f"        z[{network.first} + i] = tape->{x}[i];"]
        return lines

    def _rhs_vjp(self) -> str:
        lines = ["    const R *y = tape->y, *z = tape->z;", "    R gz[AT_LEAST_1(N_OUTPUTS)];"]
        lines.append("    clear(gz, AT_LEAST_1(N_OUTPUTS));")
        lines += ["    (void)net, (void)gnet;", "    core_vjp(at, y, z, g, gy, gp, gz);"]
        for k in range(len(self.layers) - 1, -1, -1):
            lines += self._network_vjp(k, self.layers[k])
        head = (
            "INLINE void rhs_vjp(const Net *net, const At *at, const Tape *tape, const R *g, R *gy, R *gp, Sums *gnet)"
        )
        return function(head, lines)

    def _network_vjp(self, k: int, own: Sequence[Layer]) -> list[str]:
        n_in = own[0].n_in
        lines = self.network_back(k, own)
        lines += [f"    R gin{k}[{n_in}];", f"    for (int i = 0; i < {n_in}; i++)", f"        gin{k}[i] = gx{k}[i];"]
        lines.append(f"    input{k}_vjp(at, y, z, gin{k}, gy, gp, gz);")
        return lines

    def network_back(self, k: int, own: Sequence[Layer], weights: bool = True) -> list[str]:
        """From gz to gx, what network k makes of it; with `weights` also their gradients."""
        network = self.graph.networks[k]
        last = own[-1]
        lines = [f"    E g{last.tag}[PAD({last.n_out})] ALIGNED;"]
        lines += [f"    for (int i = 0; i < {last.n_out}; i++)", f"        g{last.tag}[i] = gz[{network.first} + i];"]
        lines += [f"    for (int i = {last.n_out}; i < PAD({last.n_out}); i++)", f"        g{last.tag}[i] = (E){{0}};"]
        for n in range(len(own) - 1, -1, -1):
            layer = own[n]
            tag, sizes = layer.tag, f"{layer.n_in}, {layer.n_out}"
            below = f"g{own[n - 1].tag}" if n else f"gx{k}"
            x = f"a{own[n - 1].tag}" if n else f"x{k}"
            if weights:
                lines.append(f"    dense_{layer.kind}_grad({sizes}, gnet->w{tag}, gnet->b{tag}, tape->{x}, g{tag});")
            lines.append(f"    E {below}[PAD({layer.n_in})] ALIGNED;")
            lines.append(f"    dense_{layer.kind}_back({sizes}, net->w{tag}, net->r{tag}, g{tag}, {below});")
            if n:
                under = own[n - 1].tag
                d = "(V){0}" if network.activation in SLOPE_OF_VALUE else f"E_load(tape->d{under} + i)"
                slope = f"slope_{network.activation}(E_load(tape->a{under} + i), {d})"
                lines += [
                    f"    UNITS({layer.n_in}, i)",
                    f"        E_store({below} + i, E_load({below} + i) * {slope});",
                ]
        return lines

    def jacobian(self, title: str = "core_jacobian") -> str:
        """f_y [state][state] and f_p [state][N_SCALARS], entry by entry; of formulas alone, networks go by vᵀJ."""
        head = f"INLINE void {title}(const At *at, const R *y, const R *z, R (*fy)[N_STATES], R (*fp)[ROOM_P])"
        graph, made = self.graph, []
        for kind in ("y", "p"):
            derivative = graph.differentiate("rhs", kind)
            graph = derivative.graph
            for (i, j), node in sorted(derivative.entries.items()):
                if j in self.places[kind]:
                    made.append(Assignment(f"f{kind}", (i, self.places[kind][j]), node))
        return self.formulas(head, ("y", "z", "fy", "fp"), graph.nodes, made)


def function(head: str, lines: Sequence[str]) -> str:
    """A C function of these lines."""
    return "\n".join([head, "{", *lines, "}"])
