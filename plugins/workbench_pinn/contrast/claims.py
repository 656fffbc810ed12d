"""What is said of PINNs, and what follows from their definition: each held against the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Claim

from .arms import BEYOND, GREY, HARD, MATCHED, NEURAL, PINNS, SOFT
from .published import BATY, DEEPXDE, NEURAL_PDE, REVIEW, WANG, WU
from .recipe import PUBLISHED
from .stepping import CAUSAL, PLAIN

if TYPE_CHECKING:
    from .experiment import Contrast, Facts

GOOD = 0.1
"""An error below this share of the spread follows the truth."""
LOST = 0.5
"""An error above it has lost the truth."""
SHORT = "the quick form trains for fewer iterations, with one seed"


def of(facts: Facts) -> Iterator[Claim]:
    """The published ones first; those on cases that were not run are left out."""
    yield _recipe(facts)
    if stiff := facts.contrasts.get("stiff"):
        yield _stiff(facts, stiff)
    if sparse := facts.contrasts.get("sparse"):
        yield from _sparse(facts, sparse)
    yield from _causal(facts)
    yield _put_back(facts)
    calm = [each for name, each in facts.contrasts.items() if name not in ("stiff", "sparse")]
    if calm:
        yield from _calm(facts, calm)
    yield _grey(facts)
    yield from _steps(facts)


def _claim(facts: Facts, text: str, wanted: str, seen: str, holds: bool, reason: str, source: str = "") -> Claim:
    """The reason is said where the claim does not hold; for the quick form, that it is one."""
    said = f"{reason} ({SHORT})" if facts.quick else reason
    return Claim(text, wanted, seen, bool(holds), "" if holds else said, source)


def _recipe(facts: Facts) -> Claim:
    again = facts.recipe
    return _claim(
        facts,
        "A PINN finds the four parameters of Lotka and Volterra's equations from 501 exact values, all begun at 1",
        f"a relative error of the vector of at most {PUBLISHED:g}, as the tutorial tests",
        f"{again.off:.1e}",
        again.holds,
        "the training had not converged",
        NEURAL_PDE,
    )


def _stiff(facts: Facts, stiff: Contrast) -> Claim:
    errors = [stiff.median(arm, "fit") for arm in PINNS]
    return _claim(
        facts,
        "A vanilla PINN fails to learn a stiff equation",
        f"van der Pol, μ = 100: every curve errs by more than {GOOD:g} on the training part, the grey box by less",
        f"curves {min(errors):.2g} … {max(errors):.2g}, grey box {stiff.median(GREY, 'fit'):.2g}",
        min(errors) > GOOD > stiff.median(GREY, "fit"),
        "at least one of the curves follows the data",
        BATY,
    )


def _sparse(facts: Facts, sparse: Contrast) -> Iterator[Claim]:
    """The grey box stands for the statistical method of the paper, which is Gaussian processes."""
    grey, best = sparse.median(GREY, "worst"), min(sparse.median(arm, "worst") for arm in PINNS)
    yield _claim(
        facts,
        "On sparse and noisy observations statistical methods recover parameters better than a PINN",
        "the grey box's largest error of a parameter below that of the best PINN",
        f"{100 * grey:.2g} % against {100 * best:.2g} %",
        grey < best,
        "both know the equations, and what is left is the noise of the data, which is the same for both",
        WU,
    )
    grey, best = sparse.median(GREY, "later"), min(sparse.median(arm, "later") for arm in PINNS)
    yield _claim(
        facts,
        "Statistical methods can decisively outperform a PINN on future prediction",
        "the grey box's error in held-out time at most half that of the best curve",
        f"{grey:.2g} against {best:.2g}",
        grey <= best / 2,
        "with collocation points over the held-out time the curve follows its equations there",
        WU,
    )


def _causal(facts: Facts) -> Iterator[Claim]:
    pairs = _pairs(facts, PLAIN, CAUSAL)
    if not pairs:
        return
    better = all(causal <= plain / 2 for _, plain, causal in pairs)
    yield _claim(
        facts,
        "Causal weights alone make a PINN significantly more accurate",
        "as a solver at most half the error of the same curve without them, on every problem",
        "; ".join(f"{name}: {_shown(causal)} against {_shown(plain)}" for name, plain, causal in pairs),
        better,
        "least squares by Levenberg and Marquardt's method finds the solution without them where it finds any; the "
        "paper trains by gradient descent, on harder problems",
        WANG,
    )


def _pairs(facts: Facts, one: str, other: str) -> list[tuple[str, float, float]]:
    """(case, error of one, error of the other) as solvers, where one of them has a solution."""
    errors = {(each.case, each.solver): each.error for each in facts.solved}
    cases = dict.fromkeys(case for case, _ in errors)
    found = [(case, errors[case, one], errors[case, other]) for case in cases]
    return [each for each in found if np.isfinite(min(each[1:]))]


def _put_back(facts: Facts) -> Claim:
    """Over all cases, curves and seeds."""
    seen = [
        (contrast.name, arm, scores[arm].fit, scores[arm].put_back)
        for contrast in facts.contrasts.values()
        for scores in contrast.scores
        for arm in PINNS
    ]
    fitting = [each for each in seen if each[2] < GOOD]
    misled = [each for each in fitting if each[3] > LOST]
    example = "; for one, {}, {}: {:.2g} and {:.2g}".format(*misled[0]) if misled else ""
    return _claim(
        facts,
        "A curve fits its data, and its parameters put back into the equations do not",
        f"at least one curve that errs by less than {GOOD:g} on its data and by more than {LOST:g} put back",
        f"{len(misled)} of {len(fitting)} curves that fit{example}",
        bool(misled),
        "where a curve of this training fits, its defect is small too, and the parameters are right",
        DEEPXDE,
    )


def _calm(facts: Facts, calm: list[Contrast]) -> Iterator[Claim]:
    """On the cases that are neither stiff nor sparse."""

    def errors(arm: str, score: str) -> list[float]:
        return [each.median(arm, score) for each in calm]

    def said(*values: float) -> str:
        return ", ".join(f"{each.name} {_shown(value)}" for each, value in zip(calm, values, strict=True))

    later, again = errors(SOFT, "later"), errors(SOFT, "put_back")
    yield _claim(
        facts,
        "Past its collocation points a curve says nothing, while its parameters put back say what comes",
        f"in held-out time an error above {LOST:g}; put back, below {GOOD:g}",
        f"curve: {said(*later)}; put back: {said(*again)}",
        min(later) > LOST and max(again) < GOOD,
        "the network happens to go on as the truth does, or the parameters were not found",
    )
    later = errors(BEYOND, "later")
    yield _claim(
        facts,
        "With collocation points over the held-out time it follows its equations there",
        f"an error below {GOOD:g}",
        said(*later),
        max(later) < GOOD,
        "the defect is not small enough where there are no data",
    )
    elsewhere = errors(HARD, "elsewhere")
    yield _claim(
        facts,
        "A PINN's curve is of one start; trained anew with the parameters frozen, it follows another",
        f"an error below {GOOD:g}",
        said(*elsewhere),
        max(elsewhere) < GOOD,
        "without data the training over the whole span ends at a large defect; it would take windows",
        REVIEW,
    )
    elsewhere = errors(NEURAL, "elsewhere")
    yield _claim(
        facts,
        "A neural ODE is the equation itself, and follows another start without training",
        f"an error below {GOOD:g}",
        said(*elsewhere),
        max(elsewhere) < GOOD,
        "one trajectory shows the field along one curve; away from it the network guesses",
        REVIEW,
    )


def _grey(facts: Facts) -> Claim:
    others = (*PINNS, MATCHED)
    lost = {
        name: min(others, key=lambda arm: each.median(arm, "put_back"))
        for name, each in facts.contrasts.items()
        if not each.median(GREY, "put_back") <= min(each.median(arm, "put_back") for arm in others)
    }
    return _claim(
        facts,
        "Where the equations are right, fitting them through a solver recovers them best",
        "put back, the grey box's parameters err least in every case",
        f"in {len(facts.contrasts) - len(lost)} of {len(facts.contrasts)} cases",
        not lost,
        "; ".join(f"{name}: {arm} errs less" for name, arm in lost.items()),
    )


def _steps(facts: Facts) -> Iterator[Claim]:
    by = {(each.case, each.solver): each for each in facts.solved}
    pairs = [
        (case, by[case, PLAIN], next(each for each in facts.solved if each.case == case))
        for case in dict.fromkeys(each.case for each in facts.solved)
    ]
    solved = [(case, pinn, steps) for case, pinn, steps in pairs if np.isfinite(pinn.error)]
    if not solved:
        return
    dear = all(pinn.evaluations > 10 * steps.evaluations and pinn.error > steps.error for _, pinn, steps in solved)
    yield _claim(
        facts,
        "As a solver, a trained curve costs more and errs more than steps at default tolerances",
        "more than ten times the evaluations, and a larger error",
        "; ".join(
            f"{case}: {pinn.evaluations / steps.evaluations:.0f} times, {pinn.error:.1e} against {steps.error:.1e}"
            for case, pinn, steps in solved
        ),
        dear,
        "at least one curve is as good",
    )


def _shown(error: float) -> str:
    return f"{error:.2g}" if np.isfinite(error) else "no solution"
