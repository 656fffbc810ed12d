"""Recordings of torch functions: what they give is what the function gives, or there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench.engine import recording
from workbench.engine.recording import Outputs, Recording, record

ROWS, STATES = 12, 4
UNITS = {dtype: torch.eye(STATES, dtype=dtype)[:1].repeat(ROWS, 1) for dtype in (torch.float32, torch.float64)}
Module = Callable[[torch.Tensor], torch.Tensor]


class Halves(torch.autograd.Function):
    """x², with a derivative that is not its own."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, *g: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return g[0] * x


class Written(nn.Module):
    """Entries written one by one, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor([0.5, -1.0]))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(y)
        out[..., 0] = y[..., 1] * self.rate[0]
        out[..., 1:3] = torch.sin(y[..., :2]) - self.rate[1]
        out[..., 3] += y.sum(dim=-1)
        return out.mul_(2.0)


class Attention(nn.Module):
    """Entries that look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Linear(1, 6)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        q, k, v = self.look(y[..., None]).chunk(3, dim=-1)
        weights = torch.softmax(torch.einsum("rik,rjk->rij", q, k) / 2**0.5, dim=-1)
        return torch.einsum("rij,rjk->rik", weights, v).sum(dim=-1)


class Buffered(nn.Module):
    """A constant matrix among the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("a", torch.linspace(-1, 1, STATES**2).reshape(STATES, STATES))
        self.b = nn.Parameter(torch.ones(STATES))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return torch.where(y > 0, y**3 @ self.a, torch.exp(y)) + self.b.clamp(max=2.0)


def dense(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(STATES, 8), *between, nn.Linear(8, STATES))


class Constant(nn.Module):
    """A matrix made in every call."""

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=y.dtype)
        return torch.cat([y[..., :2] @ turn, y[..., 2:] * torch.from_numpy(np.ones(2)).to(y)], dim=-1)


class Convolved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Conv1d(1, 2, 3, padding=1)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.filter(y[:, None])).mean(dim=1)


def normed() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(STATES, STATES)), nn.Tanh())


MODULES: dict[str, Callable[[], nn.Module]] = {
    **{each.__name__: lambda each=each: dense(each()) for each in (nn.Tanh, nn.SiLU, nn.Softplus, nn.GELU, nn.ELU)},
    "ReLU": lambda: dense(nn.ReLU(inplace=True)),
    "LayerNorm": lambda: dense(nn.LayerNorm(8), nn.Tanh()),
    "Dropout at rest": lambda: dense(nn.Dropout().eval(), nn.Tanh()),
    "two layers": lambda: dense(nn.Tanh(), nn.Linear(8, 8, bias=False), nn.Sigmoid()),
    "Written": Written, "Attention": Attention, "Buffered": Buffered, "Convolved": Convolved,
    "Constant": Constant, "weight_norm": normed,
}  # fmt: skip


def derivatives(f: Module, leaves: list[torch.Tensor]) -> Callable[..., Iterator[Outputs]]:
    """f with the first row of its Jacobian, and then gᵀ ∂f of the states and the leaves."""

    def function(y: torch.Tensor, g: torch.Tensor) -> Iterator[Outputs]:
        with torch.enable_grad():
            y = y.detach().requires_grad_()
            value = f(y)
            row = torch.autograd.grad(value, y, UNITS[y.dtype], retain_graph=True)
        yield [value, *row]
        yield list(torch.autograd.grad(value, [y, *leaves], g, retain_graph=True, allow_unused=True))

    return function


def inputs(seed: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(ROWS, STATES, generator=generator, dtype=dtype) for _ in range(2)]


def recorded(f: Module, leaves: list[torch.Tensor], dtype: torch.dtype = torch.float64) -> Recording | None:
    """Of f with its derivatives."""
    return record(derivatives(f, leaves), inputs(1, dtype), inputs(2, dtype))


def compare(recording: Recording, f: Module, leaves: list[torch.Tensor], dtype: torch.dtype, tolerance: float) -> None:
    """All outputs at other inputs than those it was recorded at."""
    given = inputs(3, dtype)
    arrays, part = [each.numpy() for each in given], recording.bind()
    first, kept = part(0)(arrays)
    second, _ = part(1)(arrays, kept)
    wanted = [each for outputs in derivatives(f, leaves)(*given) for each in outputs]
    for one, other in zip([*first, *second], wanted, strict=True):
        assert (one is None) == (other is None)
        if other is not None:
            theirs = other.detach().numpy()
            assert one.dtype == theirs.dtype
            np.testing.assert_allclose(one, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())
    (alone,), nothing = part(0, 1)(arrays)
    np.testing.assert_array_equal(alone, first[0])
    assert nothing == []


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_a_recording_gives_what_the_module_gives_also_with_other_weights(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    f = MODULES[name]().to(dtype)
    leaves = list(f.parameters())
    recording = recorded(f, leaves, dtype)
    assert recording is not None
    tolerance = 100 * torch.finfo(dtype).eps
    compare(recording, f, leaves, dtype, tolerance)
    with torch.no_grad():
        for leaf in leaves:
            leaf.mul_(0.9).add_(0.1)
    compare(recording, f, leaves, dtype, tolerance)


@pytest.mark.parametrize("name", ["Tanh", "LayerNorm", "Buffered", "two layers"])
def test_what_was_recorded_in_double_precision_is_replayed_in_single(name: str) -> None:
    torch.manual_seed(0)
    f = MODULES[name]().double()
    recording = recorded(f, list(f.parameters()))
    assert recording is not None
    y = inputs(3)[0]
    (found, _), _ = recording.bind(single=True)(0)([y.float().numpy(), None])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, f(y).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_derivative_of_ones_own_is_recorded_as_it_is() -> None:
    recording = recorded(lambda y: Halves.apply(y), [])
    assert recording is not None
    y, g = (each.numpy() for each in inputs(3))
    (value, _), kept = recording.bind()(0)([y, g])
    (by_y,), _ = recording.bind()(1)([y, g], kept)
    np.testing.assert_allclose(value, y * y)
    np.testing.assert_allclose(by_y, g * y)


def test_what_depends_on_the_weights_alone_is_done_once() -> None:
    """And what nobody asks for is not done: the value takes no step of the way back."""
    f = dense(nn.Tanh()).double()
    recording = recorded(f, list(f.parameters()))
    assert recording is not None
    fixed, value, both = (recording._tape.source(*which) for which in ((0, None), (1, 1), (1, None)))
    assert "held" in fixed
    assert "inputs[0]" not in fixed
    assert "backward" in both
    assert "backward" not in value


def looks(y: torch.Tensor) -> torch.Tensor:
    return -y if float(y.abs().max()) > 1e9 else y


def leaves_torch(y: torch.Tensor) -> torch.Tensor:
    return y * torch.from_numpy(np.cos(y.detach().numpy()))


def picks(y: torch.Tensor) -> torch.Tensor:
    return y + y[y > 0].sum()


def changes(y: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        y += 0
    return y * 2


class Counting:
    """Another sum at every call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return y * float(self.calls)


def fails(y: torch.Tensor) -> torch.Tensor:
    raise ArithmeticError("no")


@pytest.mark.parametrize(
    "f",
    [
        looks, leaves_torch, picks, changes, Counting(), fails, nn.Dropout(), lambda y: y + torch.rand_like(y),
        lambda y: torch.nonzero(y).double()[:ROWS],
    ],
)  # fmt: skip
def test_what_depends_on_more_than_operations_is_not_recorded(f: Module) -> None:
    assert recorded(f, []) is None


def test_what_makes_much_at_once_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    f = dense(nn.Tanh()).double()
    assert recorded(f, []) is not None
    monkeypatch.setattr(recording, "MOST_BYTES", 8 * ROWS * 8)
    assert recorded(f, []) is None
