"""Fits with noise models against an independent maximisation, with deviations from a file, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scatter import CLEAN, T, log_density, scattered
from scipy import optimize

import workbench as wb
from workbench.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.errors.data import AllBeyond, DeviationWrong, OutsideSupport, ValueMissing
from workbench.errors.usage import UsageError
from workbench.registry import installed
from workbench.workflow import Fitted, load

EXACT = {"solver.rtol": 1e-11, "solver.atol": 1e-13, "optimizer.ftol": 1e-13}
"""The solution to 1e-10, so that what is compared is the likelihood."""


# --- fits against an independent maximisation


@dataclass(frozen=True)
class Case:
    noise: str
    low: float = -np.inf
    deviations: bool = False
    scale: str = ""

    @property
    def profiled(self) -> bool:
        return not self.deviations or self.scale == "fit"


CASES = [
    Case("student"),
    Case("student(2)"),
    Case("negative-binomial"),
    Case("gaussian", low=1.0),
    Case("lognormal", low=1.0),
    Case("student", low=1.0),
    Case("gaussian", deviations=True),
    Case("lognormal", deviations=True),
    Case("gaussian", deviations=True, scale="fit"),
    Case("gaussian", low=1.0, deviations=True),
]


def problem(folder: Path, noise: str, more: str = "") -> Path:
    file = folder / "decay.toml"
    file.write_text(
        f'[states.x]\nequation = "-k*x"\ninitial = {{ value = 8.0, fit = true, bounds = [0.1, 100] }}\n'
        f'[parameters]\nk = 0.5\n[observed.x]\nformula = "x"\nnoise = "{noise}"\n{more}'
    )
    return file


def data(case: Case, n: int = 40) -> Dataset:
    rng, t = np.random.default_rng(11), np.linspace(0, 5, n)
    y = scattered(case.noise, rng, 10 * np.exp(-0.6 * t))
    if np.isfinite(case.low):
        y = np.maximum(y, case.low)
    sd = rng.uniform(0.1, 0.5, (n, 1)) if case.deviations else None
    return Dataset(t, y[:, None], [n], ("x",), sd=sd)


def exact_nll(case: Case, of: Dataset) -> Callable[[np.ndarray], float]:
    """−log likelihood of k, x(0) and the logarithm of the scale where it is profiled."""
    y = of.values[:, 0]
    known = of.sd[:, 0] if of.sd is not None else 1.0

    def nll(v: np.ndarray) -> float:
        scale = known * (np.exp(v[2]) if case.profiled else 1.0)
        with np.errstate(all="ignore"):
            value = -log_density(case.noise, y, v[1] * np.exp(-v[0] * of.t), scale, case.low)
        return value if np.isfinite(value) else 1e10

    return nll


def likeliest(case: Case, of: Dataset) -> tuple[np.ndarray, float]:
    """k, x(0), log scale at the maximum of the exact likelihood, and −log of it there."""
    nll = exact_nll(case, of)
    start = np.array([0.6, 20.0 if case.noise == "negative-binomial" else 10.0, -1.0])[: 3 if case.profiled else 2]
    precise = {"xatol": 1e-9, "fatol": 1e-12, "maxfev": 600}
    for _ in range(3):
        found = optimize.minimize(nll, start, method="Nelder-Mead", options=precise)
        start = found.x
    return found.x, float(found.fun)


def fit_of(case: Case, of: Dataset, folder: Path, **options: Any) -> Fitted:
    return wb.fit(
        of,
        problem=problem(folder, case.noise),
        split="none",
        limits={"x": (case.low, np.inf)} if np.isfinite(case.low) else {},
        scales={"x": case.scale} if case.scale else {},
        **options,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fit_finds_the_maximum_of_the_exact_likelihood(case: Case, tmp_path: Path) -> None:
    of = data(case)
    best, least = likeliest(case, of)
    fitted = fit_of(case, of, tmp_path, settings=EXACT)
    found = [fitted.parameters[name]["value"] for name in ("k", "x(0)")]
    np.testing.assert_allclose(found, best[:2], rtol=1e-5)
    assert fitted.metrics["train"]["nll"] == pytest.approx(least, abs=1e-8)
    scales = fitted.run.diagnostics["scales"]
    assert scales == (pytest.approx({"x": np.exp(best[2])}, rel=1e-5) if case.profiled else {})
    k = 3 if case.profiled else 2
    assert fitted.run.diagnostics["criteria"]["bic"] == pytest.approx(2 * least + k * np.log(40), abs=1e-7)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_standard_errors_are_near_those_of_the_observed_information(case: Case, tmp_path: Path) -> None:
    """Of 400 values: expected and observed information differ by their scatter, 1/√400 times a few, and the scale of a
    censored channel is taken as known."""
    of = data(case, 400)
    best, _ = likeliest(case, of)
    covariance = np.linalg.inv(curvature(exact_nll(case, of), best))
    fitted = fit_of(case, of, tmp_path)
    found = [fitted.parameters[name]["stderr"] for name in ("k", "x(0)")]
    np.testing.assert_allclose(found, np.sqrt(np.diag(covariance))[:2], rtol=0.1)


def curvature(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The Hessian by central differences."""
    steps = np.diag(1e-3 * np.maximum(np.abs(x), 1e-2))
    return np.array(
        [
            [(f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)) / (4 * a.max() * b.max()) for b in steps]
            for a in steps
        ]
    )


# --- deviations from a file


def csv(folder: Path, rows: str, header: str = "t,x,err") -> Path:
    file = folder / "x.csv"
    file.write_text(f"{header}\n{rows}\n")
    return file


ROWS = "\n".join(
    f"{t:.4g},{v:.6g},{0.1 + 0.02 * i:.4g}" for i, (t, v) in enumerate(zip(T[:12], CLEAN[:12], strict=True))
)


def test_a_column_of_deviations_is_read_kept_in_the_run_and_counted_in_its_hash(tmp_path: Path) -> None:
    read = wb.read(csv(tmp_path, ROWS), sigma={"x": "err"})
    assert read.channels == ("x",)
    assert read.sd is not None
    np.testing.assert_allclose(read.sd[:, 0], 0.1 + 0.02 * np.arange(12), rtol=1e-3)
    assert read.content_sha256() != wb.read(csv(tmp_path, ROWS), states=["x"]).content_sha256()
    fitted = wb.fit(read, problem=problem(tmp_path, "gaussian"), split="none", store=tmp_path, name="kept")
    again = load("kept", tmp_path)
    np.testing.assert_array_equal(again.run.dataset.sd, read.sd)
    assert again.session.model.misfit.scales_known
    assert again.session.model.misfit.value(
        again.run.dataset.values, again.run.prediction, sd=again.run.dataset.sd
    ) == pytest.approx(fitted.metrics["train"]["nll"], rel=1e-12)
    assert len(again.predict(until=9.0).ts[0]) > 12


def test_a_problem_file_names_the_column_of_deviations(tmp_path: Path) -> None:
    csv(tmp_path, ROWS)
    file = problem(tmp_path, "gaussian", 'sigma = "err"\n[data]\nfile = "x.csv"\ntime = "t"\n')
    fitted = wb.fit(file, split="none")
    assert fitted.run.dataset.measured == ("x",)
    assert fitted.run.diagnostics["scales"] == {}
    other = tmp_path / "new.csv"
    other.write_text("t,x\n" + "\n".join(f"{t:.4g},{v:.6g}" for t, v in zip(T[:8], CLEAN[:8], strict=True)))
    assert fitted.predict(data=other).metrics is not None  # a new record needs no such column


def test_deviations_of_several_files_stand_one_after_the_other(tmp_path: Path) -> None:
    for name, sd in (("a", 0.1), ("b", 0.2)):
        (tmp_path / f"{name}.csv").write_text(f"t,x,err\n0,1,{sd}\n1,2,{sd}\n2,4,{sd}\n")
    read = wb.read([tmp_path / "a.csv", tmp_path / "b.csv"], sigma={"x": "err"})
    assert read.sd is not None
    np.testing.assert_array_equal(read.sd[:, 0], [0.1] * 3 + [0.2] * 3)


def test_deviations_follow_their_rows_through_sorting_gaps_and_trajectories(tmp_path: Path) -> None:
    rows = "2,3,.3,a\n0,1,.1,a\n1,,,a\n0,4,.4,b\n1,5,.5,b"
    read = wb.read(csv(tmp_path, rows, "t,x,err,who"), sigma={"x": "err"}, trajectory="who", sort=True, missing="blank")
    assert read.sd is not None
    np.testing.assert_array_equal(read.sd[:, 0], [0.1, 0.3, 0.4, 0.5])
    np.testing.assert_array_equal(read.select(["b"]).sd, [[0.4], [0.5]])
    assert read.with_channels(["x"]).sd is not None


@pytest.mark.parametrize(
    ("cell", "error", "said"),
    [
        ("0", DeviationWrong, r"x\.csv:4:.*0 is no standard deviation \(column 'err'"),
        ("-1", DeviationWrong, r"x\.csv:4:.*-1 is no standard deviation"),
        ("", ValueMissing, r"x\.csv:4:.*(missing|blank)"),
    ],
)
def test_a_deviation_that_is_none_is_an_error_with_its_place(
    cell: str, error: type[WorkbenchError], said: str, tmp_path: Path
) -> None:
    file = csv(tmp_path, f"0,1,.1\n1,2,.1\n2,3,{cell}\n3,4,.1")
    for missing in (None, "blank"):
        with pytest.raises(error, match=said):
            wb.read(file, sigma={"x": "err"}, missing=missing)


def test_a_channel_that_is_not_there_has_no_deviations(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="about 'z', which is no channel; there are x"):
        wb.read(csv(tmp_path, ROWS), sigma={"z": "err"})


# --- contradictions


def counted(values: list[float], **options: Any) -> Fitted:
    of = Dataset(np.arange(float(len(values))), np.array(values)[:, None], [len(values)], ("x",))
    return wb.fit(of, dynamics="mlp", split="none", iterations=1, **options)


@pytest.mark.parametrize("noise", ["poisson", "negative-binomial"])
@pytest.mark.parametrize("value", [2.5, -1.0])
def test_counts_are_whole_and_not_negative(noise: str, value: float) -> None:
    with pytest.raises(OutsideSupport, match=f"is {value:g} at t = 2; {noise} noise takes whole and no negative"):
        counted([1, 2, value, 3, 4], noise={"x": noise})


def test_a_value_at_a_limit_need_not_have_a_logarithm(tmp_path: Path) -> None:
    of = Dataset([0.0, 1, 2, 3, 4], [[8.0], [4], [2], [1.1], [0]], [5], ("x",))
    asked = problem(tmp_path, "lognormal")
    with pytest.raises(OutsideSupport, match="takes positive values"):
        wb.fit(of, problem=asked, split="none")
    fitted = wb.fit(of, problem=asked, split="none", limits={"x": (0.7, np.inf)})
    assert fitted.parameters["k"]["value"] == pytest.approx(np.log(2), rel=0.05)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"limits": {"x": (5.0, np.inf)}}, AllBeyond, "no value of 'x' that is fitted lies between its limits"),
        ({"limits": {"z": (5.0, np.inf)}}, UsageError, "--limits names the channel 'z'"),
        ({"scales": {"z": 1.0}}, UsageError, "--scale names the channel 'z'"),
        ({"noise": {"x": "poisson"}, "limits": {"x": (0.0, 9.0)}}, UsageError, "poisson noise takes no limits"),
        ({"noise": {"x": "poisson"}, "scales": {"x": 1.0}}, UsageError, "poisson noise has no scale"),
        ({"noise": {"x": "lognormal"}, "limits": {"x": (0.0, 9.0)}}, UsageError, "are not positive"),
        ({"noise": {"x": "cauchy"}}, UsageError, "'cauchy' is no kind of noise"),
        ({"noise": {"x": "student(0)"}}, UsageError, "student takes a number above 0"),
        ({"noise": {"x": "gaussian(3)"}}, UsageError, "gaussian takes no number"),
        ({"limits": {"x": (0.0, 3.5)}, "loss": "mse"}, UsageError, "the loss 'mse' is no likelihood"),
    ],
)
def test_what_contradicts_itself_is_refused(options: dict, error: type[WorkbenchError], said: str) -> None:
    with pytest.raises(error, match=said):
        counted([1, 2, 3, 3, 4], **options)


def test_deviations_go_with_noise_that_has_a_standard_deviation_and_with_one_scale() -> None:
    of = Dataset(np.arange(4.0), np.arange(4.0)[:, None], [4], ("x",), sd=np.ones((4, 1)))
    with pytest.raises(UsageError, match="poisson noise takes no standard deviations"):
        wb.fit(of, dynamics="mlp", noise={"x": "poisson"})
    with pytest.raises(UsageError, match="standard deviations of single values and the scale 2"):
        wb.fit(of, dynamics="mlp", scales={"x": 2.0})


def test_the_card_and_the_document_say_what_noise_there_is(tmp_path: Path) -> None:
    case = Case("gaussian", low=1.0, deviations=True)
    of, asked = data(case), problem(tmp_path, "gaussian")
    options: dict[str, Any] = {"problem": asked, "split": "none", "limits": {"x": (1.0, np.inf)}}
    fitted = wb.fit(of, scales={"x": "fit"}, **options)
    said = fitted.document()["noise"]["x"]
    scale = fitted.run.diagnostics["scales"]["x"]
    censored = int((of.values == 1.0).sum())
    assert said == {"kind": "gaussian", "scale": scale, "censored": censored, "deviations": True}
    card = installed().make("reporter", "text").render([fitted.run], None)
    line = f"x: gaussian, scale {scale:.4g}, each value with its own deviation, {censored} values beyond its limits"
    assert line in " ".join(card.split())


def test_a_known_scale_is_not_fitted(tmp_path: Path) -> None:
    fitted = wb.fit(data(Case("gaussian")), problem=problem(tmp_path, "gaussian"), split="none", scales={"x": 0.25})
    assert fitted.run.diagnostics["scales"] == {"x": 0.25}
    assert fitted.run.diagnostics["uncertainty"]["dispersion"] == 1.0
