"""The workbench's side: everything of ours that takes part is called from here.

What a version does not have raises Missing and is listed as missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .contender import Missing, Ready, Result
from .network import load_torch, torch_gradient


def prepared(f: Any, y0: Any, ts: Any, *, solver: str, engine: str, **tolerances: float) -> Any:
    """A handle of `wb.prepare` that has answered once, so that the engine is known to be there; raises Missing."""
    import workbench as wb
    from workbench.errors import WorkbenchError

    try:
        ready = wb.prepare(f, ts, solver=solver, gradient="discrete", engine=engine, **tolerances)
        ready(y0)
    except TypeError as refusal:
        if "engine" not in str(refusal):
            raise
        raise Missing(f"this version's wb.prepare has no engine={engine!r}") from refusal
    except WorkbenchError as refusal:
        raise Missing(f"engine={engine!r}: {refusal}") from refusal
    return ready


def inside(ready: Any, run: Callable[[], Any], entry: str = "call") -> float:
    """Seconds inside compiled code alone, of what `run` does with a handle on the compiled engine.

    Where threads share the work, a second in which several of them are there counts once.
    """
    kernel, spans = ready._engine.handle.kernel, []
    call = getattr(kernel, entry)

    def timed(*arguments: Any) -> int:
        began = time.perf_counter()
        result = call(*arguments)
        spans.append((began, time.perf_counter()))
        return int(result)

    setattr(kernel, entry, timed)
    try:
        run()
    finally:
        delattr(kernel, entry)
    seconds = until = 0.0
    for began, ended in sorted(spans):
        seconds += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return seconds


def gradient(
    module: Any, y0: np.ndarray, ts: np.ndarray, ys: np.ndarray, *, precision: str, engine: str, solver: str,
    **tolerances: float,
) -> Ready:  # fmt: skip
    """Mean squared error against ys and the gradient of a module's weights, through `wb.prepare` and autograd."""
    import torch

    dtype = getattr(torch, precision)
    start, wanted = torch.as_tensor(y0, dtype=dtype), torch.as_tensor(ys, dtype=dtype)
    ready = prepared(module, start, ts, solver=solver, engine=engine, **tolerances)

    def run(module: Any) -> Any:
        loss = torch.mean((ready(start).ys - wanted) ** 2)
        loss.backward()
        return loss

    def load(p: np.ndarray) -> Any:
        load_torch(module, p)
        return module

    def kernel(module: Any) -> float:
        return inside(ready, lambda: run(module))

    measured = kernel if engine == "compiled" else None
    return Ready(load, run, lambda loss: (float(loss), torch_gradient(module)), measured)


def gradient_in_numpy(
    module: Any, y0: np.ndarray, ts: np.ndarray, ys: np.ndarray, *, precision: str, solver: str, **tolerances: float
) -> Ready:
    """The same without autograd: weights and states are NumPy's, and the way back is `Solution.gradient`."""
    start, wanted = np.asarray(y0, precision), np.asarray(ys, precision)
    ready = prepared(module, start, ts, solver=solver, engine="compiled", **tolerances)

    def run(p: np.ndarray) -> Result:
        found = ready(start, p)
        off = found.ys - wanted
        return float(np.vdot(off, off)) / off.size, found.gradient(2 / off.size * off)[1]

    return Ready(
        lambda p: p.astype(precision), run, lambda found: (found[0], np.asarray(found[1], float)),
        lambda p: inside(ready, lambda: run(p)),
    )  # fmt: skip


def fit_lotka_volterra(problem: Any, precision: str) -> Ready:
    """Levenberg–Marquardt with forward sensitivities, all compiled."""
    from .works.lotka_volterra import ATOL, DONE, RTOL, START, Y0, f

    if precision != "float64":
        raise Missing("fits are in float64")
    import workbench as wb

    ready = wb.prepare(
        graph_of(f, 2, 4), problem.ts, solver="dopri5", engine="compiled", rtol=RTOL, atol=ATOL, params=START
    )

    def run(p: np.ndarray) -> Any:
        return ready.least_squares(problem.ys, Y0, p, ftol=DONE, xtol=DONE)

    run(START)  # what is compiled once is compiled now

    def read(found: Any) -> Result:
        return 2 * float(found.cost), np.asarray(found.params)

    return Ready(lambda p: p, run, read, lambda p: inside(ready, lambda: run(p), "fit"))


def graph_of(f: Callable[..., list[Any]], states: int, parameters: int) -> Any:
    """The graph of f(t, y, *p), written on plain numbers."""
    import workbench as wb

    return wb.from_function(f, [f"y{i}" for i in range(states)], [f"p{j}" for j in range(parameters)])


def solve_stiff(problem: Any, precision: str) -> Ready:
    """A compiled Rosenbrock method at the loosest tolerance that reaches the problem's target."""
    from .tolerance import loosest

    if precision != "float64":
        raise Missing("stiff problems are in float64")
    import workbench as wb

    graph, handles = graph_of(problem.f, len(problem.y0), len(problem.p)), {}

    def handle(rtol: float) -> Any:
        if rtol not in handles:
            handles[rtol] = wb.prepare(
                graph, [0.0, problem.t1], solver="rodas5p", engine="compiled", rtol=rtol,
                atol=tuple(rtol * problem.sizes), params=problem.p,
            )  # fmt: skip
        return handles[rtol]

    def solve(p: np.ndarray, rtol: float) -> np.ndarray:
        found = handle(rtol)(problem.y0, p)
        return np.asarray(found.ys[-1])

    rtol, note = loosest(problem, lambda rtol: solve(problem.p, rtol))

    def kernel(p: np.ndarray) -> float:
        return inside(handle(rtol), lambda: solve(p, rtol))

    return Ready(
        lambda p: p, lambda p: solve(p, rtol), lambda y: (0.0, np.asarray(y, float) / problem.end), kernel, note=note
    )


def ladder(problem: Any, precision: str) -> Ready:
    """`wb.fit` with its defaults and 50 tanh units, ended at the first step on the trajectory below the target.

    Its loss is in units of the data's spread, which is below 1, so the mean squared error is lower; `read` gives that.
    """
    if precision != "float64":
        raise Missing("fits are in float64")
    import workbench as wb
    from workbench.fitting import FitBudget

    data = wb.Dataset(t=problem.ts, values=problem.ys, row_size=np.array([len(problem.ts)]), channels=("x", "y"))

    def run(seed: np.ndarray) -> tuple[float, float]:
        reached: list[float] = []
        began = time.perf_counter()

        def look(step: Any) -> None:
            if step.rung.startswith("trajectory") and step.loss <= problem.target and not reached:
                reached.append(time.perf_counter() - began)

        def clock() -> float:
            return time.monotonic() + (1e9 if reached else 0.0)  # no time is left once the target is reached

        fitted = wb.fit(
            data, dynamics="mlp", settings={"dynamics.hidden": [problem.hidden]}, split="none", seed=int(seed[0]),
            budget=FitBudget(clock, None, problem.longest), on_step=look,
        )  # fmt: skip
        train = fitted.metrics["train"]
        return train["sse"] / train["n"], reached[0] if reached else float("inf")

    def read(result: tuple[float, float]) -> Result:
        return 0.0, np.array([float(result[0] <= problem.target)])

    return Ready(lambda seed: seed, run, read, spent=lambda result: result[1])
