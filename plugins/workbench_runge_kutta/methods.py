"""Every method of this family, by increasing order."""

from workbench.engine import Tableau

from .classical import BOSH3, EULER, HEUN2, MIDPOINT, RALSTON, RK4, RK4_38
from .dop853 import DOP853
from .dormand_prince import DOPRI5
from .tsitouras import TSIT5

METHODS: tuple[Tableau, ...] = (EULER, MIDPOINT, HEUN2, RALSTON, BOSH3, RK4, RK4_38, DOPRI5, TSIT5, DOP853)
