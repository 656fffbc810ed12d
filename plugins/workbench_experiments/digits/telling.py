"""What was measured as tables, claims and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Claim, Column, Panel, Picture, ResultTable, Series

from .published import CHEN, ISSUES, PUBLISHED

if TYPE_CHECKING:
    from .experiment import Measured

UNDECIDED = "the quick form trains too little to decide it"
LIMIT = {"8×8": 2.5, "MNI": 4.0}
"""Wrong answers in % that are allowed at most: 97.5 % right of 8×8 digits, 96 % of MNIST from 5000 images."""


def table_of_networks(found: Measured, seeds: int) -> ResultTable:
    """One row a network: published and own numbers side by side."""
    columns = (
        Column("network"),
        Column("published error", "%", f"{CHEN}; {ISSUES}"),
        Column("published parameters", "million", f"{CHEN}; {ISSUES}"),
        Column("published memory", "", CHEN),
        Column("error", "%"),
        Column("lowest", "%"),
        Column("highest", "%"),
        Column("parameters"),
        Column("of the ResNet's", "%"),
        Column("kept for the way back", "kB an image"),
        Column("evaluations forward"),
        Column("backward"),
        Column("training", "s", varies=True),
    )
    rows = []
    for name, trained in found.trained.items():
        published, errors, cost = PUBLISHED.get(name), [one.error for one in trained], found.costs[name, ""]
        layers = {"one block": 1.0, "ResNet": 6.0}.get(name)
        rows.append(
            (
                name,
                published.error if published else None,
                published.millions if published else None,
                published.memory if published else None,
                float(np.mean(errors)),
                min(errors),
                max(errors),
                found.parameters[name],
                100.0 * found.parameters[name] / found.parameters["ResNet"],
                cost.kept / 1e3,
                layers or cost.forward or None,
                layers or cost.backward or cost.forward or None,
                float(np.mean([one.seconds for one in trained])),
            )
        )
    note = (
        f"{found.images}: mean, lowest and highest of {seeds} seed{'s' if seeds > 1 else ''} on {found.n_test} test "
        "images. For residual blocks evaluations are the blocks. "
        "The published error of no block is an upper bound (issue 32), of one block it is said only that "
        "it equals that of six (issue 25). .77 % of the Euler block is 99.23 % right after 5 epochs in the review."
    )
    return ResultTable("Digits told apart", columns, tuple(rows), note)


def table_of_costs(found: Measured) -> ResultTable:
    """One row a training step: blocks of a ResNet, and gradient and tolerance of an ODE-Net."""
    exact = {size: cost for (kind, size), cost in found.costs.items() if kind == "discrete"}
    rows = []
    for (kind, size), cost in found.costs.items():
        if not size:
            continue
        blocks = kind == "ResNet"
        apart = None
        if kind not in ("ResNet", "discrete"):
            other = exact[size].gradient
            apart = float((cost.gradient - other).norm() / other.norm())
        rows.append(
            (
                f"{size} residual blocks" if blocks else f"ODE-Net, {kind}",
                None if blocks else float(size),
                cost.kept / 1e3,
                None if blocks else cost.forward,
                None if blocks else cost.backward or cost.forward,
                apart,
            )
        )
    columns = (
        Column("network"),
        Column("tolerance"),
        Column("kept for the way back", "kB an image"),
        Column("evaluations forward"),
        Column("backward"),
        Column("gradient, from discrete"),
    )
    note = (
        "One step at the weights that training starts from. Kept are all tensors that torch's autograd saves, once "
        "each, without parameters; the shrinking layers and the answer are in all rows. backprop evaluates f once more "
        "forward, and goes back through that."
    )
    return ResultTable("Memory by depth and tolerance", columns, tuple(rows), note)


def claims(found: Measured, quick: bool, rtol: float) -> tuple[Claim, ...]:
    """What was published or demanded."""
    return (*_of_errors(found, quick), _of_parameters(found), *_of_costs(found, f"{rtol:g}"), _of_growth(found, quick))


def _of_errors(found: Measured, quick: bool) -> tuple[Claim, ...]:
    mean = {name: float(np.mean([one.error for one in trained])) for name, trained in found.trained.items()}
    limit, gap = LIMIT[found.images[:3]], mean["ODE-Net"] - mean["ResNet"]

    def told(text: str, wanted: str, seen: str, holds: bool, reason: str, source: str = "") -> Claim:
        if quick:
            return Claim(text, wanted, seen, None, UNDECIDED, source)
        return Claim(text, wanted, seen, holds, "" if holds else reason, source)

    spread = max(mean["no block"], mean["one block"], mean["ResNet"]) - min(mean["ODE-Net"], mean["RK-Net"])
    return (
        told(
            "An ODE-Net is about as good as the ResNet",
            "at most .5 points more errors",
            f"{mean['ODE-Net']:.2f} % against {mean['ResNet']:.2f} %",
            gap <= 0.5,
            f"{gap:.2f} points more, of {found.n_test} test images a seed",
            CHEN,
        ),
        told(
            f"The ODE-Net is right on {100 - limit:g} % of {found.images}",
            f"at most {limit:g} % wrong",
            f"{mean['ODE-Net']:.2f} %",
            mean["ODE-Net"] <= limit,
            "trained too little, or on too few images",
        ),
        told(
            "The network without any block does nearly as well: the shrinking layers do most of it",
            "no block within one point of the ODE-Net",
            f"{mean['no block']:.2f} % without, {mean['ODE-Net']:.2f} % with; {spread:.2f} points over all",
            abs(mean["no block"] - mean["ODE-Net"]) <= 1.0,
            "at this size the block does matter: few channels shrink the image less well than 64",
            ISSUES,
        ),
    )


def _of_parameters(found: Measured) -> Claim:
    share = 100.0 * found.parameters["ODE-Net"] / found.parameters["ResNet"]
    return Claim(
        "The ODE-Net has about a third of the ResNet's parameters",
        "at most 40 %",
        f"{share:.1f} %",
        share <= 40.0,
        "" if share <= 40.0 else "other channels than the published",
        CHEN,
    )


def _of_costs(found: Measured, at: str) -> tuple[Claim, ...]:
    kept = {gradient: [c.kept for (kind, _), c in found.costs.items() if kind == gradient] for gradient in GRADIENTS}
    blocks = np.array([c.kept for (kind, size), c in found.costs.items() if kind == "ResNet" and size])
    steps = np.diff(blocks) / np.diff([1, 2, 4, 6])
    flat = len(set(kept["adjoint"])) == 1
    grows = kept["backprop"][-1] / kept["backprop"][0]
    back = [c for (kind, _), c in found.costs.items() if kind == "adjoint"][-1]
    ratio = back.backward / back.forward
    return (
        Claim(
            "The adjoint keeps O(1) for the way back, however many evaluations are made",
            "the same bytes at every tolerance",
            ", ".join(f"{each / 1e3:.0f} kB" for each in kept["adjoint"]) + f"; backprop grows {grows:.1f} times",
            flat,
            "" if flat else "the bytes differ",
            CHEN,
        ),
        Claim(
            "The ResNet keeps O(L)",
            "the same bytes for every further block",
            f"{steps.min() / 1e3:.1f} … {steps.max() / 1e3:.1f} kB a block",
            bool(np.ptp(steps) == 0),
            "" if np.ptp(steps) == 0 else "the bytes a block differ",
            CHEN,
        ),
        Claim(
            "The backward pass of the adjoint takes about half the evaluations of the forward pass",
            "a ratio of .3 to .7",
            f"{ratio:.1f}",
            0.3 <= ratio <= 0.7,
            "" if 0.3 <= ratio <= 0.7 else NOT_HALF,
            f"{CHEN.removesuffix(', Table 1')}, Fig. 3c",
        ),
    )


GRADIENTS = ("backprop", "discrete", "checkpoints", "adjoint")
NOT_HALF = (
    "probable, not tested: the adjoint is solved here to a tolerance relative to its own size, as the states are; its "
    "equation has the kinks of ReLU, at which steps are cut, and the absolute tolerance that is usual elsewhere does "
    "not see an adjoint as small as the gradient of a mean over a batch"
)


def _of_growth(found: Measured, quick: bool) -> Claim:
    curve = np.mean([one.evaluations for one in found.trained["ODE-Net"]], axis=0)
    lowest = int(curve.argmin())
    grown = bool(curve[-1] > curve[0])
    reason = "" if grown else "from epoch to epoch the dynamics became no harder to solve than they were at first"
    return Claim(
        "Evaluations grow as training goes on",
        "more in the last epoch than in the first",
        f"{curve[0]:.1f} → {curve[lowest]:.1f} (lowest, epoch {lowest + 1}) → {curve[-1]:.1f} an image",
        None if quick else grown,
        UNDECIDED if quick else reason,
        f"{CHEN.removesuffix(', Table 1')}, Fig. 3d",
    )


def pictures(found: Measured) -> tuple[Picture, ...]:
    """Loss and evaluations against epochs, and what is kept against depth."""
    losses, evaluations = [], []
    for name, trained in found.trained.items():
        curves = np.array([one.losses for one in trained])
        epochs = np.arange(1, curves.shape[1] + 1)
        losses.append(Series(name, epochs, curves.mean(axis=0)))
        counts = np.array([one.evaluations for one in trained])
        if np.isfinite(counts).all():
            evaluations.append(Series(name, epochs, counts.mean(axis=0)))
    memory = [_kept(found, gradient) for gradient in GRADIENTS]
    blocks = [(float(size), c.kept / 1e3) for (kind, size), c in found.costs.items() if kind == "ResNet" and size]
    memory.append(_curve("residual blocks", blocks))
    return (
        Picture(
            "training",
            "Training on digits",
            (
                Panel("cross entropy", "epoch", "loss on the training images", tuple(losses), log_y=True),
                Panel("what a solve takes", "epoch", "evaluations of f an image", tuple(evaluations)),
            ),
        ),
        Picture(
            "memory",
            "What is kept for the way back",
            (Panel("one training step", "evaluations forward, or blocks", "kB an image", tuple(memory)),),
        ),
    )


def _kept(found: Measured, gradient: str) -> Series:
    points = [(c.forward, c.kept / 1e3) for (kind, size), c in found.costs.items() if kind == gradient and size]
    return _curve(gradient, points)


def _curve(label: str, points: list[tuple[float, float]]) -> Series:
    x, y = np.array(sorted(points)).T
    return Series(label, x, y, "line and points")
