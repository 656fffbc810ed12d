"""Step controllers as data: how the errors of the last three steps decide the next one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

ControllerName = Literal["pi", "i", "pi42", "h211pi", "h312pid", "predictive"]


@dataclass(frozen=True)
class Controller:
    """h_{n+1} = safety · h_n (1/e_n)^(β₁/k) (1/e_{n−1})^(β₂/k) (1/e_{n−2})^(β₃/k), for an error estimate of size h^k.

    β₁ = kI + kP + kD, β₂ = −(kP + 2 kD), β₃ = kD are the exponents of a PID controller in the notation of Söderlind
    (2003, Digital filters in adaptive time-stepping, ACM TOMS 29, 1–26). Coefficients are strings, exact. `start`
    stands for the errors before the first step. With `retry` a rejected step is cut by its own error alone,
    (1/e_n)^(1/k): the small exponents of a filter would have it tried again and again.

    With `predictive` the law has the factor h_n/h_{n−1} besides, which takes errors to go on changing as they did, and
    no step is longer than (1/e_n)^(1/k) allows. Errors below `floor` count as that in later steps, and a step that
    would grow by less than `hold` stays as long as it is.

    >>> [str(beta) for beta in Controller("i", kI="1").beta]
    ['1', '0', '0']
    """

    name: str
    kI: str
    kP: str = "0"
    kD: str = "0"
    predictive: bool = False
    start: float = 1.0
    floor: float = 1e-4
    hold: float = 1.0
    retry: bool = True
    source: str = ""

    @property
    def beta(self) -> tuple[Fraction, Fraction, Fraction]:
        """β₁, β₂, β₃."""
        i, p, d = Fraction(self.kI), Fraction(self.kP), Fraction(self.kD)
        return i + p + d, -(p + 2 * d), d


TABLE_III = "Söderlind (2003), ACM TOMS 29, 1–26, Table III"

CONTROLLERS = {
    controller.name: controller
    for controller in (
        Controller(
            "pi",
            kI="0.65",
            kP="0.2",
            start=1e-4,
            retry=False,
            source="dopri5: Hairer & Wanner, Solving ODEs II, 2nd ed., IV.2 (α = 1/5 − 0.75 β, β = 0.04, for k = 5)",
        ),
        Controller("i", kI="1", source="Hairer, Nørsett & Wanner, Solving ODEs I, 2nd ed., II.4, eq. (4.13)"),
        Controller("pi42", kI="2/5", kP="1/5", source="PI.4.2 of Söderlind (2003), ACM TOMS 29, 1–26"),
        Controller("h211pi", kI="1/3", kP="-1/6", source=TABLE_III),
        Controller("h312pid", kI="2/9", kP="-2/9", kD="1/18", source=TABLE_III),
        Controller(
            "predictive",
            kI="1",
            kP="1",
            predictive=True,
            floor=1e-2,
            hold=1.2,
            source="Gustafsson (1994), ACM TOMS 20, 496–517; RADAU5: Hairer & Wanner, Solving ODEs II, 2nd ed., IV.8",
        ),
    )
}
assert set(CONTROLLERS) == set(get_args(ControllerName))
