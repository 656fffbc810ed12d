"""The third-order Rosenbrock method of Lang and Verwer for parabolic problems."""

from workbench.engine import RosenbrockTableau

# coefficients are laid out as tables
# fmt: off

ROS3P = RosenbrockTableau.classical(
    name="ros3p", order=3, order_low=1, digits=40, rtol="1e-4",
    gamma="0.7886751345948128822545743902509787278238",  # 1/2 + √3/6
    alpha=[
        [],
        ["1"],
        ["1", "0"],
    ],
    gammas=[
        [],
        ["-1"],
        [
            "-0.7886751345948128822545743902509787278238",  # −γ
            "-1.0773502691896257645091487805019574556476",  # 1/2 − 2γ
        ],
    ],
    b=["2/3", "0", "1/3"],
    # Not the published estimate, b̂ = (1/3, 1/3, 1/3): on a linear system that does not depend on time k₂ = k₁, so that
    # it is 0 however long the step, and every other one of order 2 is a multiple of it. The first stage by itself, the
    # linearly implicit Euler method, is compared with instead: cautious, and never blind.
    b_low=["1", "0", "0"],
    summary="A-stable of order 3 with a cautious error estimate, for stiff problems and loose tolerances",
    source="Lang & Verwer (2001), BIT Numer. Math. 41, 731–738",
)
