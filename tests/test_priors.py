"""Priors: each density against SciPy's, and fits with them against a maximisation of the posterior by SciPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

import workbench as wb
from workbench.cli import main
from workbench.contracts import Linearization
from workbench.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.errors.problems import BoundsExclude, ValueWrong
from workbench.errors.usage import UsageError
from workbench.fitting.priors import DeclaredPriors, Posterior
from workbench.model import Selection
from workbench.priors import KINK, density_of
from workbench.problem import read_problem
from workbench.system import Parameter
from workbench.testing.strategies import task_of
from workbench.unknowns import Block, Unknowns
from workbench.workflow import resume
from workbench.workflow.estimates import uncertainty_of

LOG_DENSITY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal(0.4, 0.02)": lambda v: stats.norm.logpdf(v, 0.4, 0.02),
    "lognormal(-1, 0.05)": lambda v: stats.norm.logpdf(np.log(v), -1, 0.05),
    "laplace(0.4, 0.02)": lambda v: stats.laplace.logpdf(v, 0.4, 0.02),
    "loglaplace(-1, 0.5)": lambda v: stats.laplace.logpdf(np.log(v), -1, 0.5),
    "gamma(200, 0.002)": lambda v: stats.gamma.logpdf(v, 200, scale=0.002),
    "gamma(1.5, 2)": lambda v: stats.gamma.logpdf(v, 1.5, scale=2.0),
    "beta(40, 60)": lambda v: stats.beta.logpdf(v, 40, 60),
    "beta(1.2, 5)": lambda v: stats.beta.logpdf(v, 1.2, 5),
}
"""By the value, `log…` by its logarithm."""


# --- densities


@pytest.mark.parametrize("text", LOG_DENSITY)
def test_half_a_squared_residual_is_minus_log_density_above_its_peak(text: str) -> None:
    prior, log_density = density_of(text), LOG_DENSITY[text]
    assert prior.peak is not None
    v = np.array([0.3, 0.9, 0.999, 1.0, 1.0011, 1.02, 2.2]) * prior.peak
    v = v[v < prior.support[1]]
    r, slope, _ = prior.rows(v)
    # the kink of Laplace's density is rounded off by KINK
    kink = KINK if "laplace" in text else 0.0
    expected = log_density(np.array([prior.peak])) - log_density(v)
    np.testing.assert_allclose(r**2 / 2, expected, rtol=1e-9, atol=1e-12 + kink)
    assert (np.diff(r) > 0).all()
    h = 1e-6 * v
    away = np.abs(v / prior.peak - 1) > 1e-4
    difference = (prior.rows(v + h)[0] - prior.rows(v - h)[0]) / (2 * h)
    np.testing.assert_allclose(slope[away], difference[away], rtol=1e-6)


@pytest.mark.parametrize("text", [text for text in LOG_DENSITY if "laplace" not in text])
def test_near_its_peak_a_residual_is_straight(text: str) -> None:
    prior = density_of(text)
    assert prior.peak is not None
    e = np.array([-1e-9, 0.0, 1e-9])
    r, slope, curvature = prior.rows(prior.peak * (1 + e))
    np.testing.assert_allclose(r, np.sqrt(curvature) * prior.peak * e, rtol=1e-6, atol=1e-14)  # eps/e of the argument
    np.testing.assert_allclose(slope, np.sqrt(curvature), rtol=1e-6)


@pytest.mark.parametrize("text", [*LOG_DENSITY, "uniform(2, 5)", "loguniform(0.1, 3)"])
def test_mean_and_deviation_are_those_of_the_distribution(text: str) -> None:
    prior = density_of(text)
    kinds = {
        "normal": stats.norm,
        "laplace": stats.laplace,
        "gamma": lambda a, b: stats.gamma(a, scale=b),
        "beta": stats.beta,
        "uniform": lambda a, b: stats.uniform(a, b - a),
    }
    ends = (np.log(prior.a), np.log(prior.b)) if text.startswith("loguniform") else (prior.a, prior.b)
    of = kinds[prior.family.removeprefix("log")](*ends)
    assert prior.middle == pytest.approx((of.mean(), of.std()), rel=1e-12)


def test_a_uniform_prior_is_nothing_but_bounds() -> None:
    parameter = Parameter("k", 3.0, lower=1.0, prior="uniform(2, 5)")
    assert (parameter.lower, parameter.upper) == (2.0, 5.0)
    assert (Parameter("k", 3.0, prior="gamma(3, 1)").lower, Parameter("k", 0.5, prior="beta(2, 2)").upper) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("normal(0, 0)", "normal with a centre and a scale above 0 is meant"),
        ("uniform(2, 1)", "the lower one first is meant"),
        ("loguniform(0, 1)", "two ends above 0"),
        ("gamma(1, 1)", "a shape above 1, so that it has a peak"),
        ("beta(2, 0.5)", "two shapes above 1"),
        ("cauchy(0, 1)", "one of normal, lognormal"),
        ("normal(0)", "two numbers"),
        ("normal(x, 1)", "two numbers"),
    ],
)
def test_what_is_no_prior_is_told_what_is_meant(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match=meant):
        density_of(text)


# --- objectives


class Bowl:
    """½‖x − 2‖² as an objective."""

    lower, upper, least_squares = np.full(3, -np.inf), np.full(3, np.inf), True

    def value(self, x: np.ndarray) -> float:
        return 0.5 * float((x - 2) @ (x - 2))

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        return self.value(x), x - 2

    def linearize(self, x: np.ndarray) -> Linearization:
        return Linearization(x - 2, np.eye(3), self.value(x))

    def frozen(self, x: np.ndarray) -> Bowl:
        return self


def test_a_posterior_is_the_likelihood_and_a_row_for_each_prior_in_the_scale_of_the_fit() -> None:
    block = Block(
        "own",
        ("a", "b"),
        np.array([[0.5, 1.0], [0.7, 2.0]]),
        free=np.array([[True, True], [True, False]]),
        lower=0.0,
        transform=("log", "identity"),
        prior=("gamma(3, 0.2)", ""),
    )
    unknowns = Unknowns([block])
    assert unknowns.priors == ("gamma(3, 0.2)", "", "gamma(3, 0.2)")
    posterior, x = Posterior(Bowl(), DeclaredPriors(unknowns)), unknowns.start
    expected = sum(
        stats.gamma.logpdf(0.4, 3, scale=0.2) - stats.gamma.logpdf(value, 3, scale=0.2) for value in (0.5, 0.7)
    )
    assert posterior.value(x) - Bowl().value(x) == pytest.approx(expected, rel=1e-12)
    value, g = posterior.gradient(x)
    line = posterior.frozen(x).linearize(x)
    assert line.value == value
    np.testing.assert_allclose(line.vjp(line.residuals), g, rtol=1e-13)
    h = 1e-6
    difference = [(posterior.value(x + h * e) - posterior.value(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(g, difference, rtol=1e-8)
    assert posterior.value(np.full(3, -1e5)) == np.inf  # a = 0 has no density


# --- fits

T = np.linspace(0, 5, 12)
EXACT = {"solver.rtol": 1e-11, "solver.atol": 1e-13, "optimizer.ftol": 1e-13}


@pytest.fixture(scope="module")
def few() -> Dataset:
    """12 noisy values of 10·exp(−0.6 t): too few to outshout a prior."""
    y = 10 * np.exp(-0.6 * T) + 0.8 * np.random.default_rng(3).standard_normal(12)
    return Dataset(T, y[:, None], [12], ("x",))


def asked(folder: Path, prior: str, more: str = "", start: str = "normal(9, 0.5)") -> Path:
    file = folder / "decay.toml"
    file.write_text(
        f'[states.x]\nequation = "-k*x"\n'
        f'initial = {{ value = 8.0, fit = true, bounds = [0.1, 100], prior = "{start}" }}\n'
        f'[parameters]\nk = {{ value = 0.5, prior = "{prior}"{more} }}\n'
        '[observed.x]\nformula = "x"\nnoise = "gaussian"\n'
    )
    return file


@pytest.mark.parametrize("transform", ["identity", "log"])
@pytest.mark.parametrize("prior", [text for text in LOG_DENSITY if text not in ("gamma(1.5, 2)", "beta(1.2, 5)")])
def test_a_fit_finds_the_peak_of_the_posterior_whatever_the_transform(
    prior: str, transform: str, few: Dataset, tmp_path: Path
) -> None:
    y = few.values[:, 0]

    def nll(v: np.ndarray) -> float:
        r = y - v[1] * np.exp(-v[0] * T)
        return 6 * np.log(np.mean(r * r)) + 6 * (1 + np.log(2 * np.pi))

    def cost(v: np.ndarray) -> float:
        if v[0] <= 0 or v[0] >= 1:
            return 1e10
        return nll(v) - float(LOG_DENSITY[prior](v[0])) - float(stats.norm.logpdf(v[1], 9, 0.5))

    best = np.array([0.45, 9.5])
    for _ in range(4):
        options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000, "maxfev": 4000}
        best = optimize.minimize(cost, best, method="Nelder-Mead", options=options).x
    more = f', transform = "{transform}"'
    fitted = wb.fit(few, problem=asked(tmp_path, prior, more), split="none", settings=EXACT)
    found = [fitted.parameters[name]["value"] for name in ("k", "x(0)")]
    np.testing.assert_allclose(found, best, rtol=1e-6)
    assert fitted.metrics["train"]["nll"] == pytest.approx(nll(np.array(found)), abs=1e-8)  # the data's alone
    said = fitted.parameters["k"]["prior"]
    assert said["density"] == prior
    assert said["pull"] == pytest.approx(density_of(prior).pull(found[0]))


def test_standard_errors_add_the_precision_of_the_prior_to_that_of_the_data(tmp_path: Path) -> None:
    """x = a·t with known noise and a normal prior: the posterior of a is normal, and known exactly."""
    t, sigma = np.linspace(0, 2, 9), 0.3
    y = 1.7 * t + sigma * np.random.default_rng(0).standard_normal(9)
    file = tmp_path / "line.toml"
    file.write_text(
        '[states.x]\nequation = "a"\ninitial = 0.0\n[parameters]\na = { value = 1.0, prior = "normal(1, 0.2)" }\n'
        f'[observed.x]\nformula = "x"\nnoise = "gaussian"\nscale = {sigma}\n'
    )
    fitted = wb.fit(Dataset(t, y[:, None], [9], ("x",)), problem=file, split="none")
    precision = (t @ t) / sigma**2 + 1 / 0.2**2
    mean = ((t @ y) / sigma**2 + 1 / 0.2**2) / precision
    a = fitted.parameters["a"]
    assert a["value"] == pytest.approx(mean, rel=1e-8)
    assert a["stderr"] == pytest.approx(precision**-0.5, rel=1e-8)
    assert a["ci95"] == pytest.approx([mean - 1.959964 * precision**-0.5, mean + 1.959964 * precision**-0.5], rel=1e-6)


def test_where_the_scale_is_fitted_only_the_datas_share_of_the_precision_is_corrected_for_it(
    few: Dataset, tmp_path: Path
) -> None:
    narrow = wb.fit(few, problem=asked(tmp_path, "normal(0.5, 1e-4)"), split="none")
    # a prior that settles k leaves its own width, whatever the scatter of the data
    assert narrow.parameters["k"]["stderr"] == pytest.approx(1e-4, rel=1e-3)
    wide = wb.fit(few, problem=asked(tmp_path, "normal(0.5, 1e4)", start="normal(9, 1e4)"), split="none")
    free = tmp_path / "free.toml"
    free.write_text((tmp_path / "decay.toml").read_text().replace(', prior = "normal(0.5, 1e4)"', ""))
    free.write_text(free.read_text().replace(', prior = "normal(9, 1e4)"', ""))
    without = wb.fit(few, problem=free, split="none")
    assert wide.parameters["k"]["stderr"] == pytest.approx(without.parameters["k"]["stderr"], rel=1e-5)


def test_standard_errors_beside_a_learned_term_add_the_precision_of_the_prior_too() -> None:
    """A drag that may be anything takes the place of k, until a prior says what k is."""
    text = (
        '[states.x]\nequation = "-k*x + drag(x)"\ninitial = 9.0\n[parameters]\nk = { value = 0.5%s }\n'
        '[networks.drag]\nhidden = [6]\n[observed.x]\nformula = "x"\nnoise = "gaussian"\n'
    )
    t = np.linspace(0, 4, 60)
    data = Dataset(t, (9 * np.exp(-0.6 * t) + 0.1 * np.cos(40 * t))[:, None], [60], ("x",))
    errors = {}
    for prior in ("", ', prior = "normal(0.5, 0.01)"'):
        model = task_of(read_problem(text % prior).with_data(data, "none"), loss="likelihood").model
        x = model.unknowns.start
        found = uncertainty_of(model, x, model.trial(x, Selection.of(data)))
        errors[prior] = found.stderr[found.names.index("k")]
    without, beside = errors.values()
    assert not without < 0.02
    assert beside == pytest.approx(0.01, rel=0.02)


def test_priors_make_a_fit_a_likelihood_and_other_losses_refuse_them(few: Dataset, tmp_path: Path) -> None:
    file = asked(tmp_path, "normal(0.4, 0.02)")
    file.write_text(file.read_text().replace('noise = "gaussian"\n', ""))
    assert wb.fit(few, problem=file, split="none").run.config["choices"]["loss"] == "likelihood"
    with pytest.raises(UsageError, match="parameters have priors, and the loss 'mse' is no likelihood"):
        wb.fit(few, problem=file, split="none", loss="mse")


def test_a_fit_with_priors_goes_on_from_its_checkpoint_to_the_bit(few: Dataset, tmp_path: Path) -> None:
    file = asked(tmp_path, "gamma(200, 0.002)")
    options = {"problem": file, "split": "none", "optimizer": "levenberg-marquardt", "store": tmp_path}
    whole = wb.fit(few, name="whole", iterations=6, **options)
    wb.fit(few, name="part", iterations=3, **options)
    again = resume("part", store=tmp_path, iterations=6)
    assert again.parameters == whole.parameters


def test_the_card_says_how_far_the_data_pulled_each_estimate(few: Dataset, tmp_path: Path) -> None:
    from click.testing import CliRunner

    data = tmp_path / "x.csv"
    data.write_text("t,x\n" + "\n".join(f"{t},{v}" for t, v in zip(few.t, few.values[:, 0], strict=True)))
    arguments = ["fit", str(data), "--problem", str(asked(tmp_path, "uniform(0.3, 0.6)")), "--runs", str(tmp_path)]
    output = CliRunner().invoke(main, arguments).output
    assert "k: prior uniform(0.3, 0.6), 0.45 → 0." in output
    assert "x(0): prior normal(9, 0.5), 9 → " in output


@pytest.mark.parametrize(
    ("prior", "more", "error", "said"),
    [
        (
            "uniform(2, 3)",
            "",
            BoundsExclude,
            r"decay\.toml:5.*the value 0\.5 is impossible under the prior uniform\(2, 3\)",
        ),
        ("beta(2, 3)", ", bounds = [2, 3]", BoundsExclude, "the prior .* lies outside of the bounds"),
        ("normal(-1, 1)", ", bounds = [0, 3]", BoundsExclude, "with its peak at -1 lies outside of the bounds"),
        ("normal(0, 0)", "", ValueWrong, "normal with a centre and a scale above 0"),
        ("cauchy(0, 1)", "", ValueWrong, "one of normal, lognormal, .* with two numbers, as in 'normal"),
    ],
)
def test_a_prior_that_contradicts_its_parameter_is_refused_with_its_line(
    prior: str, more: str, error: type[WorkbenchError], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        read_problem(asked(tmp_path, prior, more))


def test_a_half_normal_prior_and_bounds_that_a_prior_gives_a_transform_are_fine(few: Dataset, tmp_path: Path) -> None:
    assert read_problem(asked(tmp_path, "normal(0, 1)", ", bounds = [0, 3]")).system is not None
    fitted = wb.fit(few, problem=asked(tmp_path, "uniform(0.3, 0.7)", ', transform = "logit"'), split="none")
    assert 0.3 < fitted.parameters["k"]["value"] < 0.7


def test_start_values_outside_of_a_priors_support_are_refused(few: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--set k=0\.9 is outside of its bounds"):
        wb.fit(few, problem=asked(tmp_path, "uniform(0.3, 0.7)"), start_values={"k": 0.9})
