"""The main job, measured: fits of the library's real data through the command line, and start-up times.

    python benchmarks/main_job.py            # prints a table, about two minutes on one core
    python benchmarks/main_job.py --json     # the same as one JSON document

Times are wall seconds of whole commands, imports included, each run three times (fits of networks once a seed).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

SEEDS = range(5)
POSTERIOR = {"alpha": (0.5469, 0.063), "beta": (0.02775, 0.0042), "gamma": (0.8001, 0.089), "delta": (0.02409, 0.0035)}
"""Mean and standard deviation of the posterior (Stan case study of Lotka–Volterra, posteriordb hudson_lynx_hare)."""


def run(*arguments: str) -> tuple[float, str]:
    """Wall seconds and standard output of `workbench …`, one thread, in a folder of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "workbench", *arguments],
            cwd=folder, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return time.perf_counter() - begin, done.stdout


def fit(*arguments: str) -> tuple[float, Any]:
    """Wall seconds and the document of `workbench fit … --json`."""
    seconds, text = run("fit", *arguments, "--json")
    return seconds, json.loads(text)


def three(*arguments: str) -> tuple[float, Any]:
    """The median time of three fits and the document of the last."""
    found = [fit(*arguments) for _ in range(3)]
    return median(seconds for seconds, _ in found), found[-1][1]


def lynx_hare() -> list[tuple[str, str]]:
    """Likelihood, estimates and errors against the posterior, least squares, the forecast, the textbook start."""
    seconds, told = three("lynx_hare", "--split", "none")
    rows = [("lynx_hare: NLL (goal 122.927), s", f"{told['metrics']['train']['nll']:.6f}, {seconds:.2f}")]
    for name, (mean, sd) in POSTERIOR.items():
        found = told["parameters"][name]
        off, ratio = (found["value"] - mean) / sd, found["stderr"] / sd
        rows.append(
            (f"lynx_hare: {name}, posterior sds off, s.e. over sd", f"{found['value']:.5f}, {off:+.2f}, {ratio:.3f}")
        )
    textbook = [part for name in ("alpha=1.5", "beta=1", "gamma=3", "delta=1") for part in ("--set", name)]
    _, ladder = fit("lynx_hare", "--split", "none", *textbook)
    _, single = fit(
        "lynx_hare", "--split", "none", "--strategy", "single", "--optimizer", "levenberg-marquardt", *textbook
    )
    both = f"{ladder['metrics']['train']['nll']:.3f}, {single['metrics']['train']['nll']:.3f}"
    rows.append(("lynx_hare from (1.5, 1, 3, 1): NLL by ladder, by plain Levenberg–Marquardt", both))
    _, squares = fit("lynx_hare", "--split", "none", "--loss", "mse")
    rows.append(("lynx_hare --loss mse: SSE (goal 594.75)", f"{squares['metrics']['train']['sse']:.3f}"))
    _, forecast = fit("lynx_hare", "--split", "last:6")
    rows.append(
        ("lynx_hare 1915–1920: held-out log-RMSE (goal .36)", f"{forecast['metrics']['holdout']['log_rmse_all']:.4f}")
    )
    return rows


def lynx_hare_networks() -> list[tuple[str, str]]:
    """A neural ODE on the same data, five seeds, against the best baseline."""
    found = [fit("lynx_hare", "-d", "mlp", "--loss", "mse", "--seed", str(seed)) for seed in SEEDS]
    errors = [told["metrics"]["holdout"]["log_rmse_all"] for _, told in found]
    baselines = found[0][1]["metrics"]["baselines"]
    best = min(
        each["holdout"]["log_rmse_all"] for each in baselines.values() if each["holdout"]["log_rmse_all"] is not None
    )
    errors = [float("inf") if error is None else error for error in errors]
    listed = " ".join(f"{error:.3f}" for error in errors)
    return [
        ("lynx_hare -d mlp: held-out log-RMSE by seed", listed),
        ("lynx_hare -d mlp: median, best baseline", f"{median(errors):.3f}, {best:.3f}"),
        (
            "lynx_hare -d mlp: s, median and largest (goal 60)",
            f"{median(s for s, _ in found):.1f}, {max(s for s, _ in found):.1f}",
        ),
    ]


def others() -> list[tuple[str, str]]:
    """School influenza and theophylline."""
    seconds, told = three("school_influenza", "--split", "none")
    _, freed = fit("school_influenza", "--split", "none", "--free", "I0")
    both = f"{told['metrics']['train']['sse']:.3f}, {freed['metrics']['train']['sse']:.3f}, {seconds:.2f}"
    rows = [("school_influenza: SSE (goal 4122), with I0 free (goal 3590.3), s", both)]
    seconds, each = fit("theophylline", "--split", "none", "--each", "trajectory")
    errors = [(one["metrics"]["train"]["sse"] / (one["metrics"]["train"]["n"] - 3)) ** 0.5 for one in each["fits"]]
    rows.append(
        (f"theophylline: residual standard errors, {seconds:.1f} s", " ".join(f"{error:.5g}" for error in errors))
    )
    return rows


def sizes() -> list[tuple[str, str]]:
    """Reading a million rows of six columns, and putting a million rows in ten thousand trajectories in order."""
    import numpy as np
    from workbench_files.offers import csv

    from workbench.dataset import Table
    from workbench.dataset.assemble import assemble

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.csv")
        block = np.random.default_rng(0).normal(size=(100_000, 6)).tolist()
        text = "\n".join(",".join(map(repr, row)) for row in block) + "\n"
        path.write_text("a,b,c,d,e,f\n" + 10 * text)
        begin = time.perf_counter()
        csv().read(path)
        reading = time.perf_counter() - begin
    n, size = 10_000, 100
    t = np.tile(np.arange(float(size)), n)
    columns = {"run": np.repeat(np.arange(float(n)), size), "t": t, "x": np.sin(np.arange(n * size)), "y": np.cos(t)}
    begin = time.perf_counter()
    assemble(Table(columns, lines=np.arange(2, n * size + 2)))
    ordering = time.perf_counter() - begin
    return [
        ("csv of 10⁶ rows × 6 columns: s (goal 5)", f"{reading:.2f}"),
        ("10⁶ rows in 10⁴ trajectories put in order: s", f"{ordering:.2f}"),
    ]


def start_up() -> list[tuple[str, str]]:
    """Listing verbs as multiples of `python -c "import click"`, medians of five."""

    def spent(*command: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, *command], capture_output=True, check=True)
        return time.perf_counter() - begin

    click = median(spent("-c", "import click") for _ in range(5))
    verbs = ("--help", "problems", "solvers", "dynamics", "losses")
    times = {verb: median(spent("-m", "workbench", verb) for _ in range(5)) / click for verb in verbs}
    return [(f"workbench {verb}: multiples of importing click", f"{ratio:.1f}") for verb, ratio in times.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    rows = [*start_up(), *sizes(), *lynx_hare(), *others(), *lynx_hare_networks()]
    if as_json:
        print(json.dumps({"machine": platform.platform(), "processors": os.cpu_count(), "rows": dict(rows)}, indent=1))
        return
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


if __name__ == "__main__":
    main()
