"""What torch's autograd takes by itself of a solve with its gradient, beside what the compiled solve takes.

    python -m benchmarks.autograd_floor [--calls 400]

The damped spiral of `benchmarks.speed`. *kernel* is the time inside compiled code; *nothing* the same loss and
`backward()` of the module's four parameters around a node of torch's graph that solves nothing: its forward gives
states that are there, its backward gradients that are there. No solver behind such a node can take less than both
together. Medians and quartiles in µs of calls that take turns in one process, on one thread; the parameters take a
step before each.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.speed.contender import step  # noqa: E402
from benchmarks.speed.network import torch_module  # noqa: E402
from benchmarks.speed.works import spiral  # noqa: E402

WARM = 20  # calls that do not count


def nothing(problem: spiral.Spiral, precision: str) -> Callable[[], Any]:
    """The loss and its gradient through a node that gives what is there."""
    module = torch_module(problem.sizes, precision)
    leaves = list(module.parameters())
    wanted = torch.as_tensor(problem.ys, dtype=leaves[0].dtype)
    states, slopes = wanted + 0.1, [torch.zeros_like(leaf) for leaf in leaves]

    class Node(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: torch.Tensor) -> torch.Tensor:
            return states.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(slope.clone() for slope in slopes)

    def run() -> Any:
        module.zero_grad()
        began = time.perf_counter()
        loss = torch.mean((Node.apply(*leaves) - wanted) ** 2)
        loss.backward()
        return time.perf_counter() - began

    return run


def measure(method: str, precision: str, calls: int) -> dict[str, np.ndarray]:
    """Seconds (call,) by what is timed."""
    problem = spiral.spiral(method, tiny=False)
    start, idle = spiral.start(problem), nothing(problem, precision)
    through, plain = spiral.by_us("compiled", problem, precision), spiral.by_us_in_numpy(problem, precision)
    found: dict[str, list[float]] = {name: [] for name in ("kernel", "nothing", "through autograd", "from NumPy")}
    for number in range(WARM + calls):
        parameters = step(start, number)
        assert through.kernel is not None, "the compiled engine tells it"
        found["kernel"].append(through.kernel(through.load(parameters)))
        found["nothing"].append(idle())
        for name, ready in (("through autograd", through), ("from NumPy", plain)):
            loaded = ready.load(parameters)
            began = time.perf_counter()
            ready.run(loaded)
            found[name].append(time.perf_counter() - began)
    return {name: np.array(times[WARM:]) for name, times in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for method in ("rk4", "dopri5"):
        for precision in ("float32", "float64"):
            found = measure(method, precision, asked.calls)
            print(f"{method}, {precision}")
            for name, times in (*found.items(), ("kernel and nothing", found["kernel"] + found["nothing"])):
                low, median, high = 1e6 * np.quantile(times, [0.25, 0.5, 0.75])
                print(f"  {name:20} {median:6.0f} ({low:.0f} … {high:.0f})")


if __name__ == "__main__":
    main()
