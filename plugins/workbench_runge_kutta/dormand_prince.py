"""The pair of orders 5 and 4 of Dormand and Prince, with its dense output of order 4."""

from workbench.engine import Tableau

# coefficients are laid out as tables
# fmt: off

DOPRI5 = Tableau(
    name="dopri5", order=5, order_low=4,
    c="0 1/5 3/10 4/5 8/9 1 1".split(),
    a=[
        [],
        "1/5".split(),
        "3/40 9/40".split(),
        "44/45 -56/15 32/9".split(),
        "19372/6561 -25360/2187 64448/6561 -212/729".split(),
        "9017/3168 -355/33 46732/5247 49/176 -5103/18656".split(),
        "35/384 0 500/1113 125/192 -2187/6784 11/84".split(),
    ],
    b="35/384 0 500/1113 125/192 -2187/6784 11/84 0".split(),
    b_low="5179/57600 0 7571/16695 393/640 -92097/339200 187/2100 1/40".split(),
    tower=[
        (
            "-12715105075/11282082432 0 87487479700/32700410799 -10690763975/1880347072"
            " 701980252875/199316789632 -1453857185/822651844 69997945/29380423"
        ).split(),
    ],
    dense_order=4,
    summary="pair of orders 5 and 4, the workhorse of the field",
    source="Dormand & Prince (1980), J. Comput. Appl. Math. 6, 19–26; Shampine (1986), Math. Comp. 46, 135–150",
)
