"""A fit of an mlp on the CPU and on a GPU: where the way there and back begins to pay.

Every trajectory is Lotka–Volterra from a start of its own, 50 points, 2 % noise. A fit takes five iterations of L-BFGS;
its time is the whole fit's less that of one with one, so that what happens once does not count. On the CPU it uses one
thread, as every fit does.

    python benchmarks/devices.py                  # both devices
    python benchmarks/devices.py --devices cpu
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
import torch

import workbench as wb

POINTS = 50


def data(trajectories: int) -> wb.Dataset:
    """Hares and lynxes from many starts."""
    rng = np.random.default_rng(0)
    ts = np.linspace(0.0, 10.0, POINTS)
    starts = rng.uniform(0.5, 2.0, (trajectories, 2))
    rate = lambda t, y: y * np.stack([1.0 - y[..., 1], y[..., 0] - 1.0], axis=-1)  # noqa: E731
    ys = np.asarray(wb.solve(rate, starts, ts, "dop853").ys)
    ys += 0.02 * rng.normal(size=ys.shape)
    t = np.tile(ts, trajectories)
    return wb.Dataset(t, ys.reshape(-1, 2), np.full(trajectories, POINTS), ("hare", "lynx"))


def seconds(source: wb.Dataset, width: int, device: str, iterations: int) -> float:
    """Of one fit."""
    begin = time.perf_counter()
    wb.fit(
        source, dynamics="mlp", device=device, engine="torch", optimizer="lbfgs", strategy="single",
        settings={"dynamics.hidden": (width, width)}, split="none", iterations=iterations,
    )  # fmt: skip
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs="*", default=["cpu", "cuda"])
    parser.add_argument("--widths", type=int, nargs="*", default=[32, 256])
    parser.add_argument("--trajectories", type=int, nargs="*", default=[8, 256])
    asked = parser.parse_args()
    print(f"{'trajectories':>12} {'width':>6}" + "".join(f"{device + ' (s)':>12}" for device in asked.devices))
    for trajectories in asked.trajectories:
        source = data(trajectories)
        for width in asked.widths:
            spent = []
            for device in asked.devices:
                seconds(source, width, device, 1)  # warm
                spent.append(seconds(source, width, device, 5) - seconds(source, width, device, 1))
            print(f"{trajectories:12} {width:6}" + "".join(f"{each:12.3f}" for each in spent), flush=True)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"{os.cpu_count()} processors, {torch.get_num_threads()} threads; {gpu}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
