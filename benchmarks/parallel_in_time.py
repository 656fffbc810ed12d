"""A network as a torch module, no compiler: parallel in time beside step by step, torchdiffeq and diffrax.

The damped spiral: an MLP 2-50-2 on y³ (and on y), 500 points, rk4, one step an interval, one thread; the solve, the
mean square error and the gradient of all parameters, through the public call. The parameters take a step of an
optimizer's size before each timed call (every one by ±step, the same for all), so that no cache wins for nothing. All
take turns in each round; times are medians and 10 % and 90 % quantiles in ms, ratios those of the medians. On a machine
with other work `--clock cpu` counts what this process has used. `--device cuda` puts all of torch on a GPU; diffrax is
not measured there.

    python benchmarks/parallel_in_time.py                     # a table; peers that are not installed are named
    python benchmarks/parallel_in_time.py --json --rounds 50  # the same as one JSON document
    python benchmarks/parallel_in_time.py --device cuda

Peers: `pip install --no-deps torchdiffeq` and `pip install diffrax`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module, metadata
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

import workbench as wb  # noqa: E402

POINTS, LAST, HIDDEN = 500, 25.0, 50
MATRIX = np.array([[-0.1, 2.0], [-2.0, -0.1]])
START = np.array([2.0, 0.0])
Parameters = list[np.ndarray]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = "wall"
Timed = Callable[[Parameters], tuple[float, dict[str, Any]]]  # the loss; what is to be told of the solve


def now() -> float:
    """Seconds of the clock that was chosen."""
    return CLOCKS[clock]()


class Missing(Exception):
    """A peer is not installed, or not for this device."""


class Spiral(torch.nn.Module):
    """The network as anyone would write it."""

    def __init__(self, power: int) -> None:
        super().__init__()
        self.power = power
        self.net = torch.nn.Sequential(torch.nn.Linear(2, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 2))

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy/dt."""
        return self.net(y**self.power)

    def put(self, values: Parameters) -> None:
        """Take these parameters, without gradients."""
        with torch.no_grad():
            for p, value in zip(self.parameters(), values, strict=True):
                p.copy_(torch.from_numpy(value))
                p.grad = None


def learned(power: int, seed: int) -> Parameters:
    """Parameters that follow the spiral's right-hand side: a fit under way, not a field near 0."""
    torch.manual_seed(seed)
    f, matrix = Spiral(power), torch.from_numpy(MATRIX).float()
    optimizer = torch.optim.Adam(f.parameters(), 1e-2)
    for _ in range(1500):
        y = 1.2 * torch.randn(1000, 2)
        optimizer.zero_grad()
        (f(torch.zeros(1), y) - y**power @ matrix).square().mean().backward()
        optimizer.step()
    return [p.detach().double().numpy() for p in f.parameters()]


def settle(x: torch.Tensor) -> None:
    """Wait for what the GPU has been told to do."""
    if x.is_cuda:
        torch.cuda.synchronize()


def of_torch(solution: Callable[..., Any], f: Spiral, data: torch.Tensor) -> Timed:
    """A timed call of a solver of torch modules."""

    def timed(values: Parameters) -> tuple[float, dict[str, Any]]:
        f.put(values)
        settle(data)
        begin = now()
        ys, told = solution()
        (ys - data).square().mean().backward()
        settle(data)
        return 1e3 * (now() - begin), told

    return timed


def ours(f: Spiral, y0: torch.Tensor, ts: torch.Tensor, data: torch.Tensor) -> Timed:
    """`wb.prepare`."""
    ready = wb.prepare(f, ts, solver="rk4", engine="torch")

    def solution() -> tuple[torch.Tensor, dict[str, Any]]:
        found = ready(y0)
        return found.ys, {"newton": found.stats["newton"]}

    return of_torch(solution, f, data)


def one_by_one(f: Spiral, y0: torch.Tensor, ts: torch.Tensor, data: torch.Tensor) -> Timed:
    """`wb.solve`, step by step."""
    return of_torch(lambda: (wb.solve(f, y0, ts, solver="rk4").ys, {}), f, data)


def torchdiffeq(f: Spiral, y0: torch.Tensor, ts: torch.Tensor, data: torch.Tensor) -> Timed:
    """Its odeint; its rk4 is the 3/8 rule, of as many stages."""
    odeint = peer("torchdiffeq").odeint
    return of_torch(lambda: (odeint(f, y0, ts, method="rk4"), {}), f, data)


def diffrax(f: Spiral, y0: torch.Tensor, ts: torch.Tensor, data: torch.Tensor) -> Timed:
    """Classical rk4 as a tableau of its own, constant steps, its default adjoint, compiled beforehand."""
    if y0.is_cuda:
        raise Missing("diffrax is measured on the CPU only")
    dx, jax = peer("diffrax"), peer("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", y0.dtype == torch.float64)
    jnp, power = jax.numpy, f.power
    rk4 = dx.ButcherTableau(
        c=np.array([0.5, 0.5, 1.0]),
        b_sol=np.array([1 / 6, 1 / 3, 1 / 3, 1 / 6]),
        b_error=np.zeros(4),
        a_lower=(np.array([0.5]), np.array([0.0, 0.5]), np.array([0.0, 0.0, 1.0])),
    )

    class RK4(dx.AbstractERK):  # type: ignore[misc, name-defined, unused-ignore]  # diffrax may be absent
        """The same steps as ours."""

        tableau = rk4
        interpolation_cls = dx.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms: Any) -> int:
            """Four."""
            return 4

    start, times, wanted = (jnp.asarray(x.numpy()) for x in (y0, ts, data))

    def field(t: Any, y: Any, p: Any) -> Any:
        return jnp.tanh(y**power @ p[0].T + p[1]) @ p[2].T + p[3]

    def loss(p: Any) -> Any:
        found = dx.diffeqsolve(
            dx.ODETerm(field), RK4(), times[0], times[-1], None, start, args=p,
            stepsize_controller=dx.StepTo(ts=times), saveat=dx.SaveAt(ts=times), max_steps=POINTS,
        )  # fmt: skip
        return jnp.mean((found.ys - wanted) ** 2)

    both = jax.jit(jax.value_and_grad(loss))

    def timed(values: Parameters) -> tuple[float, dict[str, Any]]:
        p = [jnp.asarray(value, start.dtype) for value in values]
        begin = now()
        jax.block_until_ready(both(p))
        return 1e3 * (now() - begin), {}

    return timed


def peer(name: str) -> Any:
    """The module of a peer; raises Missing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise Missing(name) from error


WAYS = {
    "workbench, parallel in time": ours,
    "workbench, step by step": one_by_one,
    "torchdiffeq": torchdiffeq,
    "diffrax, warm": diffrax,
}


def measure(power: int, precision: str, step: float, seed: int, rounds: int, device: str) -> dict[str, Any]:
    """The times of all ways, taking turns; a missing peer's are None."""
    place: dict[str, Any] = {"dtype": getattr(torch, precision), "device": device}
    ts = torch.linspace(0.0, LAST, POINTS, **place)
    y0 = torch.from_numpy(START).to(**place)
    matrix = torch.from_numpy(MATRIX).to(**place)
    data = wb.solve(lambda t, y: y**power @ matrix, y0, ts, solver="rk4").ys
    timed: dict[str, Timed | None] = {}
    for name, way in WAYS.items():
        try:
            timed[name] = way(Spiral(power).to(**place), y0, ts, data)
        except Missing:
            timed[name] = None
    base, rng = learned(power, seed), np.random.default_rng(seed)
    times: dict[str, list[float]] = {name: [] for name, each in timed.items() if each is not None}
    newton, first = [], {}
    for number in range(rounds + 1):
        # a step away from the learned parameters, not a walk: every round is as hard as the others
        values = [p + step * np.sign(rng.normal(size=p.shape)) for p in base]
        for name in times:
            spent, told = timed[name](values)  # type: ignore[misc]  # those that are there
            if number == 0:
                first[name] = spent
                continue
            times[name].append(spent)
            newton += [told["newton"]] if "newton" in told else []
    ours_ = float(np.median(times["workbench, parallel in time"]))
    rows = {
        name: None
        if each is None
        else {
            "median": float(np.median(times[name])),
            "low": float(np.quantile(times[name], 0.1)),
            "high": float(np.quantile(times[name], 0.9)),
            "first": first[name],
            "ratio": float(np.median(times[name])) / ours_,
        }
        for name, each in timed.items()
    }
    shares = {str(n): newton.count(n) for n in sorted(set(newton))}
    return {"power": power, "precision": precision, "step": step, "seed": seed, "ways": rows, "newton": shares}


def show(case: dict[str, Any]) -> None:
    """One case as a table."""
    inner = "y³" if case["power"] == 3 else "y"
    print(f"\nMLP on {inner}, {case['precision']}, parameters moved by ±{case['step']:g}, seed {case['seed']}")
    print(f"{'':28} {'median':>9} {'10 %':>9} {'90 %':>9} {'first':>9} {'ratio':>7}")
    for name, row in case["ways"].items():
        if row is None:
            print(f"{name:28} not measured: not installed, or not for this device")
            continue
        line = " ".join(f"{row[key]:9.2f}" for key in ("median", "low", "high", "first"))
        print(f"{name:28} {line} {row['ratio']:7.1f}")
    counts = ", ".join(f"{n}: {count}" for n, count in case["newton"].items())
    print(f"evaluations of all steps, 0 for step by step: how often they were needed: {counts}")


def version(name: str) -> str:
    """Of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=float, nargs="*", default=[1e-4, 1e-3])
    parser.add_argument("--powers", type=int, nargs="*", default=[3, 1])
    parser.add_argument("--precisions", nargs="*", default=["float32", "float64"])
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: of this process, on a machine that is busy"
    )
    parser.add_argument("--device", default="cpu", help="of torch: cpu, cuda")
    asked = parser.parse_args()
    global clock
    clock = asked.clock
    torch.set_num_threads(1)
    one = partial(measure, rounds=asked.rounds, device=asked.device)
    cases = []
    for precision in asked.precisions:
        for power in asked.powers:
            for step in asked.steps:
                for seed in range(asked.seeds):
                    cases.append(one(power, precision, step, seed))
                    if not asked.json:
                        show(cases[-1])
    versions = {name: version(name) for name in ("torch", "torchdiffeq", "jax", "diffrax")}
    machine = {
        "clock": clock,
        "machine": platform.platform(),
        "device": "cpu" if asked.device == "cpu" else torch.cuda.get_device_name(asked.device),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        **versions,
    }
    print(json.dumps({**machine, "cases": cases}, indent=1) if asked.json else f"\n{machine}")


if __name__ == "__main__":
    main()
