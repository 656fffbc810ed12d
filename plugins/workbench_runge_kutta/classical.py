"""The classical methods, with rational coefficients."""

from workbench.engine import Tableau

# coefficients are laid out as tables
# fmt: off

EULER = Tableau(
    name="euler", order=1,
    c=["0"], a=[[]], b=["1"],
    summary="Euler's method, one slope a step",
    source="Euler (1768), Institutiones calculi integralis I, sect. 2, cap. 7",
)

MIDPOINT = Tableau(
    name="midpoint", order=2,
    c=["0", "1/2"], a=[[], ["1/2"]], b=["0", "1"],
    summary="explicit midpoint rule",
    source="Runge (1895), Math. Ann. 46, 167–178",
)

HEUN2 = Tableau(
    name="heun2", order=2,
    c=["0", "1"], a=[[], ["1"]], b=["1/2", "1/2"], b_low=["1", "0"], order_low=1,
    summary="explicit trapezoidal rule, with Euler's method embedded",
    source="Heun (1900), Z. Math. Phys. 45, 23–38",
)

RALSTON = Tableau(
    name="ralston", order=2,
    c=["0", "2/3"], a=[[], ["2/3"]], b=["1/4", "3/4"],
    summary="second order with the smallest bound on the truncation error",
    source="Ralston (1962), Math. Comp. 16, 431–437",
)

RK4 = Tableau(
    name="rk4", order=4,
    c=["0", "1/2", "1/2", "1"],
    a=[[], ["1/2"], ["0", "1/2"], ["0", "0", "1"]],
    b=["1/6", "1/3", "1/3", "1/6"],
    summary="the classical Runge–Kutta method",
    source="Kutta (1901), Z. Math. Phys. 46, 435–453",
)

RK4_38 = Tableau(
    name="rk4_38", order=4,
    c=["0", "1/3", "2/3", "1"],
    a=[[], ["1/3"], ["-1/3", "1"], ["1", "-1", "1"]],
    b=["1/8", "3/8", "3/8", "1/8"],
    summary="the 3/8 rule: four stages, smaller error than rk4",
    source="Kutta (1901), Z. Math. Phys. 46, 435–453",
)

BOSH3 = Tableau(
    name="bosh3", order=3, order_low=2,
    c=["0", "1/2", "3/4", "1"],
    a=[[], ["1/2"], ["0", "3/4"], ["2/9", "1/3", "4/9"]],
    b=["2/9", "1/3", "4/9", "0"],
    b_low=["7/24", "1/4", "1/3", "1/8"],
    summary="pair of orders 3 and 2 for loose tolerances",
    source="Bogacki & Shampine (1989), Appl. Math. Lett. 2(4), 321–325",
)
