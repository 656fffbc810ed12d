"""Torch modules as graphs: what is lowered computes the same, and what is not says why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after it is known that there is a torch

from workbench.errors.problems import NotLowerable  # noqa: E402
from workbench.graph import Graph, from_module  # noqa: E402


class Spiral(nn.Module):
    """The module of torchdiffeq's demonstration: a network of the cubes."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 2))

    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y**3)


class Pendulum(nn.Module):
    """Gravity known, friction learned, columns put together by stack."""

    def __init__(self, indexed: bool = True) -> None:
        super().__init__()
        self.net, self.indexed = nn.Sequential(nn.Linear(1, 6, bias=False), nn.SiLU(), nn.Linear(6, 1)), indexed
        self.gravity = nn.Parameter(torch.tensor(9.81))
        self.calls = 0

    def forward(self, t: Any, y: Any) -> Any:
        self.calls += 1
        if self.indexed:
            return torch.stack([y[..., 1], -self.gravity * torch.sin(y[..., 0]) + self.net(y[:, 1:]).squeeze(-1)], -1)
        angle, speed = y.chunk(2, dim=1)
        return torch.cat([speed, -self.gravity * angle.sin() + self.net(speed)], dim=1)


class Residual(nn.Module):
    """Time beside the states, blocks with a way round, a buffer as scale, different activations."""

    def __init__(self, expand: bool) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 7), nn.Linear(7, 7), nn.Linear(7, 3)
        self.register_buffer("scale", torch.tensor([0.5, 2.0, 3.0]))
        self.shift = nn.Parameter(torch.tensor([0.1, -0.2, 0.3]))
        self.expand = expand

    def forward(self, t: Any, y: Any) -> Any:
        time = t.expand(y.shape[0], 1) if self.expand else torch.ones_like(y[:, :1]) * t
        h = torch.relu(self.first(torch.cat([(y - self.shift) / self.scale, time], dim=-1)))
        h = h + nn.functional.softplus(self.second(h))
        return torch.tanh(self.last(h)) * self.scale - 0.1 * y / (1 + y.square().sum(-1, keepdim=True))


class Tied(nn.Module):
    """One layer called twice, weights read where they stand, a constant matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.outer = nn.Parameter(torch.randn(2, 3))
        self.register_buffer("mix", torch.tensor([[0.0, 1.0], [-1.0, 0.2]]))

    def forward(self, y: Any) -> Any:
        h = torch.sin(self.inner(torch.sin(self.inner(y))))
        return (h @ self.outer) @ self.outer.t() + nn.functional.linear(y, self.mix) - math.pi * y


class Zero(nn.Module):
    def forward(self, t: Any, y: Any) -> Any:
        return torch.zeros_like(y) - 0.5


def sequential() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.Softplus(), nn.Linear(5, 4), nn.Softplus(), nn.Linear(4, 3))


def at_rest() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Sigmoid(), nn.Linear(3, 2)).eval()


LOWERED = {
    "spiral": (Spiral, 2),
    "sequential": (sequential, 3),
    "linear": (lambda: nn.Linear(2, 2, bias=False), 2),
    "pendulum, stacked": (Pendulum, 2),
    "pendulum, put together": (lambda: Pendulum(indexed=False), 2),
    "residual, time expanded": (lambda: Residual(expand=True), 3),
    "residual, time filled in": (lambda: Residual(expand=False), 3),
    "tied": (Tied, 2),
    "constant": (Zero, 2),
    "dropout at rest": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Sigmoid(), nn.Linear(3, 2)).eval(),
        2,
    ),
}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", LOWERED)
def test_a_lowered_module_computes_the_same(name: str) -> None:
    """At points other than those at which the lowering itself compared them."""
    make, states = LOWERED[name]
    module = make()
    graph = from_module(module, states)
    p = np.concatenate([np.zeros(0), *(w.detach().double().numpy().ravel() for w in module.parameters())])
    assert len(graph.parameters) == len(p)
    rng = np.random.default_rng(9)
    t, y = rng.uniform(0, 1, 6), rng.normal(size=(6, states))
    module.double()
    arguments = (torch.from_numpy(t)[:, None], torch.from_numpy(y))
    takes_time = name not in ("sequential", "linear", "tied", "dropout at rest")
    theirs = module(*arguments) if takes_time else module(arguments[1])
    ours = graph.function("rhs")(t, y, None, None, p)
    # softplus is torch's to 2.1e-9 only above 20, which is not reached here
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(graph.function("observed")(t, y, None, None, p), y)


def test_layers_in_a_row_are_one_network() -> None:
    graph = from_module(sequential(), 3)
    assert [(n.sizes, n.activation, n.weights, n.places) for n in graph.networks] == [((3, 5, 4, 3), "softplus", 0, ())]
    assert graph.groups["rhs"] == tuple(graph.nodes.index(("z", (), i)) for i in range(3))
    assert len(from_module(Spiral(), 2).networks) == 1


def test_a_missing_bias_is_no_parameter_and_parameters_keep_the_modules_order() -> None:
    graph = from_module(Pendulum(), 2)
    assert graph.parameters[:2] == ("gravity[0]", "net.0.weight[0]")
    assert len(graph.parameters) == 1 + 6 + 6 + 1
    (network,) = graph.networks
    assert network.places == ((1, -1), (7, 13))


def test_shared_weights_are_parameters_once() -> None:
    graph = from_module(Tied(), 2)
    assert len(graph.parameters) == 12
    assert graph.networks[0].layers[0] == graph.networks[0].layers[1]


def test_time_may_be_one_number() -> None:
    class Driven(nn.Module):
        def forward(self, t: Any, y: Any) -> Any:
            return torch.stack([y[:, 1], -y[:, 0] + torch.cos(2 * t)], dim=1)

    graph = from_module(Driven(), 2)
    value = graph.function("rhs")(np.array([0.0, 1.0]), np.zeros((2, 2)), None, None, np.zeros(0))
    np.testing.assert_allclose(value, [[0, 1], [0, np.cos(2)]], rtol=1e-15)


def test_the_module_is_left_as_it_was() -> None:
    module = Pendulum()
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    from_module(module, 2)
    assert module.calls == 0
    assert all(torch.equal(weight, before[name]) for name, weight in module.state_dict().items())
    assert next(module.parameters()).dtype == torch.float32
    assert all(weight.grad is None and weight.requires_grad for weight in module.parameters())


def test_the_multilayer_perceptrons_module_and_graph_are_one() -> None:
    from workbench import Dataset, Problem
    from workbench.registry import installed

    t = np.linspace(0, 2, 21)
    data = Dataset(t, np.column_stack([5 + np.sin(t), 40 * np.cos(t)]), np.array([21]), ("x", "y"))
    field = installed().make("dynamics", "mlp", {"hidden": (6, 5), "features": "state+time"})
    field = field.build(Problem("data").with_data(data, "none"), np.random.default_rng(0))
    one, other = field.graph(), from_module(field.module(), 2)
    assert one.networks == other.networks
    p, y = field.blocks()[0].value, data.values
    np.testing.assert_array_equal(one.function("rhs")(t, y, None, None, p), other.function("rhs")(t, y, None, None, p))


def written(forward: Any, *parts: nn.Module) -> nn.Module:
    """A module of this forward(self, t, y), with its parts in a list."""

    class Written(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(parts)
            self.register_buffer("many", torch.ones(3))

    Written.forward = forward  # type: ignore[method-assign]
    return Written()


def _setting(self: Any, t: Any, y: Any) -> Any:
    y[:, 0] = 0.0
    return y


def _without_gradient(self: Any, t: Any, y: Any) -> Any:
    with torch.no_grad():
        return -y * 1


def _hidden_change(self: Any, t: Any, y: Any) -> Any:
    y += 1.0
    return y


REFUSED = {
    "dropout": (nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)), "dropout draws at random"),
    "batch norm": (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), "its part 1 is a BatchNorm1d"),
    "gru": (nn.GRUCell(2, 2), "its part is a GRUCell"),
    "leaky": (nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU()), "its part 1 is a LeakyReLU"),
    "a choice": (written(lambda self, t, y: y if y.sum() > 0 else -y), "cannot be traced: .*control flow"),
    "a loop over rows": (written(lambda self, t, y: torch.stack([-row for row in y])), "cannot be traced: .*iterated"),
    "in place": (written(lambda self, t, y: y.mul_(2.0)), "the method mul_ works in place"),
    "relu in place": (nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True)), "relu in place"),
    "assignment": (written(_setting), "cannot be traced: .*item assignment"),
    "a change of the states": (written(_hidden_change), "changes the states"),
    "sum over rows": (written(lambda self, t, y: y - y.sum(0)), "the axis 0 .* is not that of columns"),
    "mean": (written(lambda self, t, y: y - y.mean()), "the method mean has no form"),
    "a row for a state": (written(lambda self, t, y: torch.stack([y[1], -y[0]])), "picks rows"),
    "chance": (written(lambda self, t, y: y + torch.randn(2)), "does not compute the same value"),
    "detached": (written(lambda self, t, y: -y.detach()), "the method detach has no form"),
    "no gradient": (written(_without_gradient), "does not compute the same derivative by y"),
    "another shape": (written(lambda self, t, y: self.parts[0](y), nn.Linear(2, 3)), r"\(rows, 3\), not \(rows, 2\)"),
    "a layer of other inputs": (written(lambda self, t, y: self.parts[0](y), nn.Linear(3, 2)), "a layer of 3 inputs"),
    "shapes": (written(lambda self, t, y: y * self.many), "shapes do not fit"),
    "rows against columns": (written(lambda self, t, y: y * y[:, 0]), "rows against columns"),
    "an unknown function": (written(lambda self, t, y: torch.fft.fft(y).real), "the function fft_fft has no form"),
    "beta": (nn.Sequential(nn.Linear(2, 2), nn.Softplus(beta=2.0)), "softplus with beta = 2.0"),
    "an option": (written(lambda self, t, y: torch.add(y, y, alpha=2.0)), "the function add: .*'alpha'"),
    "single precision": (written(lambda self, t, y: -y.float()), "the method float has no form"),
    "nowhere finite": (written(lambda self, t, y: torch.log(-1 - y * y)), "no finite value"),
    "three arguments": (written(lambda self, t, y, z: y * z), "forward takes 3 arguments"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_in_graphs_is_refused_by_name(name: str) -> None:
    module, said = REFUSED[name]
    with pytest.raises(NotLowerable, match=said):
        from_module(module, 2)


def test_a_lowered_module_is_a_graph_like_any_other() -> None:
    graph = from_module(Residual(expand=True), 3)
    assert isinstance(graph, Graph)
    assert "t" in graph.depends("rhs")
    assert graph.tangent("rhs").networks[0].tangent
