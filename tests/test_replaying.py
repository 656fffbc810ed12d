"""Solves with a recorded right-hand side: what f itself gives step by step, whatever f turns into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from workbench_runge_kutta.classical import MIDPOINT, RK4

from workbench.engine import TableauSolver
from workbench.solving import Prepared, Signal, prepare, solve

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


def held(ready: Prepared, f: nn.Module, ts: torch.Tensor = TS) -> int:
    """Holds a handle to `solve`, with gradients; the evaluations of all steps."""
    y0 = Y0.clone().requires_grad_()
    wanted = [y0, *(p for p in f.parameters() if p.requires_grad)]
    found, direct = ready(y0), solve(f, y0, ts, RK)
    torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=1e-10)
    # what is left of the states' error moves the gradient by up to a hundred times as much
    for a, b in zip(*(torch.autograd.grad(s.ys.square().sum(), wanted) for s in (found, direct)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8 * float(b.abs().max()))
    return int(found.stats["newton"])


def stepped(f: nn.Module, seed: int, by: float = 3e-3) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in f.parameters():
            p += by * torch.randn(p.shape, generator=generator, dtype=p.dtype)


def replayed(ready: Prepared) -> bool:
    """Its solves are replayed, as far as is known."""
    return ready._engine._replaying is not None


def used(f: nn.Module, by: float = 3e-3) -> Prepared:
    """A handle of three solves that are held to `solve`, with other weights each; all but the first at once."""
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        assert (held(ready, f) > 0) == (seed > 0)
        stepped(f, seed, by)
    return ready


@pytest.mark.parametrize("ts", [TS, TS.float(), TS + 1e-4 * torch.sin(7 * TS)], ids=["equal", "rounded", "uneven"])
def test_solves_of_a_module_are_replayed(ts: torch.Tensor) -> None:
    f = Turning()
    ready = prepare(f, ts, RK, engine="torch")
    for seed in range(5):
        newton = held(ready, f, ts)
        assert (newton > 0) == (seed > 0)
        stepped(f, seed, (3e-3, 1e-2)[seed % 2])
    assert replayed(ready)
    before = f.calls
    with torch.no_grad():
        found = ready(Y0)
    assert int(found.stats["newton"]) > 0
    assert f.calls - before < len(TS), "f itself is only asked whether the recording holds"


def test_a_module_that_turns_into_another_is_noticed() -> None:
    f = Turning()
    ready = used(f)
    f.scale = 1.01
    assert replayed(ready)
    held(ready, f)
    assert not replayed(ready)
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
    """With all that may change behind torch's back; its way back is torch's own, or has a part in Python."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.force, self.cut, self.way = 0.1, False, way
        self.register_buffer("behind", torch.eye(2, dtype=torch.float64))
        self.gate = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.table = torch.zeros(len(TS), dtype=torch.float64)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        y = y.detach() if self.cut else y
        between = self.force * torch.sin(20 * torch.pi * t)  # 0 at the steps' starts
        struck = torch.take(self.table, (10 * t + 1e-6).long().clamp(0, len(self.table) - 1))
        found = super().forward(t, Reversed.apply(y) if self.way == "Python's" else y) + between + struck
        return found + (0 * Leaking.apply(y, self.gate) if self.way == "leaking" else self.gate * (y @ self.behind))


def strike(f: Several) -> None:
    f.table = f.table.clone()
    f.table[61] = 1.0


def replace_behind_the_gate(f: Several) -> None:
    f.behind = 2 * f.behind  # what stands before 0 has no value, but a derivative


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


ELSEWHERE = "another derivative", "torch's"  # there is none of ours in that


@pytest.mark.parametrize(
    ("change", "way"),
    [(change, way) for way in ("torch's", "Python's") for change in CHANGES if (change, way) != ELSEWHERE],
)
def test_what_changes_where_values_do_not_tell_is_noticed_at_once(
    change: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reversed, "scale", 1.0)
    f = Several(way)
    ready = used(f)
    f.gate.data.zero_()
    assert replayed(ready)
    CHANGES[change](f)
    held(ready, f)
    assert not replayed(ready)


def test_a_weight_that_leaves_torch_on_the_way_back_is_noticed() -> None:
    f = Several("leaking")
    assert not replayed(used(f))


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
    assert replayed(ready)


def test_a_solution_may_be_written_over() -> None:
    f = Turning()
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(3):
        ready(Y0).ys.mul_(2.0).sum().backward()
        stepped(f, seed)


@pytest.mark.parametrize("how", ["frozen", "replaced"])
def test_other_leaves_are_noticed(how: str) -> None:
    f = Turning()
    ready = used(f)
    if how == "frozen":
        f.first.weight.requires_grad_(False)
    else:  # by a tensor with the same numbers
        f.first.weight = nn.Parameter(f.first.weight.detach().clone())
    held(ready, f)
    assert not replayed(ready)


def test_a_buffer_that_is_changed_before_the_gradient_is_taken_is_noticed() -> None:
    f = Turning()
    found = used(f)(Y0)
    assert int(found.stats["newton"]) > 0
    f.a.mul_(1.1)
    with pytest.raises(RuntimeError, match="inplace"):
        found.ys.sum().backward()


def test_weights_in_another_precision_are_refused_by_the_module_itself() -> None:
    f = Turning()
    ready = used(f)
    f.float()
    with pytest.raises(RuntimeError, match="dtype"):
        ready(Y0)


def looks(y: torch.Tensor) -> torch.Tensor:
    return -y if float(y.abs().max()) > 1e9 else y


def leaves_torch(y: torch.Tensor) -> torch.Tensor:
    return y * torch.from_numpy(np.cos(y.detach().numpy()))


@pytest.mark.parametrize("noisy", [looks, leaves_torch])
def test_what_is_not_recorded_is_solved_as_ever(noisy: Callable[[torch.Tensor], torch.Tensor]) -> None:
    class Odd(Turning):
        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return super().forward(t, y) + 0.01 * noisy(y)

    f = Odd()
    assert not replayed(used(f))


def test_a_driven_module_is_replayed_at_its_own_times() -> None:
    class Driven(Turning):
        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return super().forward(t, y) + 0.3 * torch.sin(2 * t)[..., None]

    f = Driven()
    assert replayed(used(f, 3e-4))


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
    assert not replayed(ready)


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
    assert replayed(ready)
    assert torch.equal(f.idle.grad, torch.zeros(3, dtype=torch.float64))
