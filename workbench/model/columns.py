"""How the vector x of unknowns becomes each trajectory's parameters and initial state, and how derivatives go back."""

from __future__ import annotations

import numpy as np

from ..contracts import Posterior
from ..unknowns import Unknowns


class Columns:
    """The columns q of a trajectory, its parameters and the initial values that are unknowns, as places in x.

    `names` of the parameters in the order that the right-hand side wants them, or None for one block of weights as it
    is. Without a block `initial`, all initial values are what `encoded` makes of the block `encoder`.
    """

    def __init__(
        self,
        unknowns: Unknowns,
        names: tuple[str, ...] | None,
        states: tuple[str, ...],
        n_rows: int,
        encoded: Posterior | None = None,
    ) -> None:
        self.unknowns, self.n_rows = unknowns, n_rows
        blocks = {block.name: block for block in unknowns.blocks}
        initial = blocks.get("initial")
        self._encoded = encoded if initial is None else None
        self.initial_states = (
            np.array([states.index(s) for s in initial.labels], dtype=int) if initial else np.zeros(0, int)
        )
        if names is None:
            places = [("weights", i) for i in range(len(blocks["weights"].labels))]
        else:
            found = {
                label: (b.name, i) for b in unknowns.blocks if b.name != "initial" for i, label in enumerate(b.labels)
            }
            places = [found[name] for name in names]
        self.n_parameters = len(places)
        places += [("initial", i) for i in range(len(self.initial_states))]
        self._by_block: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # block → (columns of q, columns of the block)
        for name in dict.fromkeys(name for name, _ in places):
            q = np.array([k for k, (block, _) in enumerate(places) if block == name])
            self._by_block[name] = (q, np.array([i for block, i in places if block == name]))
        self._own = {name: blocks[name].value.ndim == 2 for name in self._by_block}
        if self._encoded is not None:
            self.initial_states = np.arange(len(states))

    @property
    def encodes(self) -> int:
        """How many first samples initial values are made of by an encoder; 0 where they are not."""
        return 0 if self._encoded is None else self._encoded.samples

    @property
    def parameters_shared(self) -> bool:
        """No parameter differs between trajectories."""
        return not any(own for name, own in self._own.items() if name != "initial")

    def parameters(self, x: np.ndarray) -> np.ndarray:
        """p (parameter,) where all are shared, else (trajectory, parameter)."""
        q = self._assemble(x, [name for name in self._by_block if name != "initial"], self.n_parameters)
        return q[0] if self.parameters_shared else q

    def initial(self, x: np.ndarray) -> np.ndarray:
        """The initial values that are unknowns, held ones of their block included (trajectory, initial)."""
        if self._encoded is not None:
            return self._encoded(self.unknowns.values(x)["encoder"])
        if "initial" not in self._by_block:
            return np.zeros((self.n_rows, 0))
        value = self.unknowns.values(x)["initial"]
        return np.broadcast_to(value, (self.n_rows, value.shape[-1]))

    def _assemble(self, x: np.ndarray, names: list[str], width: int) -> np.ndarray:
        rows = 1 if self.parameters_shared else self.n_rows
        q, values = np.zeros((rows, width)), self.unknowns.values(x)
        for name in names:
            columns, inside = self._by_block[name]
            q[:, columns] = values[name][..., inside]
        return q

    def by_unknowns(self, by_q: np.ndarray, row: np.ndarray, x: np.ndarray) -> np.ndarray:
        """∂/∂q of some lines (line, q), `row` their trajectories (line,), as ∂/∂x (line, unknown).

        Or ∂/∂p (line, parameter), of lines that do not depend on initial values.
        """
        _, slope = self.unknowns.physical(x)
        by_x = np.zeros((len(by_q), len(x)))
        for name, (columns, inside) in self._by_block.items():
            if name == "initial" and by_q.shape[1] == self.n_parameters:
                continue
            index = self.unknowns.index[name]
            if not self._own[name]:
                free = index[inside] >= 0
                by_x[:, run(index[inside][free])] = by_q[:, run(columns[free])]
                continue
            place = index[row][:, inside]
            line, column = np.nonzero(place >= 0)
            by_x[line, place[line, column]] = by_q[line, columns[column]]
        if self._encoded is not None and by_q.shape[1] > self.n_parameters:
            free, by_w = self._by_encoder(self._encoded, x)
            for i in np.unique(row):
                inside = row == i
                by_x[np.ix_(inside, free)] = by_q[inside, self.n_parameters :] @ by_w[i]
        if (slope != 1).any():
            by_x *= slope
        return by_x

    def pull_unknowns(self, by_q: np.ndarray, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """A gradient by each trajectory's q (row, q), summed into a gradient by x (unknown,)."""
        _, slope = self.unknowns.physical(x)
        g = np.zeros(len(x))
        for name, (columns, inside) in self._by_block.items():
            index = self.unknowns.index[name]
            place = (
                index[rows][:, inside] if self._own[name] else np.broadcast_to(index[inside], (len(rows), len(inside)))
            )
            keep = place >= 0
            np.add.at(g, place[keep], by_q[:, columns][keep])
        if self._encoded is not None and by_q[:, self.n_parameters :].any():
            index = self.unknowns.index["encoder"]
            by_w = self._encoded.pull(self.unknowns.values(x)["encoder"], rows, by_q[:, self.n_parameters :])
            g[index[index >= 0]] += by_w[index >= 0]
        return g * slope

    def _by_encoder(self, encoded: Posterior, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The encoder's free weights as places in x (weight,), and ∂y0 by them (trajectory, state, weight)."""
        index = self.unknowns.index["encoder"]
        return index[index >= 0], encoded.by_weights(self.unknowns.values(x)["encoder"])[:, :, index >= 0]


def run(places: np.ndarray) -> np.ndarray | slice:
    """The same places as a slice, which is faster and copies nothing, where they stand side by side in order."""
    side_by_side = len(places) and bool((np.diff(places) == 1).all())
    return slice(int(places[0]), int(places[-1]) + 1) if side_by_side else places
