"""What each gradient mode keeps for the way back, as the number of steps grows: bytes counted, resident memory beside.

rk4 with equal steps on a small network, six saves. Kept bytes are those of all tensors that torch's autograd saves
(`torch.autograd.graph.saved_tensors_hooks`); for `backprop` that is the graph of the steps. Resident memory is the most
that a fresh process has had (ru_maxrss), forward and backward pass and the libraries included.

    python benchmarks/gradient_memory.py
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import weakref
from dataclasses import dataclass

import torch

import workbench as wb

MODES = {
    "discrete": {"gradient": "discrete"},
    "discrete, checkpoints": {"gradient": "discrete", "checkpoints": True},
    "backprop": {"gradient": "backprop"},
    "adjoint": {"gradient": "adjoint"},
    "forward": {"gradient": "forward"},
}
STEPS = (10, 100, 1000, 10_000)


@dataclass
class Held:
    """A saved tensor, which lives as long as the graph that it was saved for."""

    tensor: torch.Tensor


class Network(torch.nn.Module):
    """Eight states, 32 hidden units."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 8)).double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy/dt."""
        return self.layers(y) - y


def measure(mode: str, steps: int) -> dict[str, float]:
    """Kept bytes, resident memory in kB and seconds of one forward and backward pass, in this process."""
    packed: list[weakref.ref[Held]] = []

    def hold(tensor: torch.Tensor) -> Held:
        held = Held(tensor.detach())  # an output would hold the node that holds it
        packed.append(weakref.ref(held))
        return held

    torch.set_num_threads(1)
    f, y0 = Network(), torch.linspace(-1, 1, 8, dtype=torch.float64).requires_grad_()
    ts = torch.linspace(0, 1, 6, dtype=torch.float64)
    begun = time.perf_counter()
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda held: held.tensor):
        found = wb.solve(f, y0, ts, "rk4", step=1.0 / steps, **MODES[mode])
    storages = [held.tensor.untyped_storage() for ref in packed if (held := ref()) is not None]
    kept = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
    del storages
    found.ys.square().sum().backward()
    seconds = time.perf_counter() - begun
    return {"kept": kept, "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "seconds": seconds}


def main() -> None:
    """A table, one fresh process a line."""
    print(f"{'mode':22} {'steps':>6} {'kept kB':>10} {'resident MB':>12} {'seconds':>8}")
    for mode in MODES:
        for steps in STEPS:
            command = [sys.executable, __file__, mode, str(steps)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(answer.stdout)
            line = f"{found['kept'] / 1e3:10.1f} {found['resident'] / 1e3:12.0f} {found['seconds']:8.2f}"
            print(f"{mode:22} {steps:6} {line}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
