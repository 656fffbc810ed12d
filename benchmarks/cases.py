"""Real observations and published results: what the workbench reaches beside what others published.

    python benchmarks/cases.py --data FOLDER              # every case: command lines, then a table
    python benchmarks/cases.py --data FOLDER --case tanks

FOLDER holds the raw files, which are not part of this repository. Every number comes from command lines that a user
would type; they are printed. Files that no reader takes (.mat, columns without names) are first written as CSV with
the same numbers. "must" and "aim" are bounds from above.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Document = dict[str, Any]
FILES = Path(__file__).parent / "case_files"
POSTERIOR = {"alpha": (0.5469, 0.063), "beta": (0.02775, 0.0042), "gamma": (0.8001, 0.089), "delta": (0.02409, 0.0035)}
THEOPH = (0.73195, 1.0576, 0.23353, 0.84646, 1.2973, 0.55275, 0.35294, 0.67854, 0.55777, 0.41101, 0.23082, 0.59258)


@dataclass(frozen=True)
class Number:
    """One figure of a case: from the documents that its commands printed, and what it should not exceed."""

    what: str
    of: Callable[[list[Document]], float]
    must: float | Callable[[Path], float]  # or a baseline, computed from the files of the case
    aim: float | None = None
    outside: str = ""


@dataclass(frozen=True)
class Case:
    """Files to be written into a folder, commands to be run there (with --json), numbers read from what they print."""

    name: str
    commands: tuple[str, ...]
    numbers: tuple[Number, ...]
    prepare: Callable[[Path, Path], None] = lambda data, folder: None


def train(key: str, which: int = 0) -> Callable[[list[Document]], float]:
    """A training metric of a command's document."""
    return lambda documents: float(documents[which]["metrics"]["train"][key])


def deviation(document: Document) -> float:
    """The residual standard error √(SSE/(n − p))."""
    return float(np.sqrt(document["metrics"]["train"]["sse"] / document["uncertainty"]["degrees_of_freedom"]))


def pooled(channel: str, first: int) -> Callable[[list[Document]], float]:
    """The root mean square over the predictions from number `first` on."""

    def of(documents: list[Document]) -> float:
        found = [document["metrics"] for document in documents[first:]]  # n counts all channels, which are seen alike
        squares = sum(one["n"] * one["rmse"][channel] ** 2 for one in found)
        return float(np.sqrt(squares / sum(one["n"] for one in found)))

    return of


def worst(documents: list[Document], of: Callable[[str, Mapping[str, Any]], float]) -> float:
    """The largest of a function of the four rates of Lotka and Volterra."""
    parameters = documents[0]["parameters"]
    return max(of(name, parameters[name]) for name in POSTERIOR)


def theoph(documents: list[Document]) -> float:
    """The largest relative distance of the twelve residual standard errors from those published, file order."""
    return float(np.max(np.abs(np.array([deviation(one) for one in documents[0]["fits"]]) / np.array(THEOPH) - 1)))


def dnase(name: str, estimate: float, stderr: float) -> Callable[[list[Document]], float]:
    """The larger relative distance of a parameter, times 100, and of its standard error from R's."""

    def of(documents: list[Document]) -> float:
        found = documents[0]["parameters"][name]
        return max(100 * abs(found["value"] / estimate - 1), abs(found["stderr"] / stderr - 1))

    return of


# --- files


def write(file: Path, names: str, columns: list[np.ndarray]) -> None:
    """Columns under names, all digits."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names.split(","))
        writer.writerows(np.column_stack(columns).tolist())


def gause(data: Path, folder: Path) -> None:
    """The days on which both species grew together."""
    with (data / "gause" / "gause_1934_science_f02_03.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Treatment"] == "Mixture"]
    columns = [np.array([float(row[key]) for row in rows]) for key in ("Day", "Volume_Species1", "Volume_Species2")]
    write(folder / "mixture.csv", "day,x,y", columns)


def pendulum(data: Path, folder: Path) -> None:
    """Four pieces to learn from, two to be judged by; 1 ms between rows."""
    from scipy.io import loadmat

    found = loadmat(data / "single_pendulum" / "SinglePendulumDataForParameterEstimation.mat")
    for kind, name in (("id", "piece"), ("vad", "check")):
        for number, piece in enumerate(found[f"Y_{kind}"].ravel(), start=1):
            write(folder / f"{name}{number}.csv", "angle,rate", list(piece))
    (folder / "pendulum.toml").write_bytes((FILES / "pendulum.toml").read_bytes())


def tanks(data: Path, folder: Path) -> None:
    (folder / "tanks.csv").write_bytes((data / "cascaded_tanks" / "dataBenchmark.csv").read_bytes())
    (folder / "tanks.toml").write_bytes((FILES / "tanks.toml").read_bytes())
    (folder / "learned.toml").write_bytes((FILES / "tanks_learned.toml").read_bytes())


def cooling(data: Path, folder: Path) -> None:
    (folder / "cooling.csv").write_bytes((data / "rdatasets" / "CoolingWater.csv").read_bytes())
    (folder / "two_bodies.toml").write_bytes((FILES / "cooling_two_bodies.toml").read_bytes())


def reactor(data: Path, folder: Path) -> None:
    write(folder / "cstr.csv", "t,q,Ca,T", list(np.loadtxt(data / "cstr" / "cstr.dat").T))


def arx(folder: Path) -> float:
    """The free-run nrmse on the last third of y_k = A y_{k−1} + B u_{k−1} + c, by least squares on the first two."""
    table = np.loadtxt(folder / "cstr.csv", delimiter=",", skiprows=1)
    u, y = table[:, 1], table[:, 2:]
    split = len(y) - round(len(y) / 3)
    rows = np.column_stack([y[:-1], u[:-1], np.ones(len(y) - 1)])
    weights = np.linalg.lstsq(rows[: split - 1], y[1:split], rcond=None)[0]
    now, off = y[split - 1], []
    for k in range(split, len(y)):
        now = np.concatenate([now, [u[k - 1], 1.0]]) @ weights
        off.append(now - y[k])
    return float(np.mean(np.sqrt(np.mean(np.square(off), axis=0)) / y.std(axis=0)))


def filters(data: Path, folder: Path) -> None:
    """The first 20 000 of the 100 000 samples to learn from, and the 78 800 to be judged by."""
    from scipy.io import loadmat

    found = loadmat(data / "wiener_hammerstein" / "WienerHammerBenchMark.mat")
    u, y = (found[name].ravel()[5200:184000] for name in ("uBenchMark", "yBenchMark"))
    write(folder / "train.csv", "u,y", [u[:20000], y[:20000]])
    write(folder / "test.csv", "u,y", [u[100000:], y[100000:]])
    (folder / "filters.toml").write_bytes((FILES / "wiener_hammerstein.toml").read_bytes())


def spiral(data: Path, folder: Path) -> None:
    """500 points on [0, 25] without noise, by the matrix exponential."""
    t = np.linspace(0.0, 25.0, 500)
    size = 2 * np.exp(-0.1 * t)
    write(folder / "spiral.csv", "t,x,y", [t, size * np.cos(2 * t), -size * np.sin(2 * t)])


# --- cases

CASES = (
    Case(
        "lynx and hare, likelihood",
        ("fit lynx_hare --split none",),
        (
            Number("negative log-likelihood", train("nll"), 122.927, outside="122.926"),
            Number(
                "estimates from the posterior means [sd]",
                lambda d: worst(d, lambda name, p: abs(p["value"] - POSTERIOR[name][0]) / POSTERIOR[name][1]),
                1.645,
            ),
            Number(
                "standard errors from the posterior sd [share]",
                lambda d: worst(d, lambda name, p: abs(p["stderr"] / POSTERIOR[name][1] - 1)),
                0.15,
            ),
        ),
    ),
    Case(
        "lynx and hare, least squares",
        ("fit lynx_hare --split none --loss mse",),
        (Number("SSE", train("sse"), 594.75, outside="594.745"),),
    ),
    Case(
        "lynx and hare, forecast 1915–1920",
        ("fit lynx_hare --split last:6",),
        (
            Number(
                "log-RMSE",
                lambda d: float(d[0]["metrics"]["holdout"]["log_rmse_all"]),
                0.36,
                0.30,
                "Lotka–Volterra .355",
            ),
        ),
    ),
    Case(
        "school influenza",
        ("fit school_influenza --split none --loss mse", "fit school_influenza --split none --loss mse --free I0"),
        (
            Number("SSE, S(0) = N − I(0)", train("sse"), 4122, outside="4122"),
            Number("SSE, I(0) free", train("sse", 1), 3590.3),
        ),
    ),
    Case(
        "two species of Gause",
        ("fit mixture.csv --problem competition --free x(0) --free y(0) --split none --loss mse",),
        (Number("residual standard error", lambda d: deviation(d[0]), 10.10, outside="10.1"),),
        gause,
    ),
    Case(
        "theophylline",
        ("fit theophylline --each trajectory --split none",),
        (Number("residual standard errors from R's [share]", theoph, 1e-3),),
    ),
    Case(
        "puromycin",
        ("fit puromycin --split none",),
        (
            Number("Vm from R's 212.684 [share]", lambda d: abs(value(d[0], "Vm") / 212.684 - 1), 5e-5),
            Number("K from R's .06412 [share]", lambda d: abs(value(d[0], "K") / 0.06412 - 1), 1e-4),
            Number("its error from R's 6.947 [share]", lambda d: abs(error(d[0], "Vm") / 6.947 - 1), 0.01),
            Number("its error from R's .00828 [share]", lambda d: abs(error(d[0], "K") / 0.00828 - 1), 0.01),
        ),
    ),
    Case(
        "DNase, run 1",
        ("fit dnase --split none",),
        tuple(
            Number(f"{name} from R's {estimate:g} ± {stderr:g} [share, errors]", dnase(name, estimate, stderr), 0.01)
            for name, estimate, stderr in (
                ("Asym", 2.34518, 0.07815),
                ("xmid", 1.48309, 0.08135),
                ("scal", 1.04146, 0.03227),
            )
        ),
    ),
    Case(
        "cooling water",
        (
            "fit cooling_water --split none",
            "fit cooling.csv --problem two_bodies.toml --split none",
            "fit cooling.csv --problem two_bodies.toml --split last:50%",
        ),
        (
            Number("residual standard error, Newton's law", lambda d: deviation(d[0]), 1.489, outside="1.488"),
            Number("residual standard error, two bodies", lambda d: deviation(d[1]), 1.489, 0.20),
            Number(
                "forecast of the second half, RMSE",
                lambda d: float(d[2]["metrics"]["holdout"]["rmse"]["temp"]),
                5.50,
                1.41,
                "Newton's law 5.50",
            ),
        ),
        cooling,
    ),
    Case(
        "single pendulum",
        (
            "fit piece1.csv piece2.csv piece3.csv piece4.csv --sample-time 0.001 --problem pendulum.toml --split none"
            " --name pendulum",
            "predict pendulum --sample-time 0.001 --data check1.csv",
            "predict pendulum --sample-time 0.001 --data check2.csv",
        ),
        (Number("angle RMSE, both pieces [rad]", pooled("angle", 1), 0.0178, 0.0098, "authors' parameters .01785"),),
        pendulum,
    ),
    Case(
        "cascaded tanks",
        (
            "fit tanks.csv --sample-time 4 --problem tanks.toml --map y=yEst --map u=uEst --split none --name tanks",
            "predict tanks --data tanks.csv --sample-time 4 --map y=yVal --map u=uVal --fit-initial 5",
            "fit tanks.csv --sample-time 4 --problem learned.toml --map y=yEst --map u=uEst --split none"
            " --name learned",
            "predict learned --data tanks.csv --sample-time 4 --map y=yVal --map u=uVal --fit-initial 5",
        ),
        (
            Number(
                "RMSE on the test record, equations [V]",
                lambda d: float(d[1]["metrics"]["rmse"]["y"]),
                0.396,
                0.30,
                "linear .588, GRU .396, CT-SUBNET .306, best grey box .191",
            ),
            Number(
                "RMSE on the test record, with a learned term [V]",
                lambda d: float(d[3]["metrics"]["rmse"]["y"]),
                0.396,
                0.30,
            ),
        ),
        tanks,
    ),
    Case(
        "Wiener–Hammerstein",
        (
            "fit train.csv --sample-time 1.953125e-5 --problem filters.toml --solver rk4 --split none --name filters",
            "predict filters --data test.csv --sample-time 1.953125e-5 --fit-initial 50",
        ),
        (
            Number(
                "RMSE on the test record, 50 samples left out [mV]",
                lambda d: 1e3 * float(d[1]["metrics"]["rmse"]["y"]),
                24.8,
                6.9,
                "linear 43.4, FIR network 24.8, RNN 6.87, GRU 3.97",
            ),
        ),
        filters,
    ),
    Case(
        "stirred tank reactor",
        ("fit cstr.csv --inputs q --states Ca,T --split last:33.3333% -d mlp --max-time 5min",),
        (
            Number(
                "free-run nrmse, last third", lambda d: float(d[0]["metrics"]["holdout"]["nrmse"]), arx, outside="ARX"
            ),
        ),
        reactor,
    ),
    Case(
        "damped spiral",
        (
            "fit spiral.csv -d mlp -S dynamics.hidden=[50] --solver rk4 --split none --max-time 60s",
            "fit spiral.csv -d mlp -S dynamics.hidden=[50] --solver dopri5 --split none --max-time 60s",
        ),
        (
            Number("MSE, rk4", lambda d: mse(d[0]), 1e-4, 1e-6, ".0173"),
            Number("MSE, dopri5", lambda d: mse(d[1]), 1e-4, 1e-6, ".0167"),
        ),
        spiral,
    ),
)


def value(document: Document, name: str) -> float:
    """An estimate."""
    return float(document["parameters"][name]["value"])


def error(document: Document, name: str) -> float:
    """Its standard error."""
    return float(document["parameters"][name]["stderr"])


def mse(document: Document) -> float:
    """The mean squared error of the training part."""
    scores = document["metrics"]["train"]
    return float(scores["sse"] / scores["n"])


# --- running


def run(words: list[str], folder: Path) -> Document:
    """What `workbench words --json` prints; raises RuntimeError with its last line where it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "workbench", *words, "--json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    document: Document = json.loads(done.stdout)
    return document


def judged(number: Number, found: float, must: float) -> str:
    """The word for a figure: aim, must, or missed."""
    if not found <= must:
        return "missed"
    return "must" if number.aim is None or found > number.aim else "aim"


def main() -> int:
    """Run the cases, print what was typed and a table of what was found; 1 where a must is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of raw files")
    parser.add_argument("--case", action="append", help="only cases whose names hold this")
    asked = parser.parse_args()
    lines, missed = [f"{'case':<34} {'figure':<48} {'found':>10} {'must':>9} {'aim':>8}  word    outside"], 0
    for case in CASES:
        if asked.case and not any(part in case.name for part in asked.case):
            continue
        print(f"\n{case.name}")
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            case.prepare(asked.data.resolve(), folder)
            documents: list[Document] = []
            for command in case.commands:
                began = time.perf_counter()
                try:
                    documents.append(run(shlex.split(command), folder))
                except RuntimeError as failure:
                    print(f"  workbench {command}\n    {failure}", flush=True)
                    break
                print(f"  workbench {command}    # {time.perf_counter() - began:.0f} s", flush=True)
            bounds = [number.must(folder) if callable(number.must) else number.must for number in case.numbers]
        for number, must in zip(case.numbers, bounds, strict=True):
            found = number.of(documents) if len(documents) == len(case.commands) else float("nan")
            word = judged(number, found, must)
            missed += word == "missed"
            aim = "" if number.aim is None else f"{number.aim:g}"
            lines.append(
                f"{case.name:<34} {number.what:<48} {found:>10.5g} {must:>9.5g} {aim:>8}  {word:<7} {number.outside}"
            )
    print("\n" + "\n".join(lines))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
