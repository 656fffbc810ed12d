"""A graph → the C functions of second derivatives: those of f_y w + f_t τ, in which inputs move too.

Formulas give `second_vjp`, the way back from all entries of f_y and f_t at once. Where there are networks the graph of
f_y w + f_t τ + f_u v (Graph.tangent) is printed, whose networks carry the derivative ẋ of each value x along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .printer import Layer, Printer, function
from .state_jacobian import moved


def entries_back(printer: Printer, timed: bool) -> str:
    """`second_vjp(at, y, z, g, gy, gp, gz)` for formulas: g belongs to the entries of f_y and then of f_t."""
    found = moved(printer.graph, "rhs", timed)
    entries = sorted(found.by_state.items(), key=lambda item: item[0][::-1])
    times = sorted(found.in_time.items())
    nodes = (*(node for _, node in entries), *(node for _, node in times))
    graph = replace(printer.graph, nodes=found.nodes, groups={**printer.graph.groups, "entries": nodes})
    flat = Printer(replace(printer.shared, graph=graph))
    flat.places["p"] = printer.places["p"]
    sizes = f"#define N_ENTRIES {len(entries)}\n#define N_TIMES {len(times)}"
    return "\n".join(
        [
            sizes,
            _whole("entry_row", [i for (i, _), _ in entries] + [i for i, _ in times]),
            _whole("entry_column", [j for (_, j), _ in entries]),
            "",
            flat.group_vjp("second", "entries"),
        ]
    )


def _whole(name: str, values: Sequence[int]) -> str:
    return f"static const short {name}[] = {{{', '.join(map(str, values)) or '0'}}};"


class TangentPrinter:
    """Prints the tangent graph of a printer's graph: values of its networks, vᵀJ, and the Jacobian of formulas."""

    def __init__(self, printer: Printer) -> None:
        self.printer = Printer(replace(printer.shared, graph=printer.graph.tangent("rhs")))
        self.printer.scalar, self.printer.places["p"] = printer.scalar, printer.places["p"]

    def jacobian(self) -> str:
        """`tangent_jacobian(at, y, z, fy, fp)`, for formulas."""
        return self.printer.jacobian("tangent_jacobian")

    def back(self) -> str:
        """`tangent(net, at, y, tape)`, which fills the tape, and `tangent_vjp(net, at, tape, g, gy, gp, gnet)`."""
        printer = self.printer
        parts = [self._tape()]
        inputs = [(f"tangent_{title}", group) for title, group in printer.titles]
        parts += [printer.group_value(title, group) for title, group in inputs[1:]]
        parts += [printer.group_vjp(title, group) for title, group in inputs]
        return "\n\n".join([*parts, self._value(), self._vjp()])

    def _tape(self) -> str:
        """Of a layer the values a, their ȧ, slopes d of the activation, and e, the curvature times the sum's ȧ."""
        fields = [f"    R y[N_STATES], z[{self.printer.n_z}];"]
        widest = 1
        for own in self.printer.layers:
            n_in = own[0].n_in
            fields.append(f"    E x{own[0].net}[PAD({n_in})] ALIGNED, dx{own[0].net}[PAD({n_in})] ALIGNED;")
            for layer in own:
                arrays = [f"{part}{layer.tag}[PAD({layer.n_out})] ALIGNED" for part in ("a", "da", "d", "e")]
                fields.append(f"    E {', '.join(arrays)};")
                widest = max(widest, layer.n_out)
        biases = f"static const REAL no_biases[PAD({widest})] ALIGNED = {{0}};"
        return "\n".join(["typedef struct {", *fields, "} TangentTape;", "", biases])

    def _value(self) -> str:
        lines = ["    R *z = tape->z;", "    for (int i = 0; i < N_STATES; i++)", "        tape->y[i] = y[i];"]
        for k, own in enumerate(self.printer.layers):
            lines += self._network_value(k, own)
        return function("CALLED void tangent(const Net *net, const At *at, const R *y, TangentTape *tape)", lines)

    def _network_value(self, k: int, own: Sequence[Layer]) -> list[str]:
        network, n_in = self.printer.graph.networks[k], own[0].n_in
        lines = [f"    R in{k}[{2 * n_in}];", f"    tangent_input{k}(at, y, z, in{k});"]
        for part, first in (("x", 0), ("dx", n_in)):
            lines += [f"    for (int i = 0; i < {n_in}; i++)", f"        tape->{part}{k}[i] = in{k}[{first} + i];"]
            lines += [f"    for (int i = {n_in}; i < PAD({n_in}); i++)", f"        tape->{part}{k}[i] = (E){{0}};"]
        x, dx = f"x{k}", f"dx{k}"
        for layer in own:
            tag, sizes = layer.tag, f"{layer.n_in}, {layer.n_out}"
            lines.append(f"    dense_{layer.kind}({sizes}, net->w{tag}, net->b{tag}, tape->{x}, tape->a{tag});")
            lines.append(f"    dense_{layer.kind}({sizes}, net->w{tag}, no_biases, tape->{dx}, tape->da{tag});")
            if layer is not own[-1]:
                lines += self._activation(network.activation, layer)
            x, dx = f"a{tag}", f"da{tag}"
        n_out, first = own[-1].n_out, network.first
        for part, at in ((x, first), (dx, first + n_out)):
            lines += [f"    for (int i = 0; i < {n_out}; i++)", f"        z[{at} + i] = tape->{part}[i];"]
        return lines

    def _activation(self, activation: str, layer: Layer) -> list[str]:
        tag = layer.tag
        return [
            f"    UNITS({layer.n_out}, i) {{",
            f"        const V sum = E_load(tape->a{tag} + i), dsum = E_load(tape->da{tag} + i);",
            "        V a, d;",
            f"        act_{activation}(sum, &a, &d);",
            f"        const V slope = slope_{activation}(a, d);",
            f"        E_store(tape->a{tag} + i, a);",
            f"        E_store(tape->da{tag} + i, slope * dsum);",
            f"        E_store(tape->d{tag} + i, slope);",
            f"        E_store(tape->e{tag} + i, bend_{activation}(sum, a, slope) * dsum);",
            "    }",
        ]

    def _vjp(self) -> str:
        n_z = self.printer.n_z
        lines = ["    const R *y = tape->y, *z = tape->z;", f"    R gz[{n_z}];", f"    clear(gz, {n_z});"]
        lines.append("    tangent_core_vjp(at, y, z, g, gy, gp, gz);")
        for k in range(len(self.printer.layers) - 1, -1, -1):
            lines += self._network_vjp(k, self.printer.layers[k])
        head = (
            "CALLED void tangent_vjp(const Net *net, const At *at, const TangentTape *tape, const R *g, R *gy, R *gp, "
            "Sums *gnet)"
        )
        return function(head, lines)

    def _network_vjp(self, k: int, own: Sequence[Layer]) -> list[str]:
        last, first, n_in = own[-1], self.printer.graph.networks[k].first, own[0].n_in
        lines = [f"    E g{last.tag}[PAD({last.n_out})] ALIGNED, dg{last.tag}[PAD({last.n_out})] ALIGNED;"]
        for part, at in (("g", first), ("dg", first + last.n_out)):
            lines += [f"    for (int i = 0; i < {last.n_out}; i++)", f"        {part}{last.tag}[i] = gz[{at} + i];"]
            lines += [f"    for (int i = {last.n_out}; i < PAD({last.n_out}); i++)"]
            lines += [f"        {part}{last.tag}[i] = (E){{0}};"]
        for n in range(len(own) - 1, -1, -1):
            layer = own[n]
            tag, sizes, kind = layer.tag, f"{layer.n_in}, {layer.n_out}", layer.kind
            x = f"a{own[n - 1].tag}" if n else f"x{k}"
            below = own[n - 1].tag if n else f"x{k}"
            lines.append(f"    E waste{tag}[PAD({layer.n_out})] ALIGNED = {{0}}; /* ȧ has no biases */")
            lines.append(f"    dense_{kind}_grad({sizes}, gnet->w{tag}, gnet->b{tag}, tape->{x}, g{tag});")
            lines.append(f"    dense_{kind}_grad({sizes}, gnet->w{tag}, waste{tag}, tape->d{x}, dg{tag});")
            lines.append(f"    E g{below}[PAD({layer.n_in})] ALIGNED, dg{below}[PAD({layer.n_in})] ALIGNED;")
            lines.append(f"    dense_{kind}_back({sizes}, net->w{tag}, net->r{tag}, g{tag}, g{below});")
            lines.append(f"    dense_{kind}_back({sizes}, net->w{tag}, net->r{tag}, dg{tag}, dg{below});")
            if n:
                lines += [f"    UNITS({layer.n_in}, i) {{"]
                lines.append(f"        const V g = E_load(g{below} + i), dg = E_load(dg{below} + i);")
                lines.append(f"        const V d = E_load(tape->d{below} + i), e = E_load(tape->e{below} + i);")
                lines += [f"        E_store(g{below} + i, d * g + e * dg);", f"        E_store(dg{below} + i, d * dg);"]
                lines.append("    }")
        lines.append(f"    R gin{k}[{2 * n_in}];")
        lines += [f"    for (int i = 0; i < {n_in}; i++) {{", f"        gin{k}[i] = gx{k}[i];"]
        lines += [f"        gin{k}[{n_in} + i] = dgx{k}[i];", "    }"]
        lines.append(f"    tangent_input{k}_vjp(at, y, z, gin{k}, gy, gp, gz);")
        return lines
