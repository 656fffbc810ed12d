"""Networks in graphs: that they compute what torch's layers do, and that derivatives by any way are derivatives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from graphs import EXAMPLES, NETWORKS, Example, drawn

from workbench.graph import Builder, Graph, Network, from_network
from workbench.graph.network import ACTIVATIONS
from workbench.model.graph_rhs import GraphRhs

KINDS = ("t", "y", "u", "c", "p")
EVERY = pytest.mark.parametrize("name", EXAMPLES)
WITH_NETWORKS = pytest.mark.parametrize("name", NETWORKS)
TINY = 1e-30


def stepped(f: Callable[..., np.ndarray], point: dict[str, Any], kind: str) -> np.ndarray:
    """∂f/∂kind (row, output, leaf) by complex steps, which have no truncation error."""
    x = point[kind]
    leaves = 1 if kind == "t" else x.shape[-1]
    columns = []
    for leaf in range(leaves):
        moved = x + 0j
        (moved if kind == "t" else moved[..., leaf])[...] += TINY * 1j
        columns.append(f(**{**point, kind: moved}).imag / TINY)
    return columns[0] if kind == "t" else np.stack(columns, axis=-1)


def close(found: np.ndarray, expected: np.ndarray, what: str = "") -> None:
    """To some hundred roundings of the largest entry."""
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13 * (1 + np.abs(expected).max()), err_msg=what)


@EVERY
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
def test_derivatives_agree_with_complex_steps(name: str, own: bool) -> None:
    example = EXAMPLES[name]()
    graph, point = example.graph, example.points(own=own)
    kinds = [kind for kind in KINDS if point[kind] is not None]
    value, *derivatives = graph.function("rhs", kinds)(**point)
    close(graph.function("rhs")(**point), value)
    for kind, derivative in zip(kinds, derivatives, strict=True):
        assert derivative.dtype == float
        close(derivative, stepped(graph.function("rhs"), point, kind), kind)


@EVERY
def test_sparsity_covers_every_entry_that_is_not_zero(name: str) -> None:
    example = EXAMPLES[name]()
    for kind in ("y", "p"):
        _, derivative = example.graph.function("rhs", (kind,))(**example.points())
        pattern = example.graph.sparsity("rhs", kind)
        assert not (np.abs(derivative).max(axis=0) > 0)[~pattern].any()


@WITH_NETWORKS
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
def test_pullbacks_are_transposed_jacobians_summed_by_trajectory(name: str, own: bool) -> None:
    example = NETWORKS[name]()
    point, row = example.points(rows=6, own=own), np.array([0, 2, 2, 0, 1, 2])
    g = np.random.default_rng(5).normal(size=point["y"].shape)
    by_y, by_p = example.graph.pullback("rhs")(**point, g=g, row=row)
    _, f_y, f_p = example.graph.function("rhs", ("y", "p"))(**point)
    close(by_y, np.einsum("ls,lsj->lj", g, f_y))
    close(by_p, np.stack([np.einsum("ls,lsp->p", g[row == i], f_p[row == i]) for i in range(3)]))


def directions(example: Example, point: dict[str, Any]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Directions of y, t and u side by side, as a tangent graph takes them behind c; and by kind."""
    rng = np.random.default_rng(8)
    along = {"y": rng.normal(size=point["y"].shape), "t": rng.normal(size=len(point["t"]))}
    if example.u is not None:
        along["u"] = rng.normal(size=point["u"].shape)
    held = [point["c"]] if example.c is not None else []
    return np.column_stack([*held, along["y"], along["t"], *([along["u"]] if "u" in along else [])]), along


@EVERY
def test_a_tangent_graph_is_the_derivative_along_a_direction_and_has_derivatives_itself(name: str) -> None:
    example = EXAMPLES[name]()
    graph, point = example.graph, example.points()
    c, along = directions(example, point)
    tangent = graph.tangent("rhs")
    moved = {kind: point[kind] + TINY * 1j * step for kind, step in along.items()}
    value, *derivatives = tangent.function("rhs", KINDS)(**point | {"c": c})
    close(value, graph.function("rhs")(**point | moved).imag / TINY)
    for kind, derivative in zip(KINDS, derivatives, strict=True):
        if kind == "c" or point[kind] is not None:
            close(derivative, stepped(tangent.function("rhs"), point | {"c": c}, kind), kind)


@WITH_NETWORKS
def test_tangent_graphs_have_pullbacks_too(name: str) -> None:
    example = NETWORKS[name]()
    point = example.points()
    c, _ = directions(example, point)
    g, row = np.random.default_rng(5).normal(size=point["y"].shape), np.array([0, 1, 1, 0, 1])
    tangent = example.graph.tangent("rhs")
    by_y, by_p = tangent.pullback("rhs")(**point | {"c": c}, g=g, row=row)
    _, f_y, f_p = tangent.function("rhs", ("y", "p"))(**point | {"c": c})
    close(by_y, np.einsum("ls,lsj->lj", g, f_y))
    close(by_p, np.stack([np.einsum("ls,lsp->p", g[row == i], f_p[row == i]) for i in range(2)]))


@WITH_NETWORKS
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
def test_a_right_hand_side_has_all_that_solvers_ask_for(name: str, own: bool) -> None:
    """Each method against the graph's dense derivatives; weights that all share are summed over all lines at once."""
    example = NETWORKS[name]()
    point, row = example.points(own=own), np.array([0, 1, 2, 1, 0])
    t, y = point["t"], point["y"]
    u, c = example.u, example.c
    p = point["p"][:3] if own else point["p"]
    table = None if u is None else lambda t, row, middle: np.tile(u, (len(t), 1)) * (1 + t[:, None])
    slope = None if u is None else lambda t, row, middle: np.tile(u, (len(t), 1))
    rhs = GraphRhs(example.graph, p, None if c is None else np.outer([1.0, 1.1, 0.9], c), table, slope)
    g, w, tau = (np.random.default_rng(i).normal(size=y.shape if i < 2 else len(t)) for i in range(3))
    where = (t, y, row, t)
    f_y, f_p = rhs.jacobians(*where)
    close(rhs.state_jacobian(*where), f_y)
    by_y, by_p = rhs.pullback(*where, g)
    close(by_y, np.einsum("ls,lsj->lj", g, f_y))
    close(by_p.sum(axis=0), np.einsum("ls,lsp->p", g, f_p))
    assert rhs.pooled is not own
    assert len(by_p) == (3 if own else 1)

    h = 1e-6  # central differences: truncation 1e-12 of the third derivatives, rounding 1e-10
    f_t = rhs.slope_in_time(*where)
    np.testing.assert_allclose(f_t, (rhs(t + h, y, row, t) - rhs(t - h, y, row, t)) / (2 * h), rtol=1e-6, atol=1e-8)
    second_y, second_p = rhs.second_jacobians(*where, w, tau)

    def along(y: np.ndarray) -> np.ndarray:
        at = (t, y, row, t)
        return np.einsum("lsj,lj->ls", rhs.state_jacobian(*at), w) + tau[:, None] * rhs.slope_in_time(*at)

    for k, step in enumerate(h * np.eye(y.shape[1])):
        difference = (along(y + step) - along(y - step)) / (2 * h)
        np.testing.assert_allclose(second_y[:, :, k], difference, rtol=1e-6, atol=1e-7)
    assert rhs.second_jacobians(*where, w, tau, parameters=False)[1] is None
    by_y, by_p = rhs.second_products(*where, w, tau, g)
    close(by_y, np.einsum("ls,lsj->lj", g, second_y))
    close(by_p.sum(axis=0), np.einsum("ls,lsp->p", g, second_p))


@WITH_NETWORKS
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
def test_numpy_and_torch_agree_and_autograd_gives_the_same_derivatives(name: str, own: bool) -> None:
    torch = pytest.importorskip("torch")
    example = NETWORKS[name]()
    graph, point = example.graph, example.points(own=own)
    kinds = [kind for kind in KINDS if point[kind] is not None]
    tensors = {kind: None if x is None else torch.from_numpy(x).requires_grad_() for kind, x in point.items()}
    ours, theirs = graph.function("rhs", kinds)(**point), graph.torch_function("rhs", kinds)(**tensors)
    for kind, one, other in zip(("value", *kinds), ours, theirs, strict=True):
        close(other.detach().numpy(), one, kind)
    g = np.random.default_rng(5).normal(size=point["y"].shape)
    found = graph.torch_function("rhs")(**tensors)
    wanted = [tensors[kind] for kind in kinds]
    grads = torch.autograd.grad(found, wanted, torch.from_numpy(g), materialize_grads=True)
    for kind, derivative, grad in zip(kinds, ours[1:], grads, strict=True):
        pulled = np.einsum("ls,ls...->l...", g, derivative)
        close(grad.numpy(), pulled.sum(axis=0) if kind == "p" and not own else pulled, kind)


def test_torchs_derivative_by_time_can_be_differentiated_again() -> None:
    """As Rosenbrock steps need under backprop; the tangent graph says what comes out."""
    torch = pytest.importorskip("torch")
    example = EXAMPLES["chained"]()
    graph, point = example.graph, example.points()
    tensors = {kind: torch.from_numpy(x).requires_grad_() for kind, x in point.items()}
    by_t = graph.torch_function("rhs", ("t",))(**tensors)[1]
    found = torch.autograd.grad(by_t.sum(), [tensors["y"], tensors["p"]])
    n = len(point["t"])
    c = np.column_stack([point["c"], np.zeros((n, 2)), np.ones(n), np.zeros((n, 1))])
    by_y, by_p = graph.tangent("rhs").pullback("rhs")(**point | {"c": c}, g=np.ones((n, 2)), row=np.zeros(n, dtype=int))
    close(found[0].numpy(), by_y)
    close(found[1].numpy(), by_p[0])


def test_a_tangent_graph_with_networks_has_no_torch_function() -> None:
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match="differentiate that of its origin"):
        EXAMPLES["chained"]().graph.tangent("rhs").torch_function("rhs")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_layers_are_torchs(activation: str) -> None:
    torch = pytest.importorskip("torch")
    graph = from_network((5, 4), activation, states=("x", "y", "z"))
    sizes, p = (3, 5, 4, 3), drawn(graph)
    function = torch.sin if activation == "sin" else getattr(torch.nn.functional, activation)
    layers = [torch.nn.Linear(n, m, dtype=torch.float64) for n, m in pairwise(sizes)]
    torch.nn.utils.vector_to_parameters(torch.from_numpy(p), [w for layer in layers for w in layer.parameters()])
    y = np.random.default_rng(0).normal(size=(7, 3))
    h = torch.from_numpy(y)
    for layer in layers[:-1]:
        h = function(layer(h))
    close(graph.function("rhs")(np.zeros(7), y, None, None, p), layers[-1](h).detach().numpy())


def test_a_group_depends_on_what_its_networks_are_computed_from() -> None:
    graph = EXAMPLES["chained"]().graph
    assert graph.depends("rhs") == {"t", "y", "u", "c", "p", "z"}
    assert graph.depends("rhs", "p") == set(graph.parameters)
    assert graph.depends("network 1", "c") == {"c"}
    assert graph.depends("observed") == {"y"}
    assert graph.names("z") == ("z0", "z1", "z2")
    assert graph.sparsity("rhs", "u").tolist() == [[False], [True]]


def test_a_group_without_networks_is_computed_as_ever() -> None:
    example = EXAMPLES["hybrid"]()
    point = example.points()
    value, by_p = example.graph.function("observed", ("p",))(**point)
    np.testing.assert_array_equal(value, point["y"])
    assert by_p.shape == (5, 2, len(example.p))
    assert not by_p.any()


def test_results_have_the_type_of_states_and_parameters() -> None:
    example = EXAMPLES["hybrid"]()
    point = {kind: None if x is None else x.astype(np.float32) for kind, x in example.points().items()}
    for found in example.graph.function("rhs", ("y", "p"))(**point | {"t": point["t"].astype(float)}):
        assert found.dtype == np.float32


def test_a_graph_with_networks_survives_pickling() -> None:
    example = EXAMPLES["chained"]()
    again = pickle.loads(pickle.dumps(example.graph))
    np.testing.assert_array_equal(
        again.function("rhs")(**example.points()), example.graph.function("rhs")(**example.points())
    )


def test_a_relu_at_its_kink_has_the_slope_0() -> None:
    graph = from_network((1,), "relu", states=("x",))
    p = np.array([1.0, 0.0, 1.0, 0.0])
    _, by_y = graph.function("rhs", ("y",))(np.zeros(3), np.array([[-1.0], [0.0], [1.0]]), None, None, p)
    assert by_y.ravel().tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sizes": (2,)}, "sizes inputs, hidden"),
        ({"sizes": (2, 0, 1)}, "each at least 1"),
        ({"activation": "gelu"}, "not 'gelu'"),
        ({"weights": -1}, "begin at 0 or later"),
        ({"places": ((0, 4),)}, "2 layers have as many places, not 1"),
    ],
)
def test_a_network_that_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Network(**{"sizes": (2, 3, 1), "activation": "tanh", "weights": 0, "first": 0} | wrong)


def _graph(network: Network, n_parameters: int = 100, group: str = "network 0", z: int = 0) -> Graph:
    b = Builder()
    x, output = b.leaf("y", 0), b.leaf("z", z)
    names = tuple(f"w{i}" for i in range(n_parameters))
    return Graph(tuple(b.nodes), {"rhs": (output,), group: (x,)}, ("x",), names, networks=(network,))


def test_networks_that_do_not_fit_their_graph_are_refused() -> None:
    network = Network((1, 4, 1), "tanh", 0, 0)
    with pytest.raises(ValueError, match="needs a group 'network 0' of 1 nodes"):
        _graph(network, group="network 7")
    with pytest.raises(ValueError, match="beyond the 12 parameters"):
        _graph(network, n_parameters=12)
    with pytest.raises(ValueError, match="z3 is no network's output"):
        _graph(network, z=3)
    b = Builder()
    z = b.leaf("z", 0)
    with pytest.raises(ValueError, match="use z0, which no network before it computes"):
        Graph(tuple(b.nodes), {"network 0": (z,), "rhs": (z,)}, ("x",), ("w",) * 13, networks=(network,))
    with pytest.raises(ValueError, match="have no tangents of their own"):
        _graph(network).tangent("rhs").tangent("rhs")
