"""On a GPU: solves, gradients and fits are those on the CPU, up to rounding. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors.usage import UsageError
from workbench.runs import Run

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is present")

TS = torch.linspace(0.0, 2.0, 21, dtype=torch.float64)
SMALL: dict[str, Any] = {"dynamics": "mlp", "settings": {"dynamics.hidden": (8,)}, "split": "none", "iterations": 3}


class Network(torch.nn.Module):
    """2-8-2 with time."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.layers(y) - y + torch.sin(t)


def solved(device: str, solver: str, rows: int, **options: Any) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The states, and the gradients of a weighting of them by the start and all weights, on the CPU."""
    f = Network().to(device)
    y0 = torch.linspace(-1.0, 1.0, 2 * rows, dtype=torch.float64, device=device).reshape(rows, 2).requires_grad_()
    found = wb.solve(f, y0, TS.to(device), solver, **options)
    assert found.ys.device.type == device
    weights = torch.cos(torch.arange(found.ys.numel(), dtype=torch.float64, device=device)).reshape(found.ys.shape)
    gradients = torch.autograd.grad((found.ys * weights).sum(), [y0, *f.parameters()])
    return found.ys.detach().cpu(), [g.cpu() for g in gradients]


@on_gpu
@pytest.mark.parametrize("gradient", ["discrete", "backprop", "adjoint"])
@pytest.mark.parametrize("solver", ["rk4", "tsit5", "dop853", "rodas5p", "esdirk54", "radau5"])
def test_solves_and_gradients_are_those_of_the_cpu(solver: str, gradient: str) -> None:
    options: dict[str, Any] = {"gradient": gradient} | ({"step": 0.05} if solver == "rk4" else {"rtol": 1e-8})
    (there, by_there), (here, by_here) = (solved(device, solver, 3, **options) for device in ("cuda", "cpu"))
    # the mesh may differ in the last digits of its times: ten times the tolerance
    torch.testing.assert_close(there, here, rtol=1e-7, atol=1e-7)
    for a, b in zip(by_there, by_here, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6 * float(b.abs().max()))


@on_gpu
@pytest.mark.parametrize("rows", [1, 5])
def test_a_prepared_solve_takes_all_steps_at_once(rows: int) -> None:
    f = Network().cuda()
    y0 = torch.linspace(-1.0, 1.0, 2 * rows, dtype=torch.float64, device="cuda").reshape(rows, 2)
    ready = wb.prepare(f, TS.cuda(), "rk4", engine="torch")
    for _ in range(3):
        found = ready(y0)
        direct = wb.solve(f, y0, TS.cuda(), "rk4")
        # Newton's method ends where what is left of the states is 1e-10; gradients move by ten times as much
        torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=1e-9)
        by = [torch.autograd.grad(each.ys.square().sum(), list(f.parameters())) for each in (found, direct)]
        for a, b in zip(*by, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-8 * float(b.abs().max()))
        with torch.no_grad():
            for p in f.parameters():
                p *= 1.001
    assert int(found.stats["newton"]) > 0


@on_gpu
@pytest.mark.parametrize("optimizer", ["levenberg-marquardt", "lbfgs"])
def test_a_fit_on_the_gpu_is_read_and_predicted_on_the_cpu(tmp_path: Path, optimizer: str) -> None:
    fitted = wb.fit("lynx_hare", device="cuda", optimizer=optimizer, store=tmp_path, name="there", **SMALL)
    assert fitted.run.config["choices"]["device"] == "cuda"
    assert fitted.run.config["choices"]["engine"] == "torch"
    again = wb.load("there", store=tmp_path)
    assert again.session.model.device == "cpu"
    ours, theirs = (np.asarray(each.predict().states) for each in (again, fitted))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@on_gpu
def test_a_fit_on_the_gpu_goes_on_there(tmp_path: Path) -> None:
    wb.fit("lynx_hare", device="cuda", store=tmp_path, name="there", **SMALL)
    gone_on = wb.resume("there", store=tmp_path, iterations=5)
    assert gone_on.session.model.device == "cuda"
    assert len(gone_on.run.history["number"]) >= 4


def test_what_is_no_network_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="the dynamics 'equations' cannot run on 'cuda'"):
        wb.fit("lynx_hare", device="cuda", split="none")
    with pytest.raises(UsageError, match="the engine compiled cannot run on 'cuda'"):
        wb.fit("lynx_hare", device="cuda", engine="compiled", **SMALL)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_run_of_another_machine_is_not_gone_on_with_where_there_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = wb.fit("lynx_hare", store=tmp_path, name="here", engine="torch", **SMALL)
    stored = Run.open(fitted.path)
    monkeypatch.setitem(stored.config["choices"], "device", "cuda")
    monkeypatch.setattr(Run, "open", lambda path: stored)
    with pytest.raises(UsageError, match="there is no device 'cuda'"):
        wb.resume(stored, store=tmp_path, iterations=5)
    assert wb.load(stored).session.model.device == "cpu"
