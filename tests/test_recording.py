"""Recordings of torch functions: what they give is what the function gives, or there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from workbench_runge_kutta.classical import MIDPOINT, RK4

from workbench.engine import TableauSolver, recording
from workbench.engine.recording import Outputs, Recording, record
from workbench.solving import Signal, prepare, solve
from workbench.solving.replaying import Replaying

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
    assert "np." not in value


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


# in a solve


RK = TableauSolver(RK4)
TS = torch.linspace(0.0, 12.0, 121, dtype=torch.float64)
Y0 = torch.tensor([1.5, 0.0], dtype=torch.float64)


class Turning(nn.Module):
    """dy/dt = scale · (W₂ tanh(W₁ y) + y³ A) − drag · y."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second = nn.Linear(2, 6), nn.Linear(6, 2)
        self.register_buffer("a", torch.tensor([[-0.1, 2.0], [-2.0, -0.1]]))
        self.drag = nn.Parameter(torch.tensor(0.01))
        self.scale, self.calls = 1.0, 0
        self.double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.calls += len(y)
        return self.scale * (0.1 * self.second(torch.tanh(self.first(y))) + y**3 @ self.a) - self.drag * y


def held(ready: Any, f: nn.Module, ts: torch.Tensor = TS) -> int:
    """Holds a handle to `solve`, with gradients; the evaluations of all steps."""
    y0 = Y0.clone().requires_grad_()
    wanted = [y0, *(p for p in f.parameters() if p.requires_grad)]
    found, direct = ready(y0), solve(f, y0, ts, RK)
    torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=1e-10)
    for a, b in zip(*(torch.autograd.grad(s.ys.square().sum(), wanted) for s in (found, direct)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8 * float(b.abs().max()))
    return int(found.stats["newton"])


def stepped(f: nn.Module, seed: int, by: float = 3e-3) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in f.parameters():
            p += by * torch.randn(p.shape, generator=generator, dtype=p.dtype)


def replaying(ready: Any) -> Replaying | None:
    found: Replaying | None = ready._engine._replaying
    return found


@pytest.mark.parametrize("ts", [TS, TS.float(), TS + 1e-4 * torch.sin(7 * TS)], ids=["equal", "rounded", "uneven"])
def test_solves_of_a_module_are_replayed(ts: torch.Tensor) -> None:
    f = Turning()
    ready = prepare(f, ts, RK, engine="torch")
    for seed in range(5):
        newton = held(ready, f, ts)
        assert (newton > 0) == (seed > 0)
        stepped(f, seed, (3e-3, 1e-2)[seed % 2])
    assert replaying(ready) is not None
    before = f.calls
    with torch.no_grad():
        found = ready(Y0)
    assert int(found.stats["newton"]) > 0
    assert f.calls - before < len(TS), "f itself is only asked whether the recording holds"


def test_a_module_that_turns_into_another_is_noticed() -> None:
    f = Turning()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        held(ready, f)
        stepped(f, seed)
    f.scale = 1.01
    assert replaying(ready) is not None
    held(ready, f)
    assert replaying(ready) is None
    stepped(f, 3)
    held(ready, f)


class Reversed(torch.autograd.Function):
    """x, with a derivative that a number of Python scales."""

    scale = 1.0

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *g: torch.Tensor) -> torch.Tensor:
        return g[0] * Reversed.scale


class Leaking(torch.autograd.Function):
    """w · x, whose way back leaves torch with the weight."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx: Any, *g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, w = ctx.saved_tensors
        return g[0] * torch.from_numpy(np.array(w.detach().numpy())), (g[0] * x).sum()


class Several(Turning):
    """With all that may change behind torch's back."""

    def __init__(self) -> None:
        super().__init__()
        self.force, self.cut, self.way = 0.1, False, "whole"
        self.gate = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.table = torch.zeros(len(TS), dtype=torch.float64)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        y = y.detach() if self.cut else y
        between = self.force * torch.sin(20 * torch.pi * t)  # 0 at the steps' starts
        struck = torch.take(self.table, (10 * t + 1e-6).long().clamp(0, len(self.table) - 1))
        found = super().forward(t, Reversed.apply(y)) + between + struck
        return found + self.gate * (y @ self.a) if self.way == "whole" else found + 0 * Leaking.apply(y, self.gate)


def strike(f: Several) -> None:
    f.table = f.table.clone()
    f.table[61] = 1.0


def replace_behind_the_gate(f: Several) -> None:
    f.a = 2 * f.a  # what stands before 0 has no value, but a derivative
    f.scale = 1.0


def hook(f: Several) -> None:
    f.drag.register_hook(lambda g: 0.5 * g)


CHANGES: dict[str, Callable[[Several], Any]] = {
    "force between the starts": lambda f: setattr(f, "force", 0.5),
    "detached": lambda f: setattr(f, "cut", True),
    "another derivative": lambda f: setattr(Reversed, "scale", 0.25),
    "a table with one other entry": strike,
    "a buffer replaced": replace_behind_the_gate,
    "a hook": hook,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_where_values_do_not_tell_is_noticed_at_once(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reversed, "scale", 1.0)
    f = Several()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        held(ready, f)
        stepped(f, seed)
        f.gate.data.zero_()
    assert replaying(ready) is not None
    CHANGES[change](f)
    held(ready, f)
    assert replaying(ready) is None


def test_a_weight_that_leaves_torch_on_the_way_back_is_noticed() -> None:
    f = Several()
    f.way = "leaking"
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        held(ready, f)
        stepped(f, seed)
    assert replaying(ready) is None


@pytest.mark.parametrize("method", [MIDPOINT, RK4], ids=["a stage that counts for nothing", "all count"])
def test_gradients_that_stand_in_another_order(method: Any) -> None:
    class Turned(Turning):
        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            across = y.transpose(-1, -2).contiguous()
            return super().forward(t, y) + 0.1 * torch.tanh(across).transpose(-1, -2)

    f, solver = Turned(), TableauSolver(method)
    ready = prepare(f, TS, solver, engine="torch")
    for seed in range(4):
        found, direct = ready(Y0), solve(f, Y0, TS, solver)
        for a, b in zip(
            *(torch.autograd.grad(s.ys.square().sum(), list(f.parameters())) for s in (found, direct)), strict=True
        ):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-8 * float(b.abs().max()))
        stepped(f, seed)
    assert replaying(ready) is not None


def test_a_solution_may_be_written_over() -> None:
    f = Turning()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        ready(Y0).ys.mul_(2.0).sum().backward()
        stepped(f, seed)


@pytest.mark.parametrize("how", ["frozen", "replaced"])
def test_other_leaves_are_noticed(how: str) -> None:
    f = Turning()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        held(ready, f)
        stepped(f, seed)
    if how == "frozen":
        f.first.weight.requires_grad_(False)
    else:  # by a tensor with the same numbers
        f.first.weight = nn.Parameter(f.first.weight.detach().clone())
    held(ready, f)
    assert replaying(ready) is None


def test_a_buffer_that_is_changed_before_the_gradient_is_taken_is_noticed() -> None:
    f = Turning()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        found = ready(Y0)
        stepped(f, seed)
    found = ready(Y0)
    assert int(found.stats["newton"]) > 0
    f.a.mul_(1.1)
    with pytest.raises(RuntimeError, match="inplace"):
        found.ys.sum().backward()


def test_weights_in_another_precision_are_refused_by_the_module_itself() -> None:
    f = Turning()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        held(ready, f)
        stepped(f, seed)
    f.float()
    with pytest.raises(RuntimeError, match="dtype"):
        ready(Y0)


@pytest.mark.parametrize("noisy", [looks, leaves_torch])
def test_what_is_not_recorded_is_solved_as_ever(noisy: Module) -> None:
    class Odd(Turning):
        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return super().forward(t, y) + 0.01 * noisy(y)

    f = Odd()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        assert (held(ready, f) > 0) == (seed > 0)
        stepped(f, seed)
    assert replaying(ready) is None


def test_a_driven_module_is_replayed_at_its_own_times() -> None:
    class Driven(Turning):
        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return super().forward(t, y) + 0.3 * torch.sin(2 * t)[..., None]

    f = Driven()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(4):
        assert (held(ready, f) > 0) == (seed > 0)
        stepped(f, seed, 3e-4)
    assert replaying(ready) is not None


def test_inputs_are_looked_up_at_every_stage() -> None:
    """They are no operations of torch, and those of the first stage are not those of the others."""
    f, times = Turning(), np.linspace(0.0, 12.0, 25)
    push = Signal(times, np.cos(times - 6.0)[:, None])

    def pushed(t: torch.Tensor, y: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return f(t, y) + u

    ready = prepare(pushed, TS, RK, engine="torch", inputs=push)
    for seed in range(3):
        direct = solve(pushed, Y0, TS, RK, inputs=push)
        torch.testing.assert_close(ready(Y0).ys, direct.ys, rtol=0, atol=1e-10)
        stepped(f, seed, 3e-4)
    assert replaying(ready) is None


def test_weights_that_do_not_matter_have_gradients_of_zero() -> None:
    class Idle(Turning):
        def __init__(self) -> None:
            super().__init__()
            self.idle = nn.Parameter(torch.ones(3, dtype=torch.float64))

    f = Idle()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        ready(Y0).ys.sum().backward()
        stepped(f, seed)
    assert replaying(ready) is not None
    assert torch.equal(f.idle.grad, torch.zeros(3, dtype=torch.float64))
